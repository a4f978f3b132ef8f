"""Decode: formats told apart, every reason it can give, and bytes of all kinds that never raise."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from devices.cbor import MOST_CBOR_BYTES
from devices.formats import MOST_PAYLOAD_BYTES
from devices.reasons import Reason
from devices.registry import build_registry
from devices.topics import parse_topic
from ingest.decode import decode
from tests.unit.devices.examples import DETERMINISTIC, Reading, readings_of
from tests.unit.devices.mutations import BINARY_SPLINTERS, FLAT_JSON, SENML_CBOR, SENML_JSON, TEXT_SPLINTERS, mutated
from tests.unit.devices.senml_packs import groups, mixed_groups
from tests.unit.devices.slow_senml import slow_decode
from tests.unit.ingest.examples import GATEWAY, RECEIVED_US, Refusal, device_topic, group, refusals_of, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.registry import Registry

GOOD = b'[{"n":"temperature","v":1}]'
DEVICE = device_topic("dev-1")
NEIGHBOURS = {
    "good": (GOOD, DEVICE),
    "broken": (b'[{"n":"x","v":', DEVICE),
    "base name without separator": (b'[{"bn":"a","n":"b","v":1}]', DEVICE),
    "gateway": (b'[{"n":"dev-7:temperature","v":1}]', GATEWAY),
    "flat": (b'{"temperature":1}', DEVICE),
    "nothing": (b"", DEVICE),
    "cbor": (b"\x81\xa2\x00ktemperature\x02\x01", DEVICE),
}


def test_decode_mixed_group_gives_every_reading_its_message_and_device() -> None:
    """Formats and topics side by side; positions are those within the group."""
    columns = decode(
        group(
            GOOD,
            b'{"time":1600000000,"pm25":8.5}',
            b"nonsense",
            b'[{"bn":"urn:dev:mac:0024befffe804ff1:","n":"temperature","u":"Cel","v":2},{"bn":"dev-7:","n":"rh","v":3}]',
            b' [{"n":"a","vb":true}]',
            b'[{"time":1600000000,"temperature":4},{"time":1600000060,"temperature":5}]',
            topics=[DEVICE, device_topic("dev-2"), DEVICE, GATEWAY, device_topic("00-11-22-33-44-55-66-77"), DEVICE],
        )
    )

    assert readings_of(columns) == [
        Reading(0, 1, "dev-1", "temperature", "", RECEIVED_US, 1.0),
        Reading(1, 1, "dev-2", "pm25", "", 1_600_000_000_000_000, 8.5),
        Reading(3, 1, "0024befffe804ff1", "temperature", "Cel", RECEIVED_US + 3_000_000, 2.0),
        Reading(3, 2, "dev-7", "rh", "", RECEIVED_US + 3_000_000, 3.0),
        Reading(4, 1, "0011223344556677", "a", "", RECEIVED_US + 4_000_000, 1.0),
        Reading(5, 1, "dev-1", "temperature", "", 1_600_000_000_000_000, 4.0),
        Reading(5, 2, "dev-1", "temperature", "", 1_600_000_060_000_000, 5.0),
    ]
    assert refusals_of(columns.rejects) == [Refusal(2, 0, Reason.NOT_JSON)]


def test_decode_readings_come_in_the_order_of_arrival() -> None:
    """Of two values for one key the first to arrive counts, whatever formats they come in."""
    formats = [b'{"temperature":1}', GOOD, b'[{"n":"temperature","vb":true}]', b"nonsense", GOOD, b'{"temperature":1}']

    for shift in range(len(formats)):
        columns = decode(group(*formats[shift:], *formats[:shift]))
        assert columns.message.tolist() == sorted(columns.message.tolist())


WHOLE = [
    (b"", DEVICE, Reason.PAYLOAD_EMPTY),
    (b" \r\n\t ", DEVICE, Reason.PAYLOAD_EMPTY),
    (b"[" + b" " * MOST_PAYLOAD_BYTES, DEVICE, Reason.PAYLOAD_TOO_LARGE),
    (b'{"a":1}' + b" " * MOST_PAYLOAD_BYTES, DEVICE, Reason.PAYLOAD_TOO_LARGE),
    (GOOD + b" " * MOST_PAYLOAD_BYTES, DEVICE, Reason.PAYLOAD_TOO_LARGE),
    (GOOD, "hedgerow/v2/dev-1/up", Reason.TOPIC_UNKNOWN),
    (GOOD, "hedgerow/v1/dev 1/up", Reason.UID_INVALID),
    (GOOD, "hedgerow/v1/gw//up", Reason.UID_INVALID),
    (b'[{"n":"\xff","v":1}]', DEVICE, Reason.NOT_UTF8),
    (b'{"\xff":1}', DEVICE, Reason.NOT_UTF8),
    (b"hello", DEVICE, Reason.NOT_JSON),
    (b'[{"n":"a","v":1}', DEVICE, Reason.NOT_JSON),
    (b'{"a":1', DEVICE, Reason.NOT_JSON),
    (b'[{"n":"a","v":NaN}]', DEVICE, Reason.NOT_JSON),
    (b'{"a":Infinity}', DEVICE, Reason.NOT_JSON),
    (b"[" * 100_000, DEVICE, Reason.TOO_DEEP),
    (b'{"a":' * 100_000, DEVICE, Reason.TOO_DEEP),
    (b"[5]", DEVICE, Reason.NOT_READINGS),
    (b'["n","v"]', DEVICE, Reason.NOT_READINGS),
    (b"[]", DEVICE, Reason.PACK_EMPTY),
    (b"{}", DEVICE, Reason.PACK_EMPTY),
    (b'{"time":1600000000}', DEVICE, Reason.PACK_EMPTY),
    (b"\x80", DEVICE, Reason.PACK_EMPTY),
    (b"\x9f\xff", DEVICE, Reason.PACK_EMPTY),
    (b"\xa0", DEVICE, Reason.PACK_EMPTY),
    (b"\x81\xa2\x00aa\x02", DEVICE, Reason.NOT_CBOR),
    (b"\x9b" + b"\xff" * 8, DEVICE, Reason.NOT_CBOR),
    (b"\xa1aa\x01\x00", DEVICE, Reason.NOT_CBOR),
    (b"\x81\xa2\x00a\xff\x02\x01", DEVICE, Reason.NOT_UTF8),
    (b"\x81" * 60_000, DEVICE, Reason.TOO_DEEP),
    (b"\x81\x01", DEVICE, Reason.NOT_READINGS),
    (b"\xa1\x02\x01", DEVICE, Reason.NOT_READINGS),
    (b"\x9f" + b"\xf6" * MOST_CBOR_BYTES + b"\xff", DEVICE, Reason.PAYLOAD_TOO_LARGE),
]
"""Messages refused as a whole, with topic and reason."""

SINGLE = [
    (b'[{"bver":11,"n":"a","v":1}]', DEVICE, Reason.SENML_VERSION),
    (b'[{"x_":1,"n":"a","v":1}]', DEVICE, Reason.SENML_LABEL),
    (b'[{"n":"a b","v":1}]', DEVICE, Reason.NAME_INVALID),
    (b'[{"v":1}]', DEVICE, Reason.NAME_INVALID),
    (b'[{"n":"temperature","v":1}]', GATEWAY, Reason.NAME_INVALID),
    (b'[{"n":"a"}]', DEVICE, Reason.VALUE_MISSING),
    (b'{"a":null}', DEVICE, Reason.VALUE_MISSING),
    (b'[{"n":"a","v":1,"vb":true}]', DEVICE, Reason.VALUE_AMBIGUOUS),
    (b'[{"n":"a","vd":"eA"}]', DEVICE, Reason.VALUE_NOT_NUMERIC),
    (b'[{"n":"a","v":"21.5"}]', DEVICE, Reason.VALUE_NOT_NUMERIC),
    (b"\x81\xa2\x00aa\x02d21.5", DEVICE, Reason.VALUE_NOT_NUMERIC),
    (b"\x81\xa2\x00aa\x02\xf9\x7e\x00", DEVICE, Reason.VALUE_NOT_FINITE),
    (b"\xa1aa\xf9\x7c\x00", DEVICE, Reason.VALUE_NOT_FINITE),
    (b"\x81\xa3 \x0b\x00aa\x02\x01", DEVICE, Reason.SENML_VERSION),
    (b"\x81\xa3bx_\x01\x00aa\x02\x01", DEVICE, Reason.SENML_LABEL),
    (b"\x81\xa1\x02\x01", DEVICE, Reason.NAME_INVALID),
    (b'[{"n":"a","v":1e999}]', DEVICE, Reason.VALUE_NOT_FINITE),
    (b'{"a":1e999}', DEVICE, Reason.VALUE_NOT_FINITE),
    (b'[{"n":"a","bv":1e308,"v":1e308}]', DEVICE, Reason.VALUE_NOT_FINITE),
    (b'{"a":1' + b"0" * 400 + b"}", DEVICE, Reason.VALUE_NOT_FINITE),
    (b'{"time":"soon","a":1}', DEVICE, Reason.TIME_INVALID),
    (b'{"a":[1]}', DEVICE, Reason.NOT_READINGS),
    (b"5", DEVICE, Reason.NOT_READINGS),
]
"""Messages with one reading that is refused."""


def named(case: object) -> str:
    """Name a case by its reason."""
    return case.value if isinstance(case, Reason) else ""


@pytest.mark.parametrize(("payload", "topic", "reason"), WHOLE, ids=named)
@pytest.mark.parametrize("neighbour", [GOOD, b'{"temperature":1}'], ids=["senml", "flat"])
def test_decode_bad_message_is_refused_whole_and_alone(payload: bytes, topic: str, reason: Reason, neighbour: bytes) -> None:
    """One reject, for the whole message, with the right reason; the messages before and behind are read."""
    columns = decode(group(neighbour, payload, neighbour, topics=[DEVICE, topic, DEVICE]), registry())

    assert [reading.message for reading in readings_of(columns)] == [0, 2]
    assert refusals_of(columns.rejects) == [Refusal(1, 0, reason)]
    assert columns.rejects[0].detail


@pytest.mark.parametrize(("payload", "topic", "reason"), SINGLE, ids=named)
@pytest.mark.parametrize("neighbour", [GOOD, b'{"temperature":1}'], ids=["senml", "flat"])
def test_decode_bad_reading_is_refused_with_its_reason(payload: bytes, topic: str, reason: Reason, neighbour: bytes) -> None:
    """Nothing of it becomes a reading; the messages before and behind are read."""
    columns = decode(group(neighbour, payload, neighbour, topics=[DEVICE, topic, DEVICE]), registry())

    assert [reading.message for reading in readings_of(columns)] == [0, 2]
    assert [(refusal.message, refusal.reason) for refusal in refusals_of(columns.rejects)] == [(1, reason)]
    assert columns.rejects[0].detail


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
FRAMES = [JPEG, b"\x00", b"\x01\x75\x5c", b"\xbe\x02\x01\x64", b"\x81\xa2\x00aa\x02", b"{\x00\x01", b"[\xff", b"abc\x07"]
"""Payloads that are neither text nor CBOR, however they begin."""


@pytest.mark.parametrize("payload", FRAMES, ids=bytes.hex)
def test_decode_frame_of_an_unregistered_device_is_not_refused_whole(payload: bytes) -> None:
    """Nobody can say that it is broken before its profile is known: refused as a reading, so that the message is held."""
    columns = decode(group(GOOD, payload, topics=[device_topic("dev-2"), device_topic("stranger")]), registry())

    assert refusals_of(columns.rejects) == [Refusal(1, 1, Reason.CODEC_MISSING)]


def test_decode_frame_of_a_device_without_codec_says_what_is_missing() -> None:
    """A registered device whose profile has no codec: not "no JSON", but what a person has to do."""
    columns = decode(group(JPEG, JPEG, topics=[DEVICE, GATEWAY]), registry())

    assert refusals_of(columns.rejects) == [Refusal(0, 1, Reason.CODEC_MISSING), Refusal(1, 0, Reason.NOT_JSON)]
    assert "choose a profile" in columns.rejects[0].detail + columns.rejects[1].detail


def registry_with_codec() -> Registry:
    """Build a registry in which `dev-1` sends frames of one byte."""
    definition = '[[field]]\nmetric = "battery"\nat = 0\ntype = "u8"'
    return build_registry([], [], [], [(1, "byte", "layout", definition, "", 60, 60)], [(1, "dev-1", 1)], [], [])


def test_decode_device_with_a_codec_sends_frames_whatever_they_look_like() -> None:
    """Blanks, brackets and letters are bytes like any other; only readings in JSON, which quarantine replays, stay that."""
    payloads = [
        b"\x07",
        b" ",
        b"\n",
        b"[",
        b"{",
        b"hello",
        b"\x81\x01",
        GOOD,
        b' {"temperature": 1}\n',
        b'[{"time":1,"humidity":2}]',
    ]
    columns = decode(group(*payloads), registry_with_codec())

    assert [(reading.metric, reading.value) for reading in readings_of(columns)] == [
        *[("battery", float(payload[0])) for payload in payloads[:7]],
        ("temperature", 1.0),
        ("temperature", 1.0),
        ("humidity", 2.0),
    ]
    assert refusals_of(decode(group(b""), registry_with_codec()).rejects) == [Refusal(0, 0, Reason.PAYLOAD_EMPTY)]


def test_decode_cases_cover_every_reason_that_decode_can_give() -> None:
    """A new reason needs a case here, or is one of those that only later steps give."""
    of_codecs = {Reason.CODEC_MISSING, Reason.CODEC_BROKEN, Reason.CODEC_FAILED, Reason.FRAME_INCOMPLETE, Reason.ENCRYPTED}
    of_networks = {Reason.SIMULATED, Reason.NOT_PROTOBUF, Reason.NETWORK_CODEC_FAILED}
    later = {
        Reason.METRIC_UNKNOWN,
        Reason.UNIT_MISMATCH,
        Reason.NOT_DEPLOYED,
        Reason.NOT_KEPT,
        Reason.STORE_REFUSED,
        Reason.NOT_PROCESSED,
    }

    assert {reason for _, _, reason in WHOLE + SINGLE} == set(Reason) - later - of_codecs - of_networks - {Reason.STATE_UNKNOWN}


@pytest.mark.parametrize("size", [MOST_PAYLOAD_BYTES - 1, MOST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES + 1])
@pytest.mark.parametrize("payload", [GOOD, b'{"temperature":1}', b'[{"n":"a","vb":true}]'], ids=["plain", "flat", "senml"])
def test_decode_payload_at_the_greatest_size(size: int, payload: bytes) -> None:
    """The limit itself is still read."""
    columns = decode(group(payload.ljust(size), GOOD))

    assert [reading.message for reading in readings_of(columns)] == ([0, 1] if size <= MOST_PAYLOAD_BYTES else [1])


@pytest.mark.parametrize(
    ("payload", "metrics"),
    [
        (b'[{"n":"time","v":3},{"n":"temperature","v":1}]', ["time", "temperature"]),
        (b'[{"n":"ts","v":3}]', ["ts"]),
        (b'[{"n":"a","u":"time","v":3}]', ["a"]),
        (b'[{"temperature":21.5}]', ["temperature"]),
        (b'[{"temperature":21.5,"time":1600000000}]', ["temperature"]),
        (b'[{"temperature":21.5},{"time":1600000000,"pm25":1}]', ["temperature", "pm25"]),
        (b'[{"t":-5,"n":"a","v":3}]', ["a"]),
        (b'[{"ts" : 1600000000, "v": 3}]', ["v"]),
    ],
)
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_decode_list_of_either_format_is_told_apart(payload: bytes, metrics: list[str], neighbour: str) -> None:
    """SenML with a metric called `time` is SenML; a list of flat objects is flat, with times or without."""
    other, topic = NEIGHBOURS[neighbour]

    columns = decode(group(payload, other, topics=[DEVICE, topic]))

    assert [reading.metric for reading in readings_of(columns) if reading.message == 0] == metrics
    assert [reject for reject in columns.rejects if reject.message == 0] == []


SUSPECTS = [
    *[payload for payload, topic, _ in WHOLE + SINGLE if topic == DEVICE],
    b'[{"n":"a","v":1,"x":"\xff"}]',
    b'[{"n":"a","v":1,"x":1e999}]',
    b'[{"n":"a","v":1,"x":' + b"[" * 2000 + b"]" * 2000 + b"}]",
    b'[{"n":"a","v":1,"x":"\\ud800"}]',
    b'[{"n":"a","v":1,"foo\\u005f":1}]',
    b"[{}]",
    b'[{"bver":10.0,"n":"a","v":1}]',
    b'[{"n":"a","n":"b","v":1}]',
    b'[{"n":"a","v":"1","v":2}]',
    b'[{"n":"a","v":123456789012345678901234567890}]',
    b'[{"n":"a","v":0.1,"t":-0.30000000000000004}]',
    b'[{"bn":"x:","v":1}]',
    b'[{"bn":"x:","n":"","v":1}]',
    b'[{"bn":"x:","n":"_y","v":1}]',
    b'[{"bn":"x/","n":"/y","v":1}]',
    b'[{"bn":"x:","n":":y","v":1}]',
    b'[{"bn":":","n":"y","v":1}]',
    b'[{"bn":"/","n":"y","v":1}]',
    b'[{"bn":"x","n":"y","v":1}]',
    b'[{"bn":"x:","n":"y","v":1},{"bn":"","n":"z","v":2}]',
    b'[{"n":"x:","v":1}]',
    b'[{"bt":1600000000,"n":"x","v":1},{"n":"x","t":1e9,"v":2},{"bt":5,"n":"x","v":3}]',
    b'[{"bt":1e308,"n":"x","t":1.7e308,"v":1}]',
    b'[{"n":"x","t":-1e12,"v":1}]',
    b"\x81\xa2\x00aa\x02\x01",
    b"\x81\xa3\x22\xf9\x7e\x00\x00aa\x02\x01",
    b"\xa1aa\x01",
    b"\x81\xa1aa\x01",
]


@pytest.mark.parametrize("payload", SUSPECTS, ids=lambda payload: payload[:40].decode("latin-1"))
def test_decode_outcome_does_not_depend_on_the_neighbours(payload: bytes) -> None:
    """A message means the same whatever arrives beside it: delivered again in another group it must give the same rows."""
    alone = decode(group(payload))

    for other, topic in NEIGHBOURS.values():
        columns = decode(group(payload, other, topics=[DEVICE, topic]))
        assert [reading for reading in readings_of(columns) if reading.message == 0] == readings_of(alone)
        assert [refusal for refusal in refusals_of(columns.rejects) if refusal.message == 0] == refusals_of(alone.rejects)


@pytest.mark.parametrize(
    "attack",
    [
        (b'[{"n":"a","v":1}],[{"n":"b","v":2}]',),
        (b'[{"n":"a","v":1}],7,[{"n":"b","v":2}]',),
        (b'[{"n":"a","vs":"', b'"}]'),
        (b'[{"n":"a","v":1,"x":[0', b"0]}]"),
        (b'[{"n":"a","v":1}', b',{"n":"b","v":2}]'),
        (b'[{"n":"a","v":1},', b'{"n":"b","v":2}]'),
        (b'{"a":1', b',"b":2}'),
        (b"]", b"["),
        (b'"', b'"'),
        (b"/*", b"*/"),
    ],
)
def test_decode_payload_that_reaches_for_its_neighbour_gets_nothing(attack: tuple[bytes, ...]) -> None:
    """Brackets, strings and commas left open never swallow or shift what another device said."""
    victim = b'[{"n":"temperature","v":20}]'
    payloads = [victim, *[payload for part in attack for payload in (part, victim)]]
    topics = [device_topic(f"dev-{i}") for i in range(len(payloads))]

    columns = decode(group(*payloads, topics=topics))

    assert [(reading.message, reading.uid, reading.value) for reading in readings_of(columns)] == [
        (i, f"dev-{i}", 20.0) for i in range(0, len(payloads), 2)
    ]
    assert {reject.message for reject in columns.rejects} == set(range(1, len(payloads), 2))


@settings(DETERMINISTIC, max_examples=200)
@given(mixed_groups)
def test_decode_random_groups_with_cbor_agree_with_the_slow_decoder(pairs: Sequence[tuple[bytes, str]]) -> None:
    """Told apart by their first byte, packs in either encoding give what going through record by record gives."""
    payloads = [payload for payload, _ in pairs]
    asked = group(*payloads, topics=[topic for _, topic in pairs])
    expected = slow_decode(payloads, [parse_topic(topic) for _, topic in pairs], asked.received_us.tolist())

    columns = decode(asked)

    assert readings_of(columns) == expected.readings
    assert refusals_of(columns.rejects) == [Refusal(*refusal) for refusal in sorted(expected.refusals)]


@settings(DETERMINISTIC, max_examples=400)
@given(groups)
def test_decode_random_groups_agree_with_the_slow_decoder(
    pairs: Sequence[tuple[list[dict[str, object]] | bytes, str]],
) -> None:
    """Whichever way a pack takes, the readings and refusals are those of going through record by record."""
    payloads = [pack if isinstance(pack, bytes) else json.dumps(pack).encode() for pack, _ in pairs]
    asked = group(*payloads, topics=[topic for _, topic in pairs])
    expected = slow_decode(payloads, [parse_topic(topic) for _, topic in pairs], asked.received_us.tolist())

    columns = decode(asked)

    assert readings_of(columns) == expected.readings
    assert refusals_of(columns.rejects) == [Refusal(*refusal) for refusal in sorted(expected.refusals)]


def test_decode_twenty_thousand_mutated_payloads_never_raise() -> None:
    """Whatever bytes come, every message ends as readings or as rejects, with values and payloads that can be stored."""
    chance = random.Random(20_240_615)
    topics = [DEVICE, DEVICE, DEVICE, device_topic("dev-2"), GATEWAY]
    for _ in range(2_000):
        payloads = [
            mutated(chance, SENML_CBOR, BINARY_SPLINTERS)
            if chance.random() < 0.2
            else mutated(chance, SENML_JSON + FLAT_JSON, TEXT_SPLINTERS)
            for _ in range(10)
        ]
        columns = decode(group(*payloads, topics=[chance.choice(topics) for _ in payloads]))
        outcomes = set(columns.message.tolist()) | {reject.message for reject in columns.rejects}
        assert outcomes == set(range(10))
        assert all(isinstance(reject.reason, Reason) for reject in columns.rejects)
        items = [*zip(columns.message.tolist(), columns.item.tolist(), strict=True)]
        items += [(reject.message, reject.item) for reject in columns.rejects]
        assert len(items) == len(set(items))
