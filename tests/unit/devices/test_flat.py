"""Flat objects in JSON and CBOR: their values and times, and a slow reading of the same objects that must agree."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.columns import MOST_REFUSED, NO_TIME_US
from devices.flat import TimeError, encode_object, time_us
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
from tests.unit.devices.examples import decode_flat as decode
from tests.unit.devices.slow_cbor import Tagged, write_cbor

if TYPE_CHECKING:
    from devices.columns import Columns

NOON_US = 1_718_452_800_000_000
"""2024-06-15T12:00:00Z."""


def decode_object(one: object) -> Columns:
    """Decode one object, or list of them, by itself."""
    return decode(messages(json.dumps(one).encode()))


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


@pytest.mark.parametrize("text", ["open", "", "21.5", "true", "x" * 1000, "\x00"])
def test_decode_text_is_kept_as_sent(text: str) -> None:
    """Whether it names a state of its metric is for those to say who know the vocabulary."""
    columns = decode_object({"time": 1_718_452_800, "a": 1, "road_surface_state": text, "b": 2})

    assert readings_of(columns) == [
        Reading(0, 1, "dev-1", "a", "", NOON_US, 1.0),
        Reading(0, 2, "dev-1", "road_surface_state", "", NOON_US, text),
        Reading(0, 3, "dev-1", "b", "", NOON_US, 2.0),
    ]


@pytest.mark.parametrize(
    ("before", "after", "unit_us"),
    [(10**11 - 1, 10**11, 1_000_000), (10**14 - 1, 10**14, 1_000), (10**17 - 1, 10**17, 1)],
    ids=["s-ms", "ms-us", "us-ns"],
)
@pytest.mark.parametrize("form", [b'{"time":%d,"a":1}', b'[{"a":0},{"time":%d,"a":1}]', b'[{"ts":%d,"a":1}]'])
def test_decode_time_at_the_border_of_two_units_takes_the_finer_one(before: int, after: int, unit_us: int, form: bytes) -> None:
    """One number below the border counts in the coarser unit, the border itself in the next, in lists of objects too."""
    coarse, fine = (readings_of(decode(messages(form % number)))[-1].time_us for number in (before, after))

    assert coarse == pytest.approx(before * unit_us, rel=1e-15, abs=0)
    assert fine == after * unit_us // 1000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", Reason.VALUE_MISSING),
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


@pytest.mark.parametrize("bad", [b'{"b":null}', b"[]", b'{"time":"soon","b":1}'])
def test_decode_list_with_very_many_bad_values_is_refused_as_a_whole(bad: bytes) -> None:
    """Beyond a thousand they are not set aside one by one; its neighbours are read."""
    lists = [b"[%s]" % b",".join([b'{"a":1}', *[bad] * count]) for count in (MOST_REFUSED, MOST_REFUSED + 1)]

    columns = decode(messages(b'{"a":1}', *lists, b'{"a":1}'))

    assert [reading.message for reading in readings_of(columns)] == [0, 1, 3]
    assert [refusal.item for refusal in refusals_of(columns)] == [*range(2, MOST_REFUSED + 2), 0]


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


def slow_object(one: dict[str, object], received_us: int) -> list[tuple[str, int, float | str] | Reason]:
    """Read one object the obvious way."""
    key = next((key for key in TIME_KEYS if key in one), None)
    rows: list[tuple[str, int, float | str] | Reason] = []
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
            rows.append((metric, micros, value))
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


@settings(DETERMINISTIC, max_examples=200)
@given(objects | st.lists(objects, min_size=1, max_size=3), st.integers(0, 2**32))
def test_decode_random_objects_in_cbor_say_what_they_say_in_json(
    one: dict[str, object] | list[dict[str, object]], seed: int
) -> None:
    """The same object in any form that CBOR has for it gives the same readings and refusals."""
    in_json, in_cbor = messages(json.dumps(one).encode()), messages(write_cbor(one, Random(seed)))

    assert readings_of(decode(in_cbor)) == readings_of(decode(in_json))
    assert refusals_of(decode(in_cbor)) == refusals_of(decode(in_json))


@pytest.mark.parametrize(
    ("moment", "micros"),
    [
        (Tagged(0, "2024-06-15T12:00:00Z"), NOON_US),
        (Tagged(1, 1_718_452_800), NOON_US),
        (Tagged(1, 1_718_452_800.5), NOON_US + 500_000),
        (Tagged(4, [-3, 1_718_452_800_500]), NOON_US + 500_000),
        (Tagged(2, (1_718_452_800_000_000_000).to_bytes(16, "big")), NOON_US),
        (float("nan"), NO_TIME_US),
        (float("inf"), NO_TIME_US),
    ],
)
def test_decode_cbor_time_in_its_own_forms_is_understood(moment: object, micros: int) -> None:
    """Tagged texts and seconds, fractions, big integers; what is no number is no time of any clock."""
    columns = decode(messages(write_cbor({"time": moment, "a": 1}, Random(0))))

    assert [(reading.metric, reading.time_us) for reading in readings_of(columns)] == [("a", micros)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), Reason.VALUE_NOT_FINITE),
        (float("-inf"), Reason.VALUE_NOT_FINITE),
        (Tagged(4, [999, 1]), Reason.VALUE_NOT_FINITE),
        (Tagged(2, b"\xff" * 129), Reason.VALUE_NOT_FINITE),
        (b"x", Reason.NOT_READINGS),
        (Tagged(35, "a+"), Reason.NOT_READINGS),
        (Tagged(4, [1]), Reason.NOT_READINGS),
        ([1], Reason.NOT_READINGS),
        (None, Reason.VALUE_MISSING),
    ],
)
def test_decode_cbor_value_that_is_no_number_is_refused_alone(value: object, reason: Reason) -> None:
    """What JSON cannot write is replayed with the whole message; its neighbours are read."""
    columns = decode(messages(write_cbor({"time": 1_718_452_800, "a": 1, "b": value, "c": 3}, Random(0))))

    assert [(reading.item, reading.metric) for reading in readings_of(columns)] == [(1, "a"), (3, "c")]
    assert refusals_of(columns) == [Refusal(0, 2, reason)]
    (reject,) = columns.rejects
    assert reject.payload is None or refusals_of(decode(messages(reject.payload))) == [Refusal(0, 1, reason)]
