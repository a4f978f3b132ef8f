"""SenML into columns: every rule of RFC 8428 section 4.6, the known edge cases, and a slow decoder that must agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from devices.columns import NO_TIME_US
from devices.formats import decode_self_explaining as decode
from devices.reasons import Reason
from tests.unit.devices.examples import (
    DETERMINISTIC,
    DEVICE,
    GATEWAY,
    RECEIVED_US,
    Reading,
    Refusal,
    messages,
    readings_of,
    refusals_of,
)
from tests.unit.devices.senml_packs import T0, groups
from tests.unit.devices.slow_senml import slow_decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.columns import Columns


def decode_pack(*records: dict[str, object], topic: str = DEVICE) -> Columns:
    """Decode one pack by itself."""
    return decode(messages(json.dumps(records).encode(), topics=[topic]))


def times_of(*records: dict[str, object]) -> list[int]:
    """Give the times of a pack's readings, relative to its arrival [µs]."""
    return [reading.time_us - RECEIVED_US for reading in readings_of(decode_pack(*records))]


def test_decode_plain_record_gives_its_reading() -> None:
    """Name, unit, time and value of one record arrive in one row."""
    columns = decode_pack({"n": "temperature", "u": "Cel", "t": T0 + 0.25, "v": 21.5})

    assert readings_of(columns) == [Reading(0, 1, "dev-1", "temperature", "Cel", T0 * 1_000_000 + 250_000, 21.5)]
    assert columns.rejects == []


def test_decode_base_fields_hold_until_overridden() -> None:
    """Each base field counts for its own record and all later ones, until another one comes."""
    columns = decode_pack(
        {"bn": "a:", "bt": T0, "bu": "Cel", "bv": 10, "n": "x", "v": 1},
        {"n": "y", "v": 2},
        {"bn": "b:", "bt": T0 + 100, "n": "x", "v": 3},
        {"bu": "V", "bv": 20, "n": "y", "t": 1, "v": 4},
    )

    assert [(r.metric, r.unit, r.time_us // 1_000_000, r.value) for r in readings_of(columns)] == [
        ("x", "Cel", T0, 11.0),
        ("y", "Cel", T0, 12.0),
        ("x", "Cel", T0 + 100, 13.0),
        ("y", "V", T0 + 101, 24.0),
    ]


def test_decode_base_fields_end_with_their_pack() -> None:
    """What one message says about its records never reaches the next message."""
    first = b'[{"bn":"x:","bt":1600000000,"bu":"Cel","bv":100,"n":"a","v":1}]'

    columns = decode(messages(first, b'[{"n":"b","v":2}]', topics=[DEVICE, "hedgerow/v1/dev-2/up"]))

    assert readings_of(columns)[1] == Reading(1, 1, "dev-2", "b", "", RECEIVED_US + 1_000_000, 2.0)


@pytest.mark.parametrize(
    ("records", "metric"),
    [
        ([{"n": "a", "v": 1}], "a"),
        ([{"bn": "a", "v": 1}], "a"),
        ([{"bn": "a", "n": "b", "v": 1}], "ab"),
        ([{"bn": "urn:dev:mac:0024befffe804ff1:", "n": "b", "v": 1}], "b"),
        ([{"bn": "urn:dev:mac:0024befffe804ff1/", "n": "b", "v": 1}], "b"),
        ([{"bn": "x:y/", "n": "b:c", "v": 1}], "c"),
        ([{"n": "x:", "v": 1}], ""),
        ([{"n": "pm2.5", "v": 1}], "pm2.5"),
        ([{"n": "A-b_c", "v": 1}], "A-b_c"),
    ],
)
def test_decode_name_is_base_name_and_name_joined(records: list[dict[str, object]], metric: str) -> None:
    """Plain joining; on a device's topic the metric is what stands behind the last separator."""
    assert [reading.metric for reading in readings_of(decode_pack(*records))] == [metric]


@pytest.mark.parametrize("name", ["", "_a", "-a", ":a", "/a", ".a", "a b", "ä", "a\x00", "a,b", "a%", "a\n"])
def test_decode_name_with_foreign_characters_is_refused_alone(name: str) -> None:
    """A wrong name costs its own record; its neighbours are read."""
    columns = decode_pack({"n": "x", "v": 1}, {"n": name, "v": 2}, {"n": "y", "v": 3})

    assert [reading.item for reading in readings_of(columns)] == [1, 3]
    assert refusals_of(columns) == [Refusal(0, 2, Reason.NAME_INVALID)]


def test_decode_unit_of_the_record_replaces_the_base_unit() -> None:
    """Units are not joined; an empty one is a unit too."""
    columns = decode_pack({"bu": "Cel", "n": "a", "v": 1}, {"n": "b", "u": "V", "v": 2}, {"n": "c", "u": "", "v": 3})

    assert [reading.unit for reading in readings_of(columns)] == ["Cel", "V", ""]


@pytest.mark.parametrize(
    ("record", "offset_us"),
    [
        ({}, 0),
        ({"t": 0}, 0),
        ({"t": -60}, -60_000_000),
        ({"t": 30.5}, 30_500_000),
        ({"bt": -60, "t": 10}, -50_000_000),
        ({"bt": 2**28, "t": -1}, (2**28 - 1) * 1_000_000),
        ({"bt": 2**28 - 1, "t": 1}, 2**28 * 1_000_000 - RECEIVED_US),
        ({"bt": 2**28 - 1}, (2**28 - 1) * 1_000_000),
        ({"t": 2**28}, 2**28 * 1_000_000 - RECEIVED_US),
        ({"t": 2**28 - 0.5}, 2**28 * 1_000_000 - 500_000),
        ({"t": 1e9}, 10**15 - RECEIVED_US),
        ({"bt": T0, "t": -3600}, (T0 - 3600) * 1_000_000 - RECEIVED_US),
        ({"bt": T0 + 0.123456}, T0 * 1_000_000 + 123_456 - RECEIVED_US),
        ({"t": 4_294_967_295}, 4_294_967_295_000_000 - RECEIVED_US),
    ],
)
def test_decode_time_is_relative_or_absolute_by_its_sum(record: dict[str, object], offset_us: int) -> None:
    """Base time and time are added first; only the sum is compared with 2**28 seconds."""
    assert times_of({"n": "a", "v": 1, **record}) == [offset_us]


def test_decode_history_burst_keeps_every_time() -> None:
    """A sensor that hands in its memory: base time now, times negative."""
    records: list[dict[str, object]] = [{"n": "a", "v": i, "t": -600 * i} for i in range(6)]
    records[0]["bt"] = T0

    assert times_of(*records) == [(T0 - 600 * i) * 1_000_000 - RECEIVED_US for i in range(6)]


def test_decode_relative_burst_counts_from_one_arrival() -> None:
    """Now is the arrival of the message, the same for all its records."""
    assert times_of(*[{"n": "a", "v": i, "t": -i} for i in range(4)]) == [0, -1_000_000, -2_000_000, -3_000_000]


@pytest.mark.parametrize("record", [{"t": 1e12}, {"t": -1e12}, {"bt": 1e300}, {"bt": -1e300}, {"bt": 1e308, "t": 1.7e308}])
def test_decode_time_beyond_every_clock_is_marked(record: dict[str, object]) -> None:
    """A time no clock can mean keeps its reading and is marked for the check; no arithmetic wraps round."""
    (reading,) = readings_of(decode_pack({"n": "a", "v": 1, **record}))

    assert reading.time_us == NO_TIME_US


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"v": 1.5}, 1.5),
        ({"v": 0}, 0.0),
        ({"v": -0.0}, 0.0),
        ({"vb": True}, 1.0),
        ({"vb": False}, 0.0),
        ({"bv": 10, "v": 1.5}, 11.5),
        ({"bv": 10, "vb": True}, 1.0),
        ({"bv": 10}, 10.0),
        ({"vs": "open"}, "open"),
        ({"vs": ""}, ""),
        ({"vs": "open", "bv": 5}, "open"),
        ({"v": 2**53 + 1}, float(2**53 + 1)),
        ({"v": 10**30}, 1e30),
        ({"v": 5, "s": 100}, 5.0),
        ({"v": 5, "s": 100, "ut": 60, "unknown": {"deep": [1]}}, 5.0),
    ],
)
def test_decode_value_and_base_value_are_added(record: dict[str, object], value: float | str) -> None:
    """Numbers and base values add up, booleans and texts stand for themselves, unknown labels do not matter."""
    columns = decode_pack({"n": "a", **record})

    assert [reading.value for reading in readings_of(columns)] == [value]
    assert columns.rejects == []


@pytest.mark.parametrize("text", [b"1E1", b"1e1", b"1.0e+1", b"10", b"10.0"])
def test_decode_number_in_any_json_form_is_the_same(text: bytes) -> None:
    """Both letters of the exponent are read."""
    assert [reading.value for reading in readings_of(decode(messages(b'[{"n":"a","v":%s}]' % text)))] == [10.0]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, Reason.VALUE_MISSING),
        ({"s": 5}, Reason.VALUE_MISSING),
        ({"v": None}, Reason.VALUE_MISSING),
        ({"v": 1, "vb": True}, Reason.VALUE_AMBIGUOUS),
        ({"v": 1, "vs": "x"}, Reason.VALUE_AMBIGUOUS),
        ({"v": 0, "vd": "eA"}, Reason.VALUE_AMBIGUOUS),
        ({"vb": False, "vs": ""}, Reason.VALUE_AMBIGUOUS),
        ({"vd": "aGk="}, Reason.VALUE_NOT_NUMERIC),
        ({"v": 10**400}, Reason.VALUE_NOT_FINITE),
        ({"v": "21.5"}, Reason.VALUE_NOT_NUMERIC),
        ({"v": True}, Reason.VALUE_NOT_NUMERIC),
        ({"v": []}, Reason.VALUE_NOT_NUMERIC),
        ({"vb": 1}, Reason.NOT_READINGS),
        ({"v": 1, "u": 5}, Reason.NOT_READINGS),
        ({"v": 1, "t": "noon"}, Reason.NOT_READINGS),
        ({"v": 1, "t": None}, Reason.NOT_READINGS),
    ],
)
def test_decode_record_without_one_number_is_refused_alone(record: dict[str, object], reason: Reason) -> None:
    """The reason names what is wrong with the record; its neighbours are read."""
    columns = decode_pack({"n": "x", "v": 1}, {"n": "a", **record}, {"n": "y", "v": 2})

    assert [reading.item for reading in readings_of(columns)] == [1, 3]
    assert refusals_of(columns) == [Refusal(0, 2, reason)]


def test_decode_value_that_overflows_with_its_base_is_refused() -> None:
    """Two finite numbers with an infinite sum give no reading: an infinite one stops what comes after."""
    columns = decode_pack({"bv": 1e308, "n": "a", "v": 1e308}, {"n": "b", "v": 1.0})

    assert [reading.item for reading in readings_of(columns)] == [2]
    assert refusals_of(columns) == [Refusal(0, 1, Reason.VALUE_NOT_FINITE)]


@pytest.mark.parametrize("version", [11, 99, 10**30])
def test_decode_newer_version_refuses_the_whole_pack(version: int) -> None:
    """A pack of a SenML to come is not guessed at; another message is not touched."""
    pack = json.dumps([{"n": "a", "v": 1}, {"bver": version, "n": "b", "v": 2}, {"n": "c", "v": 3}]).encode()

    columns = decode(messages(pack, b'[{"bver":10,"n":"a","v":1}]', b'[{"bver":5,"n":"a","v":1}]'))

    assert [reading.message for reading in readings_of(columns)] == [1, 2]
    assert {refusal.reason for refusal in refusals_of(columns)} == {Reason.SENML_VERSION}


def test_decode_newer_version_is_not_replayed_as_an_old_one() -> None:
    """What a replay sends of a refused pack still says its version, so it is not read by the wrong rules."""
    columns = decode_pack({"bver": 11, "n": "a", "v": 1})

    assert all(reject.payload is None or b"bver" in reject.payload for reject in columns.rejects)


@pytest.mark.parametrize("label", [b"foo_", b"foo\\u005f", b"\\u0066oo_", b"_"])
def test_decode_label_that_must_be_understood_refuses_the_whole_pack(label: bytes) -> None:
    """RFC 8428: a pack with a label ending in '_' that we do not know is an error, however the label is spelt."""
    pack = b'[{"bn":"x:","bt":1600000000,"%s":1,"n":"a","v":1},{"n":"b","v":2}]' % label

    columns = decode(messages(pack, b'[{"n":"a","v":1}]'))

    assert [reading.message for reading in readings_of(columns)] == [1]
    assert {refusal.reason for refusal in refusals_of(columns)} == {Reason.SENML_LABEL}


def test_decode_underscore_elsewhere_is_harmless() -> None:
    """Only labels must be understood: names, units and texts may end in '_'."""
    columns = decode_pack({"n": "a_", "u": "x_", "v": 1}, {"n": "b", "v": 1, "x": '"_":'})

    assert len(columns) == 2


@pytest.mark.parametrize(
    "base", [{"bt": "2020-09-13"}, {"bn": 5}, {"bv": "10"}, {"bu": 7}, {"bt": []}, {"bver": "11"}], ids=str
)
def test_decode_base_field_that_cannot_be_read_taints_what_builds_on_it(base: dict[str, object]) -> None:
    """No record is read with a base it did not ask for: its time, name or value would be silently wrong."""
    columns = decode_pack(
        {"bt": T0, "bn": "x:", "n": "a", "v": 1}, {**base, "n": "b", "v": 2}, {"n": "c", "v": 3}, {"n": "d", "v": 4}
    )

    assert not {reading.item for reading in readings_of(columns)} & {2, 3, 4}
    assert columns.rejects


@pytest.mark.parametrize(
    ("base_name", "uid"),
    [
        ("victim:", "victim"),
        ("Victim/", "victim"),
        ("urn:dev:mac:0024BEFFFE804FF1:", "0024befffe804ff1"),
        ("urn:dev:mac:00-24-be-ff-fe-80-4f-f1:", "0024befffe804ff1"),
        ("urn:dev:ow:10e2073a01080063:", "10e2073a01080063"),
        ("urn:dev:os:32473-123456:", "32473-123456"),
        ("a:b:c:", "a:b:c"),
    ],
)
def test_decode_gateway_pack_names_the_device_of_each_record(base_name: str, uid: str) -> None:
    """On a gateway's topic the name says whose reading it is."""
    columns = decode_pack({"bn": base_name, "n": "temperature", "v": 1}, topic=GATEWAY)

    assert [(reading.uid, reading.metric) for reading in readings_of(columns)] == [(uid, "temperature")]


@pytest.mark.parametrize("name", ["temperature", "a/b:temperature", "urn:dev:mac::temperature"])
@pytest.mark.parametrize("neighbour", [None, DEVICE, GATEWAY])
def test_decode_gateway_record_without_a_device_is_refused(name: str, neighbour: str | None) -> None:
    """A reading nobody can place never goes to another device, whatever else is in the group."""
    pack = json.dumps([{"n": "victim:humidity", "v": 2}, {"n": name, "v": 99}]).encode()
    other = [(b'[{"n":"victim:temperature","v":1}]', neighbour)] if neighbour else []

    columns = decode(messages(pack, *[one for one, _ in other], topics=[GATEWAY, *[topic for _, topic in other]]))

    assert [(r.uid, r.metric, r.value) for r in readings_of(columns) if r.message == 0] == [("victim", "humidity", 2.0)]
    assert refusals_of(columns) == [Refusal(0, 2, Reason.NAME_INVALID)]


def test_decode_device_topic_does_not_believe_names_in_the_pack() -> None:
    """A device speaks for itself alone, whatever its records are called."""
    columns = decode_pack({"bn": "urn:dev:mac:0024befffe804ff1:", "n": "temperature", "v": 1})

    assert [reading.uid for reading in readings_of(columns)] == ["dev-1"]


def test_decode_same_name_on_device_and_gateway_topic_are_different_devices() -> None:
    """The topic decides, message by message, who is meant."""
    pack = b'[{"n":"other:temperature","v":1}]'

    columns = decode(messages(pack, pack, pack, topics=[DEVICE, GATEWAY, DEVICE]))

    assert [reading.uid for reading in readings_of(columns)] == ["dev-1", "other", "dev-1"]


def test_decode_empty_pack_is_refused_as_a_whole() -> None:
    """A pack without records is no reading and not forgotten."""
    columns = decode(messages(b"[]", b'[{"n":"a","v":1}]', b" [ ] "))

    assert refusals_of(columns) == [Refusal(0, 0, Reason.PACK_EMPTY), Refusal(2, 0, Reason.PACK_EMPTY)]
    assert [reading.message for reading in readings_of(columns)] == [1]


def test_decode_no_messages_gives_no_rows() -> None:
    """An empty group is no special case."""
    columns = decode(messages())

    assert len(columns) == 0
    assert columns.rejects == []


def test_decode_same_name_and_time_twice_gives_both() -> None:
    """Which of two readings counts is decided where keys are known, not here."""
    columns = decode_pack({"bt": T0, "n": "a", "v": 1}, {"n": "a", "v": 2})

    assert [(reading.item, reading.value) for reading in readings_of(columns)] == [(1, 1.0), (2, 2.0)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'[{"n":"a","v":NaN}]', Reason.NOT_JSON),
        (b'[{"n":"a","v":Infinity}]', Reason.NOT_JSON),
        (b'[{"n":"a","v":1}', Reason.NOT_JSON),
        (b'[{"n":"a","v":1}]]', Reason.NOT_JSON),
        (b'[{"n":"a","v":01}]', Reason.NOT_JSON),
        (b"[{'n':'a'}]", Reason.NOT_JSON),
        (b"[5]", Reason.NOT_READINGS),
        (b'["a"]', Reason.NOT_READINGS),
        (b"[null]", Reason.NOT_READINGS),
        (b'[{"n":"a","v":1},5]', Reason.NOT_READINGS),
        (b'[[{"n":"a","v":1}]]', Reason.NOT_READINGS),
        (b'[{"n":"\xff","v":1}]', Reason.NOT_UTF8),
        (b"[" * 5000 + b"]" * 5000, Reason.TOO_DEEP),
    ],
)
def test_decode_broken_pack_costs_only_itself(payload: bytes, reason: Reason) -> None:
    """The message is set aside with its reason; both neighbours are read."""
    good = b'[{"n":"a","v":1}]'

    columns = decode(messages(good, payload, good))

    assert [reading.message for reading in readings_of(columns)] == [0, 2]
    assert refusals_of(columns) == [Refusal(1, 0, reason)]


@settings(DETERMINISTIC, max_examples=400)
@given(groups)
def test_decode_random_groups_agree_with_the_slow_decoder(
    group: Sequence[tuple[list[dict[str, object]] | bytes, str]],
) -> None:
    """Over random packs, broken ones among them, on every kind of topic: the same readings, the same refusals."""
    payloads = [pack if isinstance(pack, bytes) else json.dumps(pack).encode() for pack, _ in group]
    asked = messages(*payloads, topics=[topic for _, topic in group])
    expected = slow_decode(payloads, asked.sources, asked.received_us.tolist())

    columns = decode(asked)

    assert readings_of(columns) == expected.readings
    assert refusals_of(columns) == sorted(expected.refusals)
