"""SenML as JSON: reading packs record by record, and writing packs that are read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import senml_plain
from devices.formats import decode_self_explaining
from devices.reasons import Reason
from devices.senml import PLAIN_ERRORS, Record, Wrong, encode_pack, parse_json, parse_pack, parse_plain
from tests.unit.devices.examples import DETERMINISTIC, messages, readings_of


@pytest.mark.parametrize(
    ("payload", "parsed"),
    [(b"[]", []), (b" {} ", {}), (b"null", None), (b"1.5", 1.5), (b'"a"', "a"), (b"true", True), (b"1E2", 100.0)],
)
def test_parse_json_valid_text_gives_its_value(payload: bytes, parsed: object) -> None:
    """Any JSON value is read, not objects alone."""
    assert parse_json(payload) == parsed


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"nonsense", Reason.NOT_JSON),
        (b"NaN", Reason.NOT_JSON),
        (b"[1,]", Reason.NOT_JSON),
        (b"1 2", Reason.NOT_JSON),
        (b'"\\ud800"', Reason.NOT_JSON),
        (b'"\x01"', Reason.NOT_JSON),
        (b"\xef\xbb\xbf[]", Reason.NOT_JSON),
        (b'"\xff"', Reason.NOT_UTF8),
        (b'"\xed\xa0\x80"', Reason.NOT_UTF8),
        (b"1e999", Reason.VALUE_NOT_FINITE),
        (b"9" * 10_000, Reason.VALUE_NOT_FINITE),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b"[" * 5_000 + b"]" * 5_000, Reason.TOO_DEEP),
    ],
)
def test_parse_json_invalid_text_gives_the_reason(payload: bytes, reason: Reason) -> None:
    """What the parser raises becomes a reason with a detail for people."""
    outcome = parse_json(payload)

    assert isinstance(outcome, tuple)
    assert outcome[0] is reason
    assert outcome[1]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{}", Reason.NOT_READINGS),
        (b"5", Reason.NOT_READINGS),
        (b"null", Reason.NOT_READINGS),
        (b"[[]]", Reason.NOT_READINGS),
        (b'[{"n":"a","v":1},null]', Reason.NOT_READINGS),
        (b'[{"temperature":1}]', Reason.NOT_READINGS),
        (b"[", Reason.NOT_JSON),
    ],
)
def test_parse_pack_something_else_gives_the_reason(payload: bytes, reason: Reason) -> None:
    """JSON that is no pack is said to be none."""
    outcome = parse_pack(payload)

    assert isinstance(outcome, tuple)
    assert outcome[0] is reason


def test_parse_pack_reads_every_label() -> None:
    """All labels of RFC 8428 that Hedgerow reads arrive; others are ignored."""
    outcome = parse_pack(
        b'[{"bver":10,"bn":"a","bt":1,"bu":"V","bv":2,"n":"b","u":"A","v":3,"t":4,"s":5,"ut":6,"bs":7,"x":{}},'
        b'{"vb":false},{"vs":"s"},{"vd":"eA"}]'
    )

    assert outcome == [
        Record(n="b", v=3.0, u="A", t=4.0, bn="a", bt=1.0, bu="V", bv=2.0, s=5.0, bver=10),
        Record(vb=False),
        Record(vs="s"),
        Record(vd="eA"),
    ]


def test_parse_pack_wrong_record_keeps_what_can_be_read() -> None:
    """Its neighbours are records; it says itself what is wrong with it."""
    outcome = parse_pack(b'[{"n":"a","v":1},{"n":"b","u":"V","v":"1"},{"n":"c","u":5,"v":1}]')

    assert isinstance(outcome, list)
    assert outcome[0] == Record(n="a", v=1.0)
    assert isinstance(outcome[1], Wrong)
    assert (outcome[1].n, outcome[1].u, outcome[1].v, outcome[1].reason) == ("b", "V", None, Reason.VALUE_NOT_NUMERIC)
    assert isinstance(outcome[2], Wrong)
    assert (outcome[2].n, outcome[2].v, outcome[2].reason) == ("c", 1.0, Reason.NOT_READINGS)
    assert "u" in outcome[2].detail


@pytest.mark.parametrize(
    "payload",
    [
        b'[{"n":"a"}]',
        b'[{"n":"a","v":null}]',
        b'[{"n":"a","v":1,"bv":2}]',
        b'[{"n":"a","v":1,"bu":"V"}]',
        b'[{"n":"a","v":1,"bver":11}]',
        b'[{"n":"a","v":1,"x_":1}]',
        b'[{"n":"a","v":1,"x\\u005f":1}]',
        b'[{"n":"a","v":1,"vs":"x"}]',
        b'[{"n":"a","v":1,"x":"\xff"}]',
        b'[{"n":"a","v":"1"}]',
        b'[{"n":"a","v":true}]',
        b'{"n":"a","v":1}',
        b"[[]]",
        b"[" * 10_000,
        b'[{"n":"\xff","v":1}]',
        b"",
    ],
)
def test_parse_plain_anything_out_of_the_ordinary_is_left_to_the_careful_way(payload: bytes) -> None:
    """The fast way knows six labels; whatever else is there is not for it to ignore."""
    with pytest.raises(PLAIN_ERRORS):
        parse_plain(payload)


def test_encode_pack_writes_resolved_form() -> None:
    """Base name and base time once, times relative to it, units where there are any."""
    pack = encode_pack(["a", "b"], [1.5, 2.0], [1_600_000_000.0, 1_600_000_000.5], units=["", "V"], base_name="x:")

    assert pack == b'[{"bn":"x:","bt":1600000000.0,"n":"a","v":1.5},{"n":"b","v":2.0,"u":"V","t":0.5}]'


def test_encode_pack_refuses_what_is_not_json() -> None:
    """NaN and infinity never leave as SenML."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_pack(["a"], [float("inf")], [0.0])


def test_encode_pack_of_nothing_is_an_empty_pack() -> None:
    """No reading is no record."""
    assert encode_pack([], [], []) == b"[]"


@DETERMINISTIC
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["temperature", "pm2.5", "a-b_c", "7"]),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(0, 400 * 86_400_000_000),
            st.sampled_from(["", "Cel", "µg/m³"]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(2**28 * 1_000_000, 2_100_000_000_000_000),
)
def test_encode_pack_any_readings_are_read_back_exactly(drawn: list[tuple[str, float, int, str]], start_us: int) -> None:
    """Values to the last bit, times within 400 days of each other to the microsecond, in both ways of decoding."""
    rows = [(metric, value, start_us + after_us, unit) for metric, value, after_us, unit in drawn]
    pack = encode_pack(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] / 1e6 for row in rows],
        units=[row[3] for row in rows],
        base_name="urn:dev:mac:0024befffe804ff1:",
    )
    plain, others = senml_plain.decode(messages(pack))

    for columns in (decode_self_explaining(messages(pack)), plain):
        assert columns is not None
        assert [(r.metric, r.value, r.time_us, r.unit) for r in readings_of(columns)] == rows
    assert list(others) == []
