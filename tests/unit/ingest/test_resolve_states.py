"""Resolve texts: the name of a state becomes its code, any other text is refused with what it may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.reasons import Reason
from devices.registry import build_registry
from devices.states import plain_label
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.resolve import Resolved, resolve
from tests.unit.devices.examples import DETERMINISTIC, Reading, devices_with_clocks, readings_of
from tests.unit.ingest.examples import GATEWAY, KNOWN, RECEIVED_US, Refusal, device_topic, group, refusals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

METRICS = [
    (1, "air_temperature", "°C", "Cel", -30.0, 45.0),
    (2, "road_surface_state", "enum", "", 0.0, 5.0),
    (3, "door_open", "bool", "/", 0.0, 1.0),
    (4, "mode", "enum", "", None, None),
]
STATES = [(2, "dry", 0), (2, "Very wet", 2), (2, "ice", 4), (3, "closed", 0), (3, "open", 1)]
REGISTRY = build_registry(
    METRICS,
    [("road_state", 2), ("door", 3)],
    STATES,
    *devices_with_clocks([(10, KNOWN, 400 * 86_400, 600)]),
    [(1, 10, 1, "", None, None)],
    [(100 + metric, 1, metric, "") for metric in (1, 2, 3, 4)],
)


def resolved(*payloads: bytes, topics: Sequence[str] = ()) -> Resolved:
    """Decode and resolve a group."""
    messages = group(*payloads, topics=topics)
    return resolve(decode(messages), messages, REGISTRY)


def values_of(found: Resolved) -> list[tuple[int, float]]:
    """Give series and value of each reading that is kept."""
    return list(zip(found.batch.series.tolist(), found.batch.value.tolist(), strict=True))


def again(payload: bytes | None, topic: str = device_topic(KNOWN)) -> list[Reading]:
    """Decode a payload as if it were replayed."""
    assert payload is not None
    return readings_of(decode(group_of([Message(topic, payload, RECEIVED_US, 1, 1, may_be_repeated=False)])))


@pytest.mark.parametrize(
    ("metric", "text", "code"),
    [
        ("road_surface_state", "dry", 0.0),
        ("road_state", " ICE ", 4.0),
        ("road_state", "very-wet", 2.0),
        ("road_state", "VERY_WET", 2.0),
        ("door_open", "open", 1.0),
        ("door", "Closed", 0.0),
        ("door", "yes", 1.0),
        ("door", "FALSE", 0.0),
        ("door", "off", 0.0),
    ],
)
def test_resolve_text_of_a_state_metric_becomes_its_code(metric: str, text: str, code: float) -> None:
    """By key or alias, in any usual spelling, from every format."""
    senml = json.dumps([{"n": metric, "vs": text}]).encode()
    cbor = b"\x81\xa2\x00%c%s\x03%c%s" % (0x60 + len(metric), metric.encode(), 0x60 + len(text), text.encode())
    flat = json.dumps({metric: text}).encode()

    found = resolved(senml, cbor, flat)

    series = 102 if metric.startswith("road") else 103
    assert values_of(found) == [(series, code)] * 3
    assert list(found.rejects) == []


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b'{"road_state":4}', 4.0), (b'{"road_state":7}', 7.0), (b'{"door":true}', 1.0), (b'[{"n":"door","vb":false}]', 0.0)],
)
def test_resolve_number_of_a_state_metric_stays_a_code(payload: bytes, value: float) -> None:
    """Devices that send codes go on sending codes; one out of range is for the check to flag."""
    assert [kept for _, kept in values_of(resolved(payload))] == [value]


def test_resolve_unknown_state_is_refused_with_what_it_may_be() -> None:
    """Its neighbours are stored; the person who looks sees the labels to choose from, and a replay says the text again."""
    found = resolved(b'{"time":1699999000,"temperature":1,"air_temperature":20,"road_state":"flooded","door":"ajar"}')

    assert values_of(found) == [(101, 20.0)]
    assert refusals_of(found.rejects) == [
        Refusal(0, 1, Reason.METRIC_UNKNOWN),
        Refusal(0, 3, Reason.STATE_UNKNOWN),
        Refusal(0, 4, Reason.STATE_UNKNOWN),
    ]
    road, door = (reject for reject in found.rejects if reject.reason is Reason.STATE_UNKNOWN)
    assert road.detail == "'road_state': 'flooded'; it may be dry, very wet, ice"
    assert "closed" in door.detail
    assert again(road.payload) == [Reading(0, 1, KNOWN, "road_state", "", 1_699_999_000_000_000, "flooded")]


@pytest.mark.parametrize("metric", ["air_temperature", "mode"])
@pytest.mark.parametrize("text", ["21.5", "", "dry", "true", "\x00", "x" * 5000])
def test_resolve_text_of_a_metric_without_states_is_not_numeric(metric: str, text: str) -> None:
    """A text is never guessed to be a number; the detail stays short and the replay whole."""
    found = resolved(json.dumps({"time": 1_699_999_000, metric: text, "door": 1}).encode())

    assert values_of(found) == [(103, 1.0)]
    assert refusals_of(found.rejects) == [Refusal(0, 1, Reason.VALUE_NOT_NUMERIC)]
    assert len(found.rejects[0].detail) < 200
    assert "\x00" not in found.rejects[0].detail
    assert [reading.value for reading in again(found.rejects[0].payload)] == [text]


def test_resolve_text_of_an_unknown_metric_is_replayed_with_its_text() -> None:
    """Once the metric is in the vocabulary the replay must still say the state."""
    (reject,) = resolved(b'[{"bt":1699999000,"n":"hatch","u":"V","vs":"open"}]').rejects

    assert reject.reason is Reason.METRIC_UNKNOWN
    assert again(reject.payload) == [Reading(0, 1, KNOWN, "hatch", "V", 1_699_999_000_000_000, "open")]


def test_resolve_unit_beside_a_text_does_not_matter() -> None:
    """A base unit set for the numbers of a pack says nothing about a state in it."""
    found = resolved(b'[{"bu":"Cel","n":"road_state","vs":"ice"},{"n":"air_temperature","v":1},{"n":"door","v":1}]')

    assert values_of(found) == [(102, 4.0), (101, 1.0)]
    assert refusals_of(found.rejects) == [Refusal(0, 3, Reason.UNIT_MISMATCH)]


def test_resolve_held_part_of_a_gateway_s_pack_keeps_its_texts() -> None:
    """What waits for its device says the same when it is read again, numbers and states."""
    found = resolved(
        b'[{"bn":"new-a:","bt":1699999000,"n":"door","vs":"open"},{"n":"air_temperature","v":3}]', topics=[GATEWAY]
    )

    (held,) = found.held
    assert again(held.payload, held.topic) == [
        Reading(0, 1, "new-a", "door", "", 1_699_999_000_000_000, "open"),
        Reading(0, 2, "new-a", "air_temperature", "", 1_699_999_000_000_000, 3.0),
    ]


def test_resolve_cbor_of_an_unregistered_device_is_held_as_it_came() -> None:
    """Its bytes wait whole, and are read when the device is known."""
    payload = b"\x82\xa2\x00ddoor\x03dopen\xa2\x00ax\x02\xf9\x7e\x00"

    found = resolved(payload, topics=[device_topic("new-a")])

    assert [(held.uid, held.payload) for held in found.held] == [("new-a", payload)]
    assert list(found.rejects) == []


texts = st.sampled_from(["dry", "DRY ", "very_wet", "Very  Wet", "open", "closed", "yes", "no", "21", "", "unknown", "ice-"])
readings = st.lists(
    st.tuples(st.sampled_from(["air_temperature", "road_state", "door", "mode", "hatch"]), texts | st.integers(0, 9)),
    min_size=1,
)


@DETERMINISTIC
@given(st.lists(readings, min_size=1, max_size=4))
def test_resolve_random_texts_agree_with_looking_each_up(packs: list[list[tuple[str, str | int]]]) -> None:
    """Codes, refusals and their reasons are those of going through the readings one by one."""
    keys = {"road_state": "road_surface_state", "door": "door_open"}
    ids = {key: number for number, key, *_ in METRICS}
    truths = {"yes": 1, "true": 1, "on": 1, "no": 0, "false": 0, "off": 0}
    kept: list[tuple[int, float]] = []
    refused: list[Refusal] = []
    for message, pack in enumerate(packs):
        for item, (metric, value) in enumerate(pack, 1):
            number = ids.get(keys.get(metric, metric))
            labels = {plain_label(label): code for state_of, label, code in STATES if state_of == number}
            labels = (truths if metric == "door" else {}) | labels
            if number is None:
                refused.append(Refusal(message, item, Reason.METRIC_UNKNOWN))
            elif not isinstance(value, str):
                kept.append((100 + number, float(value)))
            elif plain_label(value) in labels:
                kept.append((100 + number, float(labels[plain_label(value)])))
            else:
                refused.append(Refusal(message, item, Reason.STATE_UNKNOWN if labels else Reason.VALUE_NOT_NUMERIC))

    found = resolved(
        *[
            json.dumps([{"n": metric, "vs" if isinstance(value, str) else "v": value} for metric, value in pack]).encode()
            for pack in packs
        ]
    )

    assert values_of(found) == kept
    assert refusals_of(found.rejects) == sorted(refused)
