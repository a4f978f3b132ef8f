"""SenML packs drawn at random: plain ones, odd ones, wrong ones, several to a group."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.unit.devices.examples import DEVICE, GATEWAY

T0 = 1_600_000_000
BROKEN = b'[{"n":"x","v":'

numbers = st.one_of(
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from([0, 0.1, -0.0, 2**53 + 1, 1e12, 123456.789]),
)
times = st.one_of(
    st.integers(-100_000, 100_000),
    st.floats(-1e5, 1e5),
    st.sampled_from([2**28 - 1, 2**28, -(2**28), 1e9, T0, T0 + 0.5, 4e9, 2**28 - 0.5]),
)
names = st.sampled_from(
    ["a", "b", "temperature", "a:b", "x/y", "dev-7:a", "urn:dev:mac:0024befffe804ff1:t", "", "_x", "a b", "ä", "Z9:", "a/"]
)
units = st.sampled_from(["Cel", "", "V", "%RH", "Ω"])
wrong = st.sampled_from([{"v": "1"}, {"v": []}, {"v": True}, {"t": "x"}, {"u": 5}, {"n": 3}, {"vb": "yes"}, {"n": None}])
records = st.builds(
    lambda fields, mistake: fields | (mistake or {}),
    st.fixed_dictionaries(
        {"n": names},
        optional={
            "v": numbers | st.none(),
            "t": times,
            "u": units | st.none(),
            "bn": names | st.none(),
            "bt": times,
            "bu": units,
            "bv": numbers,
            "vb": st.booleans(),
            "vs": st.sampled_from(["", "text", '"}],[{"']),
            "vd": st.just("eA"),
            "s": numbers,
            "bver": st.sampled_from([5, 10, 10, 10, 11]),
            "ut": numbers,
            "extra": st.sampled_from([None, {"a": [1, 2]}, "x"]),
        },
    ),
    st.one_of(st.none(), st.none(), st.none(), wrong),
)
simple_records = st.fixed_dictionaries({"n": names, "v": numbers}, optional={"t": times, "bn": names, "bt": times, "u": units})
broken = st.sampled_from([b"[]", BROKEN, b"[5]", b"[[]]", b'[{"n":"a"}]]', b'[{"n":"\xff","v":1}]', b"nonsense", b'"]', b"[]]"])
good_packs = st.lists(st.one_of(simple_records, records), min_size=1, max_size=6)
packs = st.one_of(good_packs, good_packs, good_packs, broken)
topics = st.sampled_from([DEVICE, "hedgerow/v1/dev-2/up", GATEWAY, "hedgerow/v1/gw/gate-2/up"])
groups = st.lists(st.tuples(packs, topics), min_size=1, max_size=6)
