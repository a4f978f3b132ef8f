"""Flat JSON: times of every usual kind, values, and a slow reading of the same objects that must agree."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.columns import NO_TIME_US
from devices.flat import TimeError, decode, encode_object, time_us
from devices.reasons import Reason
from devices.senml import TIME_KEYS
from tests.unit.devices.examples import (
    DETERMINISTIC,
    RECEIVED_US,
    Reading,
    Refusal,
    messages,
    readings_of,
    refusals_of,
)

if TYPE_CHECKING:
    from devices.columns import Columns

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON_US = 1_718_452_800_000_000
"""2024-06-15T12:00:00Z."""


def decode_object(one: object) -> Columns:
    """Decode one object, or list of them, by itself."""
    return decode(messages(json.dumps(one).encode()))


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2024-06-15T12:00:00Z", NOON_US),
        ("2024-06-15T12:00:00", NOON_US),
        ("2024-06-15 12:00:00", NOON_US),
        (" 2024-06-15T12:00:00Z\n", NOON_US),
        ("2024-06-15T12:00Z", NOON_US),
        ("20240615T120000Z", NOON_US),
        ("2024-06-15T13:00:00+01:00", NOON_US),
        ("2024-06-15T06:30:00-05:30", NOON_US),
        ("2024-06-15T12:00:00.25Z", NOON_US + 250_000),
        ("2024-06-15T12:00:00.123456Z", NOON_US + 123_456),
        ("2024-06-15T12:00:00.123456789Z", NOON_US + 123_456),
        ("2024-06-15", NOON_US - 43_200_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2106-02-07T06:28:16Z", 2**32 * 1_000_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000_000),
    ],
)
def test_time_us_iso_text_is_understood(text: str, micros: int) -> None:
    """With and without offset, in both notations, to the microsecond; without an offset it is UTC."""
    assert time_us(text) == micros


def test_time_us_text_without_offset_is_utc_wherever_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time zone of the server is nobody's business."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert time_us("2024-06-15T12:00:00") == NOON_US
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("number", "micros"),
    [
        (0, 0),
        (1_718_452_800, NOON_US),
        (1_718_452_800.25, NOON_US + 250_000),
        (1_718_452_800_000, NOON_US),
        (1_718_452_800_000.5, NOON_US + 500),
        (1_718_452_800_000_000, NOON_US),
        (1_718_452_800_000_123.0, NOON_US + 123),
        (1_718_452_800_000_000_000, NOON_US),
        (1_718_452_800_000_000_499, NOON_US),
        (-86_400, -86_400_000_000),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (99_999_999_999_999, 99_999_999_999_999_000),
        (100_000_000_000_000, 100_000_000_000_000),
        (99_999_999_999_999_999, 99_999_999_999_999_999),
        (100_000_000_000_000_000, 100_000_000_000_000),
        (-99_999_999_999, -99_999_999_999_000_000),
        (-100_000_000_000, -100_000_000_000_000),
        (2**63 - 1, 9_223_372_036_854_776),
        (1e21, NO_TIME_US),
        (-1e300, NO_TIME_US),
        (10**400, NO_TIME_US),
    ],
)
def test_time_us_number_is_told_apart_by_its_size(number: float, micros: int) -> None:
    """Seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, nanoseconds above; tested at the borders."""
    assert time_us(number) == pytest.approx(micros, rel=1e-15, abs=0)  # beyond the year 2255 not to the microsecond


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9], ids=["s", "ms", "us", "ns"])
@pytest.mark.parametrize("year", [1975, 2001, 2024, 2106, 2500])
def test_time_us_plausible_years_agree_in_every_unit(unit: int, year: int) -> None:
    """Whatever unit a device counts in, the same moment comes out from 1975 to 2500."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    seconds = (moment - EPOCH) // timedelta(seconds=1)

    assert time_us(seconds * unit) == seconds * 1_000_000


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "noon",
        "1718452800",
        "2024-13-01",
        "2024-06-15T25:00:00Z",
        "12:00",
        True,
        False,
        None,
        [],
        {},
        [1],
        "\x00",
        "x" * 10_000,
    ],
)
def test_time_us_something_else_is_refused(moment: object) -> None:
    """What is no time is said to be none; nothing is guessed."""
    with pytest.raises(TimeError):
        time_us(moment)


@pytest.mark.parametrize("text", ["1701010112345", "1701010112345678"])
def test_time_us_digits_in_quotes_are_never_read_as_a_date_long_ago(text: str) -> None:
    """A number sent as text is that number or refused: not the year 1701 that its first digits happen to spell."""
    try:
        micros = time_us(text)
    except TimeError:
        return

    assert micros == time_us(int(text))


@DETERMINISTIC
@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-840, 840))  # noqa: DTZ001 - made aware below
def test_time_us_any_moment_comes_back_to_the_microsecond(naive: datetime, offset_minutes: int) -> None:
    """The text of any moment with any offset is read exactly."""
    moment = naive.replace(tzinfo=UTC)
    text = (moment + timedelta(minutes=offset_minutes)).replace(tzinfo=None).isoformat()
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)

    assert time_us(f"{text}{sign}{hours:02}:{minutes:02}") == (moment - EPOCH) // timedelta(microseconds=1)


def test_decode_object_gives_a_reading_for_each_metric() -> None:
    """Every key beside the time is a metric of the device the topic names."""
    columns = decode_object({"time": "2024-06-15T12:00:00Z", "pm2_5": 8.3, "temperature": 21, "door": True})

    assert readings_of(columns) == [
        Reading(0, 1, "dev-1", "pm2_5", "", NOON_US, 8.3),
        Reading(0, 2, "dev-1", "temperature", "", NOON_US, 21.0),
        Reading(0, 3, "dev-1", "door", "", NOON_US, 1.0),
    ]
    assert columns.rejects == []


def test_decode_list_of_objects_numbers_readings_through() -> None:
    """Items count through the whole message: each is one key in quarantine."""
    columns = decode_object([{"time": 1, "a": 1, "b": 2}, {"time": 2, "a": 3}, {"a": 4}])

    assert [(r.item, r.metric, r.time_us) for r in readings_of(columns)] == [
        (1, "a", 1_000_000),
        (2, "b", 1_000_000),
        (3, "a", 2_000_000),
        (4, "a", RECEIVED_US),
    ]


@pytest.mark.parametrize("key", TIME_KEYS)
def test_decode_time_key_of_any_usual_name_is_the_time(key: str) -> None:
    """`time`, `timestamp` and `ts` mean the same, wherever they stand in the object."""
    columns = decode_object({"a": 1, key: 1_718_452_800, "b": 2})

    assert [(reading.metric, reading.time_us) for reading in readings_of(columns)] == [("a", NOON_US), ("b", NOON_US)]


def test_decode_without_time_takes_the_arrival() -> None:
    """A sensor without a clock is read at the moment its message came, each message at its own."""
    columns = decode(messages(b'{"a":1}', b'{"a":2}'))

    assert [reading.time_us for reading in readings_of(columns)] == [RECEIVED_US, RECEIVED_US + 1_000_000]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", Reason.VALUE_MISSING),
        ('"21.5"', Reason.VALUE_NOT_NUMERIC),
        ('""', Reason.VALUE_NOT_NUMERIC),
        ("[1]", Reason.NOT_READINGS),
        ('{"v":1}', Reason.NOT_READINGS),
        ("1" + "0" * 400, Reason.VALUE_NOT_FINITE),
        ("-1" + "0" * 400, Reason.VALUE_NOT_FINITE),
    ],
)
def test_decode_value_that_is_no_number_is_refused_alone(value: str, reason: Reason) -> None:
    """Its neighbours in the same object are read, and what is set aside can be replayed to the same refusal."""
    columns = decode(messages(b'{"time":1718452800,"a":1,"b":%s,"c":3}' % value.encode()))

    assert [(reading.item, reading.metric) for reading in readings_of(columns)] == [(1, "a"), (3, "c")]
    assert refusals_of(columns) == [Refusal(0, 2, reason)]
    payload = columns.rejects[0].payload
    if payload is not None:
        again = decode(messages(payload))
        assert readings_of(again) == []
        assert [refusal.reason for refusal in refusals_of(again)] == [reason]


@pytest.mark.parametrize("moment", ["soon", None, True, [1], {"s": 1}])
def test_decode_time_that_cannot_be_read_refuses_its_object_alone(moment: object) -> None:
    """Readings without a credible time are set aside one by one; the other objects of the list are read."""
    columns = decode_object([{"time": moment, "a": 1, "b": 2}, {"time": 1_718_452_800, "a": 3}])

    assert [(reading.item, reading.time_us) for reading in readings_of(columns)] == [(3, NOON_US)]
    assert refusals_of(columns) == [Refusal(0, 1, Reason.TIME_INVALID), Refusal(0, 2, Reason.TIME_INVALID)]


@pytest.mark.parametrize("payload", [b"{}", b'{"time":1}', b'{"ts":"2024-06-15"}', b"[{}]", b'[{"time":1},{}]'])
def test_decode_object_without_metrics_is_refused_as_a_whole(payload: bytes) -> None:
    """A message that says nothing is not forgotten."""
    assert refusals_of(decode(messages(payload, b'{"a":1}'))) == [Refusal(0, 0, Reason.PACK_EMPTY)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"a":1', Reason.NOT_JSON),
        (b'{"a":NaN}', Reason.NOT_JSON),
        (b'{"a":1}}', Reason.NOT_JSON),
        (b"hello", Reason.NOT_JSON),
        (b'{"a":1,}', Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'{"a\xff":1}', Reason.NOT_UTF8),
        (b'{"a":1e999}', Reason.VALUE_NOT_FINITE),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", Reason.TOO_DEEP),
    ],
)
def test_decode_broken_object_costs_only_itself(payload: bytes, reason: Reason) -> None:
    """The message is set aside whole with its reason; both neighbours are read."""
    columns = decode(messages(b'{"a":1}', payload, b'{"a":2}'))

    assert [reading.message for reading in readings_of(columns)] == [0, 2]
    assert refusals_of(columns) == [Refusal(1, 0, reason)]


@pytest.mark.parametrize("payload", [b"5", b'"text"', b"null", b"true", b"[5]", b"[[]]"])
def test_decode_json_that_is_no_object_is_refused(payload: bytes) -> None:
    """Valid JSON is not yet a message."""
    columns = decode(messages(payload))

    assert len(columns) == 0
    assert {reject.reason for reject in columns.rejects} == {Reason.NOT_READINGS}


@pytest.mark.parametrize("around", [b'{"a":%s}', b'{"time":%s,"a":1}', b'[{"time":1,"a":%s,"b":2}]'])
def test_decode_nesting_of_any_depth_is_refused_never_raised(around: bytes) -> None:
    """Just below the depth the parser refuses, what is done with the parsed value must not fail either."""
    for depth in [*range(1, 50, 7), *range(900, 1100)]:
        columns = decode(messages(around % (b"[" * depth + b"]" * depth)))

        assert columns.rejects
        assert {reject.reason for reject in columns.rejects} <= {Reason.NOT_READINGS, Reason.TIME_INVALID, Reason.TOO_DEEP}


@pytest.mark.parametrize("key", ["", " ", "a b", "°C", "a:b", "\x00", "x" * 1000])
def test_decode_key_of_any_characters_is_kept_as_sent(key: str) -> None:
    """Whether a metric exists is for those to say who know the vocabulary."""
    assert [reading.metric for reading in readings_of(decode_object({key: 1}))] == [key]


def test_encode_object_is_read_back() -> None:
    """What the simulators send is what ingest reads."""
    payload = encode_object("2024-06-15T12:00:00Z", {"pm2_5": 8.3, "temperature": -0.5})

    assert [(r.metric, r.time_us, r.value) for r in readings_of(decode(messages(payload)))] == [
        ("pm2_5", NOON_US, 8.3),
        ("temperature", NOON_US, -0.5),
    ]


def test_encode_object_refuses_what_is_not_json() -> None:
    """NaN never leaves a simulator."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_object(1, {"a": float("nan")})


values = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
)
moments = st.sampled_from([0, 1_718_452_800, 1_718_452_800_123, 1.5e9, "2024-06-15T12:00:00Z", "soon", None])
objects = st.dictionaries(st.sampled_from(["a", "b", "c", "pm2.5", "", "time", "ts"]), values, max_size=5).flatmap(
    lambda one: st.just(one) | moments.map(lambda moment: {"time": moment, **{k: v for k, v in one.items() if k != "time"}})
)


def slow_object(one: dict[str, object], received_us: int) -> list[tuple[str, int, float] | Reason]:
    """Read one object the obvious way."""
    key = next((key for key in TIME_KEYS if key in one), None)
    rows: list[tuple[str, int, float] | Reason] = []
    try:
        micros = received_us if key is None else time_us(one[key])
    except TimeError:
        return [Reason.TIME_INVALID for other in one if other != key]
    for metric, value in one.items():
        if metric == key:
            continue
        if value is None:
            rows.append(Reason.VALUE_MISSING)
        elif isinstance(value, str):
            rows.append(Reason.VALUE_NOT_NUMERIC)
        else:
            assert isinstance(value, int | float)
            rows.append((metric, micros, float(value)))
    return rows


@settings(DETERMINISTIC, max_examples=200)
@given(st.lists(objects | st.lists(objects, min_size=1, max_size=3), min_size=1, max_size=4))
def test_decode_random_objects_agree_with_the_slow_reading(group: list[dict[str, object] | list[dict[str, object]]]) -> None:
    """Readings, their order, their items and every refusal are those of reading object by object."""
    expected: list[Reading] = []
    refusals: list[Refusal] = []
    for message, one in enumerate(group):
        parts = one if isinstance(one, list) else [one]
        rows = [row for part in parts for row in slow_object(part, RECEIVED_US + message * 1_000_000)]
        for item, row in enumerate(rows, 1):
            if isinstance(row, Reason):
                refusals.append(Refusal(message, item, row))
            else:
                expected.append(Reading(message, item, "dev-1", row[0], "", row[1], row[2]))
        if not rows:
            refusals.append(Refusal(message, 0, Reason.PACK_EMPTY))

    columns = decode(messages(*[json.dumps(one).encode() for one in group]))

    assert readings_of(columns) == expected
    assert refusals_of(columns) == sorted(refusals)
