"""Resolve: every reading ends in the batch, in quarantine or held, and nowhere twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from devices.columns import NO_TIME_US
from devices.flags import Flag
from devices.reasons import Reason
from devices.registry import EMPTY_REGISTRY
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.resolve import MOST_ROWS, Resolved, nothing_resolved, resolve
from tests.unit.devices.examples import DETERMINISTIC, Reading, readings_of
from tests.unit.devices.senml_packs import groups
from tests.unit.ingest.examples import (
    DEVICES,
    GATEWAY,
    HOUR_US,
    KNOWN,
    MOVED_US,
    OTHER,
    RECEIVED_US,
    SWAPPED,
    Refusal,
    Row,
    device_topic,
    group,
    refusals_of,
    registry,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.message import Group

NEW = device_topic("not-registered")


def resolved(*payloads: bytes, topics: Sequence[str] = ()) -> Resolved:
    """Decode and resolve a group."""
    return outcome(group(*payloads, topics=topics))


def outcome(messages: Group) -> Resolved:
    """Decode and resolve a group that is made already."""
    return resolve(decode(messages), messages, registry())


def again(payload: bytes, topic: str, received_us: int = RECEIVED_US) -> list[Reading]:
    """Decode one payload as if it were replayed."""
    columns = decode(group_of([Message(topic, payload, received_us, 1, 1, may_be_repeated=False)]))
    assert columns.rejects == []
    return readings_of(columns)


def test_resolve_known_readings_get_their_series() -> None:
    """Keys, aliases and capitals find the metric, the topic the device, both together the series."""
    found = resolved(
        b'[{"n":"air_temperature","v":20},{"n":"PM25","v":8}]',
        b'{"Temperature":21}',
        topics=[device_topic(KNOWN), device_topic(OTHER)],
    )

    assert rows_of(found.batch) == [
        Row(101, RECEIVED_US, 20.0, 0, 0, RECEIVED_US),
        Row(102, RECEIVED_US, 8.0, 0, 1, RECEIVED_US),
        Row(201, RECEIVED_US + 1_000_000, 21.0, 0, 0, RECEIVED_US + 1_000_000),
    ]
    assert (list(found.rejects), list(found.held), list(found.missing)) == ([], [], [])
    assert found.archived.tolist() == [True, True]
    assert found.device_ids.tolist() == [10, 20]


@pytest.mark.parametrize(
    ("unit", "value", "stored"),
    [("K", 293.15, 20.0), ("degF", 68.0, 20.0), ("Cel", 20.0, 20.0), ("°C", 20.0, 20.0), ("", 20.0, 20.0)],
)
def test_resolve_unit_of_the_message_becomes_the_metric_s_own(unit: str, value: float, stored: float) -> None:
    """What is stored has the unit the vocabulary names."""
    found = resolved(json.dumps([{"n": "temperature", "u": unit, "v": value}]).encode())

    assert found.batch.value.tolist() == [pytest.approx(stored)]


def test_resolve_one_unit_with_several_metrics_is_converted_for_each() -> None:
    """The same unit is right for one metric and wrong for its neighbour."""
    found = resolved(b'[{"bu":"K","n":"temperature","v":273.15},{"n":"pm25","v":1},{"n":"temperature","u":"Cel","v":5,"t":-1}]')

    assert rows_of(found.batch) == [
        Row(101, RECEIVED_US, 0.0, 0, 0, RECEIVED_US),
        Row(101, RECEIVED_US - 1_000_000, 5.0, 0, 0, RECEIVED_US),
    ]
    assert refusals_of(found.rejects) == [Refusal(0, 2, Reason.UNIT_MISMATCH)]


def test_resolve_unknown_metric_is_refused_alone() -> None:
    """Its neighbours in the message are stored; what is set aside says the same when it is replayed."""
    found = resolved(b'[{"bt":1699999000,"n":"temperature","v":20},{"n":"aura","u":"lx","v":7,"t":2.5},{"n":"pm25","v":8}]')

    assert found.batch.series.tolist() == [101, 102]
    assert refusals_of(found.rejects) == [Refusal(0, 2, Reason.METRIC_UNKNOWN)]
    assert "aura" in found.rejects[0].detail
    assert found.rejects[0].payload is not None
    assert again(found.rejects[0].payload, device_topic(KNOWN)) == [
        Reading(0, 1, KNOWN, "aura", "lx", 1_699_999_002_500_000, 7.0)
    ]


@pytest.mark.parametrize("key", ["air quality", "T°", "a:b", "a/b", "", "_x", "temp(1)", "\x00", "ä"])
def test_resolve_unknown_metric_of_any_spelling_is_replayed_as_it_was(key: str) -> None:
    """Once somebody adds that spelling to the vocabulary the replay must find it: flat JSON allows any key."""
    found = resolved(json.dumps({"time": 1_699_999_000, key: 7, "pm25": 8}).encode())

    assert found.batch.series.tolist() == [102]
    (reject,) = found.rejects
    replayed = again(b"{}" if reject.payload is None else reject.payload, device_topic(KNOWN))
    assert [(reading.metric, reading.time_us, reading.value) for reading in replayed] == [(key, 1_699_999_000_000_000, 7.0)]


def test_resolve_refused_reading_of_an_early_time_keeps_it_for_the_replay() -> None:
    """A clock that starts in 1970 does not become a credible one by going through quarantine."""
    found = resolved(b'{"time":60,"aura":7}')

    (reject,) = found.rejects
    assert reject.payload is not None
    later_us = RECEIVED_US + 86_400_000_000
    assert [reading.time_us for reading in again(reject.payload, device_topic(KNOWN), later_us)] == [60_000_000]


def test_resolve_many_refused_readings_of_one_message_are_kept_a_hundred_times() -> None:
    """All of them are counted; beyond what quarantine keeps of a message they bring nothing that takes memory."""
    many = json.dumps([{"n": "nonsense", "v": i} for i in range(MOST_ROWS + 20)]).encode()
    rejects = resolved(many, b'[{"n":"nonsense","v":1}]').rejects

    own = [reject for reject in rejects if reject.message == 0]
    assert [reject.item for reject in own] == list(range(1, MOST_ROWS + 21))
    assert [bool(reject.payload and reject.detail) for reject in own] == [True] * MOST_ROWS + [False] * 20
    assert [bool(reject.payload) for reject in rejects if reject.message == 1] == [True]


def test_resolve_value_that_overflows_in_the_metric_s_unit_is_refused() -> None:
    """An infinite value would spoil every mean it gets into."""
    found = resolved(b'[{"n":"pm25","u":"kg/m3","v":1e305},{"n":"temperature","v":1}]')

    assert found.batch.series.tolist() == [101]
    assert refusals_of(found.rejects) == [Refusal(0, 1, Reason.VALUE_NOT_FINITE)]


def test_resolve_message_of_an_unregistered_device_is_held_whole() -> None:
    """Its bytes wait as they came, bad readings included: they are judged when the device is known."""
    payload = b'[{"n":"temperature","v":20},{"n":"a b","v":1},{"n":"aura","v":1}]'

    found = resolved(payload, b'[{"n":"temperature","v":1}]', topics=[NEW, device_topic(KNOWN)])

    assert list(found.held) == [(0, "not-registered", NEW, payload)]
    assert found.batch.series.tolist() == [101]
    assert list(found.rejects) == []
    assert found.archived.tolist() == [False, True]
    assert found.device_ids.tolist() == [0, 10]


@pytest.mark.parametrize("payload", [b'[{"n":"temperature","vs":"x"}]', b'{"temperature":null}', b'{"time":"soon","a":1}'])
def test_resolve_message_of_an_unregistered_device_without_good_readings_is_held(payload: bytes) -> None:
    """Nothing of it is refused before the device is known."""
    found = resolved(payload, topics=[NEW])

    assert [held.payload for held in found.held] == [payload]
    assert list(found.rejects) == []


@pytest.mark.parametrize("payload", [b"nonsense", b"", b"[]", b'{"time":1}'])
def test_resolve_message_of_an_unregistered_device_that_says_nothing_is_refused(payload: bytes) -> None:
    """What no registration can mend goes to quarantine at once."""
    found = resolved(payload, topics=[NEW])

    assert list(found.held) == []
    assert [refusal.item for refusal in refusals_of(found.rejects)] == [0]


def test_resolve_gateway_pack_is_held_for_its_unregistered_devices_only() -> None:
    """The known device's readings are stored now; each other device's part waits under its own name."""
    pack = (
        b'[{"bn":"dev-1:","bt":1699999000,"n":"temperature","u":"K","v":293.15},'
        b'{"bn":"new-a:","n":"temperature","u":"K","v":280},{"bn":"new-b:","n":"pm25","v":3,"t":1},'
        b'{"bn":"new-a:","n":"aura","v":1,"t":0.000001},{"bn":"dev-1:","n":"aura","v":1}]'
    )

    found = resolved(pack, topics=[GATEWAY])

    assert rows_of(found.batch) == [Row(101, 1_699_999_000_000_000, 293.15 - 273.15, 0, 0, RECEIVED_US)]
    assert refusals_of(found.rejects) == [Refusal(0, 5, Reason.METRIC_UNKNOWN)]
    assert [(held.message, held.uid, held.topic) for held in found.held] == [
        (0, "new-a", device_topic("new-a")),
        (0, "new-b", device_topic("new-b")),
    ]
    assert again(found.held[0].payload, found.held[0].topic) == [
        Reading(0, 1, "new-a", "temperature", "K", 1_699_999_000_000_000, 280.0),
        Reading(0, 2, "new-a", "aura", "", 1_699_999_000_000_001, 1.0),
    ]
    assert again(found.held[1].payload, found.held[1].topic) == [Reading(0, 1, "new-b", "pm25", "", 1_699_999_001_000_000, 3.0)]
    assert found.archived.tolist() == [True]
    assert found.device_ids.tolist() == [0]


def test_resolve_refused_reading_of_a_gateway_still_names_its_device() -> None:
    """It is replayed on the gateway's topic, which does not say whose it is."""
    (reject,) = resolved(b'[{"bn":"dev-1:","n":"aura","v":1}]', topics=[GATEWAY]).rejects

    assert reject.payload is not None
    assert [reading.uid for reading in again(reject.payload, GATEWAY)] == [KNOWN]


@pytest.mark.parametrize(
    "pack",
    [
        b'[{"bv":1e308,"n":"new-a:temperature","v":1e308}]',
        b'[{"bt":1e300,"n":"new-a:temperature","v":1}]',
        b'[{"n":"new-a:temperature","v":1,"t":-1e300},{"n":"new-a:temperature","v":2}]',
    ],
)
def test_resolve_gateway_pack_with_extreme_numbers_never_raises(pack: bytes) -> None:
    """A reading that could stop the path would stop it again at every delivery."""
    found = resolved(pack, b'[{"n":"temperature","v":1}]', topics=[GATEWAY, device_topic(KNOWN)])

    assert found.batch.series.tolist() == [101]
    assert len(found.held) + len(found.rejects) >= 1


def test_resolve_flat_object_on_a_gateway_topic_is_the_gateway_s_own() -> None:
    """Held under the gateway's name, as long as the gateway is no registered device."""
    found = resolved(b'{"time":1699999000,"temperature":20}', topics=[GATEWAY])

    assert [(held.uid, held.topic) for held in found.held] == [("gate-1", device_topic("gate-1"))]
    assert again(found.held[0].payload, found.held[0].topic) == [
        Reading(0, 1, "gate-1", "temperature", "", 1_699_999_000_000_000, 20.0)
    ]


def test_resolve_held_part_with_one_impossible_time_keeps_the_other_times() -> None:
    """What is no time beside them does not cost the others a microsecond."""
    found = resolved(
        b'[{"n":"new-a:temperature","t":1e13,"v":1},{"n":"new-a:temperature","t":1699999000.123456,"v":2}]', topics=[GATEWAY]
    )

    (held,) = found.held
    assert {(reading.value, reading.time_us) for reading in again(held.payload, held.topic)} == {
        (1.0, NO_TIME_US),
        (2.0, 1_699_999_000_123_456),
    }


def test_resolve_gateway_s_own_readings_of_any_spelling_are_held_as_they_were() -> None:
    """Flat JSON allows any key and any time, and what is held must too."""
    found = resolved(b'{"time":60,"air quality":20}', topics=[GATEWAY])

    assert again(found.held[0].payload, found.held[0].topic) == [Reading(0, 1, "gate-1", "air quality", "", 60_000_000, 20.0)]


def test_resolve_device_at_no_site_is_refused_reading_by_reading() -> None:
    """Registered is not yet deployed; the reason says so."""
    found = resolved(b'[{"n":"temperature","v":1},{"n":"pm25","v":2}]', topics=[device_topic("dev-4")])

    assert refusals_of(found.rejects) == [Refusal(0, 1, Reason.NOT_DEPLOYED), Refusal(0, 2, Reason.NOT_DEPLOYED)]
    assert len(found.batch) == 0
    assert found.device_ids.tolist() == [40]


def test_resolve_swapped_device_goes_to_the_site_it_was_at() -> None:
    """A pack that spans the move is split at it, to the microsecond."""
    at_s = MOVED_US // 1_000_000
    found = resolved(
        b'[{"bt":%d,"n":"temperature","v":1,"t":-0.000001},{"n":"temperature","v":2},{"n":"temperature","v":3,"t":60}]' % at_s,
        topics=[device_topic(SWAPPED)],
    )

    assert [(row.series, row.time_us - MOVED_US) for row in rows_of(found.batch)] == [(301, -1), (401, 0), (401, 60_000_000)]


@pytest.mark.parametrize("time", ["0", '"1970-01-01T00:00:00Z"', "4294967296", '"2106-02-07T06:28:16Z"', "1e21", "1664236799"])
def test_resolve_clock_outside_the_window_takes_the_arrival(time: str) -> None:
    """1970, 2106, no time at all and 400 days: the reading is stored at its arrival, flagged."""
    found = resolved(b'{"time":%s,"temperature":20}' % time.encode())

    assert rows_of(found.batch) == [Row(101, RECEIVED_US, 20.0, Flag.CLOCK, 0, RECEIVED_US)]


def test_resolve_clock_window_is_that_of_the_profile() -> None:
    """The same time is credible for one device and not for another."""
    payload = b'{"time":1699999900,"temperature":20}'

    found = resolved(payload, payload, topics=[device_topic(KNOWN), device_topic(OTHER)])

    assert found.batch.time_us.tolist() == [1_699_999_900_000_000, RECEIVED_US + 1_000_000]
    assert found.batch.flags.tolist() == [0, Flag.CLOCK]


def test_resolve_wrong_clock_finds_the_site_of_the_arrival() -> None:
    """The deployment is looked up at the time that is stored, not at the one that is not believed."""
    found = resolved(b'{"time":0,"temperature":20}', topics=[device_topic(SWAPPED)])

    assert found.batch.series.tolist() == [401]


def test_resolve_series_that_does_not_exist_yet_is_asked_for_once() -> None:
    """Place and metric are named; the readings stay in the batch for the next try."""
    found = resolved(b'[{"n":"uptime","v":1},{"n":"uptime","v":2,"t":-1},{"n":"temperature","v":3}]')

    known = registry()
    (missing,) = found.missing
    assert known.places[missing[0]] == (1, "")
    assert known.metric_keys[missing[1]] == "uptime"
    assert len(found.batch) == 3


def test_resolve_before_anything_is_registered_holds_everything() -> None:
    """An empty registry, vocabulary included, is no special case."""
    messages = group(b'[{"n":"temperature","u":"Cel","v":1}]', b'[{"n":"x:temperature","v":1}]', topics=[NEW, GATEWAY])

    found = resolve(decode(messages), messages, EMPTY_REGISTRY)

    assert len(found.held) == 2
    assert len(found.batch) == 0
    assert list(found.rejects) == []


def test_nothing_resolved_keeps_the_rejects_alone() -> None:
    """What stands for a message that the database itself refuses."""
    messages = group(b"x", b"y")

    found = nothing_resolved(messages, [])

    assert len(found.batch) == len(found.held) == len(found.missing) == 0
    assert found.archived.tolist() == [False, False]


@settings(DETERMINISTIC, max_examples=200)
@given(groups)
def test_resolve_random_groups_account_for_every_reading(pairs: Sequence[tuple[list[dict[str, object]] | bytes, str]]) -> None:
    """Stored, refused or held: the parts add up to what was decoded, and what is held says the same when it is read again."""
    payloads = [pack if isinstance(pack, bytes) else json.dumps(pack).encode() for pack, _ in pairs]
    messages = group(*payloads, topics=[topic for _, topic in pairs])
    columns = decode(messages)
    found = resolve(columns, messages, registry())

    registered = {uid for _, uid, *_ in DEVICES}
    waiting = Counter(
        (reading.uid, reading.metric, reading.unit, reading.time_us, reading.value)
        for reading in readings_of(columns)
        if reading.uid not in registered
    )
    held = Counter(
        (reading.uid, reading.metric, reading.unit, reading.time_us, reading.value)
        for part in found.held
        for reading in readings_of(
            decode(
                group_of(
                    [Message(part.topic, part.payload, int(messages.received_us[part.message]), 1, 1, may_be_repeated=False)]
                )
            )
        )
    )
    assert held == waiting

    refused = len(found.rejects) - len(columns.rejects)
    whole = [
        i
        for i, source in enumerate(messages.sources)
        if any(part.message == i and part.topic == pairs[i][1] for part in found.held)
    ]
    put_off = sum(reject.item > 0 and reject.message in whole for reject in columns.rejects)
    assert len(found.batch) + refused + put_off + sum(waiting.values()) == len(columns)


def test_resolve_older_than_is_kept_is_refused_to_the_microsecond() -> None:
    """A reading older than those of its series are kept is refused; one just young enough, or of another series, is not."""
    limit_us = RECEIVED_US - 24 * HOUR_US
    columns = [
        b'{"time": %.6f, "air_temperature": 1, "pm2_5": 2}' % ((limit_us - 1) / 1e6),
        b'{"time": %.6f, "air_temperature": 3}' % (limit_us / 1e6),
    ]
    messages = group(*columns)
    found = resolve(decode(messages), messages, registry(kept_from=[(101, limit_us)]))

    assert refusals_of(found.rejects) == [Refusal(0, 1, Reason.NOT_KEPT)]
    assert [(row.series, row.time_us - limit_us, row.value) for row in rows_of(found.batch)] == [(102, -1, 2), (101, 0, 3)]
