"""SenML packs drawn at random, in JSON and CBOR: plain ones, odd ones, wrong ones, several to a group."""

from __future__ import annotations

import json
from random import Random

from hypothesis import strategies as st

from tests.unit.devices.examples import DEVICE, GATEWAY
from tests.unit.devices.slow_cbor import LABELS, Tagged, write_cbor

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
            "vs": st.sampled_from(["", "Very-Wet ", '"}],[{"']),
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

INTEGERS = {label: at - 6 for at, label in enumerate(LABELS)}
decimal_fractions = st.builds(
    lambda exponent, mantissa: Tagged(4, [exponent, mantissa]),
    st.one_of(st.integers(-6, 6), st.integers(-800, 400)),
    st.one_of(st.integers(-(10**9), 10**9), st.integers(-(2**200), 2**200)),
)
binary_numbers = st.one_of(
    decimal_fractions,
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 2**64, -(2**64) - 1, 2**1023, 2**1024, -(2**1024), 1.5, 1e-7]),
    st.sampled_from(
        [Tagged(4, [1]), Tagged(4, "12"), Tagged(5, [1, 2]), Tagged(2, "x"), Tagged(35, "a+"), Tagged(1, 12.5), b"x"]
    ),
)
binary_extras = st.dictionaries(st.sampled_from(["v", "t", "bt", "bv", "s"]), binary_numbers, max_size=1)
seeds = st.integers(0, 2**32)


def to_cbor(pack: list[dict[str, object]], seed: int) -> bytes:
    """Write a pack as CBOR, data as byte strings, each key as SenML has it and now and then as text."""
    chance = Random(seed)
    records = [
        {
            key if chance.random() < 0.02 else INTEGERS.get(key, key): b"x" if value == "eA" else value
            for key, value in record.items()
        }
        for record in pack
    ]
    return bytes([0x80 + len(records)]) + b"".join(write_cbor(record, chance) for record in records)


binary_packs = st.builds(
    to_cbor,
    st.lists(st.builds(lambda record, extra: record | extra, simple_records | records, binary_extras), min_size=1, max_size=6),
    seeds,
)
json_packs = packs.map(lambda pack: pack if isinstance(pack, bytes) else json.dumps(pack).encode())
mixed_groups = st.lists(st.tuples(st.one_of(binary_packs, binary_packs, json_packs), topics), min_size=1, max_size=6)
"""Payloads in both encodings, each with its topic."""
