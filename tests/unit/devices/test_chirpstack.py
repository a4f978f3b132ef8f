"""ChirpStack's events: golden ones of every kind in both encodings, zeros left out, a slow second reader, hostile bytes."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from chirpstack_api.integration import integration_pb2
from google.protobuf.json_format import Parse
from hypothesis import given
from hypothesis import strategies as st

from devices.events import Event
from devices.radio import Reception
from devices.reasons import Reason
from devices.registry import EMPTY_REGISTRY
from devices.topics import CHIRPSTACK_EVENTS
from tests.unit.devices.examples import DETERMINISTIC, RECEIVED_US, Reading, Refusal, readings_of, refusals_of
from tests.unit.devices.network_examples import (
    EUI,
    TIME_US,
    chirpstack_up,
    decode_chirpstack,
    device_info,
    frames,
    heard_by,
    objects,
    registry_of,
    slow_time_us,
    slow_up,
    times,
    values_of,
    without_zeros,
)

if TYPE_CHECKING:
    from devices.chirpstack import Encoding
    from devices.columns import Columns

_STATUS = {
    "deduplicationId": "c0a9a2aa-95d4-4ee4-8f9c-24f3f0a1d8a5",
    "time": "2026-11-21T08:00:00.123456789+00:00",
    "deviceInfo": device_info(),
    "margin": -4,
    "externalPowerSource": False,
    "batteryLevelUnavailable": False,
    "batteryLevel": 92.4,
}
_LOCATION = {
    "deduplicationId": "0d3a5a55-1d6b-4c63-a6a5-5f1bd3c5b7a1",
    "time": "2026-11-21T08:00:00.123456789+00:00",
    "deviceInfo": device_info(),
    "location": {"latitude": 50.7156, "longitude": -2.4366, "altitude": 61.5, "source": "GEO_RESOLVER_TDOA", "accuracy": 40.0},
}
_BASE = {"time": "2026-11-21T08:00:00.123456789+00:00", "deviceInfo": device_info()}
_SLIP = "ReferenceError: batt is not defined"
_LOG = {
    **_BASE,
    "level": "ERROR",
    "code": "UPLINK_CODEC",
    "description": _SLIP,
    "context": {"deduplication_id": "3b6a1a02-1f5e-4c6b-9a0f-1f0f6f1b2c3d"},
}
_JOIN = {**_BASE, "deduplicationId": "77", "devAddr": "01ab23cd", "regionConfigId": "eu868"}
_ACK = {**_BASE, "deduplicationId": "78", "queueItemId": "q-1", "acknowledged": True, "fCntDown": 12}
_TXACK = {**_BASE, "downlinkId": 4711, "queueItemId": "q-1", "fCntDown": 12, "gatewayId": "b827ebfffe0a1b2c"}
_INTEGRATION = {**_BASE, "deduplicationId": "79", "integrationName": "loracloud", "eventType": "modem", "object": {"a": 1}}

_KINDS = {
    "up": integration_pb2.UplinkEvent,
    "status": integration_pb2.StatusEvent,
    "location": integration_pb2.LocationEvent,
    "log": integration_pb2.LogEvent,
    "join": integration_pb2.JoinEvent,
    "ack": integration_pb2.AckEvent,
    "txack": integration_pb2.TxAckEvent,
}
_GOLDEN: dict[str, dict[str, Any]] = {
    "up": chirpstack_up(),
    "status": _STATUS,
    "location": _LOCATION,
    "log": _LOG,
    "join": _JOIN,
    "ack": _ACK,
    "txack": _TXACK,
}


def as_protobuf(event: str, written: dict[str, Any]) -> bytes:
    """Write an event as ChirpStack does with `json=false`, by the schema's own library."""
    binary: bytes = Parse(json.dumps(written), _KINDS[event]()).SerializeToString()
    return binary


def facts_of(columns: Columns) -> tuple[object, ...]:
    """Give all that columns say, to be compared."""
    radio = columns.radio.receptions if columns.radio else ()
    return readings_of(columns), refusals_of(columns), list(radio), list(columns.events)


def test_up_gives_decoded_object_and_radio_as_readings_at_the_servers_time() -> None:
    """The object's readings come first, those of the radio behind them; nine digits of a second are cut to six."""
    columns = decode_chirpstack("up", chirpstack_up())

    assert readings_of(columns) == [
        Reading(0, 1, EUI, "temperature", "", TIME_US, 27.2),
        Reading(0, 2, EUI, "rssi", "", TIME_US, -97.0),
        Reading(0, 3, EUI, "snr", "", TIME_US, 6.25),
        Reading(0, 4, EUI, "spreading_factor", "", TIME_US, 7.0),
        Reading(0, 5, EUI, "gateway_count", "", TIME_US, 2.0),
        Reading(0, 6, EUI, "frame_counter", "", TIME_US, 1042.0),
    ]
    assert columns.rejects == []
    assert columns.radio is not None
    assert columns.radio.time_us.tolist() == [TIME_US]
    assert columns.radio.receptions == [
        Reception("01ab23cd", 1042, 85, "b827ebfffe3d4e5f", 2, -97.0, 6.25, 7, 868_300_000, 0.051456)
    ]


@pytest.mark.parametrize("event", sorted(_GOLDEN))
def test_protobuf_and_json_of_one_event_say_the_same(event: str) -> None:
    """Every event gives the same readings, radio and events in both encodings, told apart by the bytes themselves."""
    as_json = decode_chirpstack(event, _GOLDEN[event])

    assert facts_of(decode_chirpstack(event, as_protobuf(event, _GOLDEN[event]))) == facts_of(as_json)
    assert len(as_json) or as_json.events


def test_zeros_left_out_of_rx_and_tx_info_are_zeros() -> None:
    """A missing SNR, RSSI or latitude is 0, not unknown."""
    heard = [{"gatewayId": "b827ebfffe0a1b2c"}, {"gatewayId": "b827ebfffe3d4e5f", "rssi": -80, "snr": -1.5}]
    up = values_of(decode_chirpstack("up", chirpstack_up(rxInfo=heard)))
    location = values_of(decode_chirpstack("location", {**_LOCATION, "location": {"longitude": -2.4366}}))

    assert (up["rssi"], up["snr"]) == (0.0, 0.0)
    assert location == {"latitude": 0.0, "longitude": -2.4366}


def test_up_with_everything_zero_left_out_is_a_whole_uplink() -> None:
    """The first frame of a session on port 0 without gateways: only its counter is known."""
    columns = decode_chirpstack("up", {"deviceInfo": {"devEui": EUI}, "time": "2026-11-21T08:00:00Z"})

    assert values_of(columns) == {"frame_counter": 0.0}
    assert columns.radio is not None
    assert columns.radio.receptions == [Reception("", 0, 0, "", 0, None, None, None, None, None)]
    assert columns.rejects == []


def test_status_gives_battery_margin_and_power() -> None:
    """A battery level is a reading; one that is not available, or of a device on external power, is none."""
    charged = values_of(decode_chirpstack("status", _STATUS))
    unavailable = values_of(decode_chirpstack("status", {**_STATUS, "batteryLevelUnavailable": True, "batteryLevel": 0}))
    powered = values_of(decode_chirpstack("status", {**_STATUS, "externalPowerSource": True, "batteryLevel": 0}))

    assert charged == {"device_margin": -4.0, "external_power": 0.0, "battery_level": 92.4}
    assert unavailable == {"device_margin": -4.0, "external_power": 0.0}
    assert powered == {"device_margin": -4.0, "external_power": 1.0}


def test_location_gives_position_and_what_is_known_of_it() -> None:
    """Latitude and longitude always; an altitude or accuracy of 0 is one nobody knows."""
    assert values_of(decode_chirpstack("location", _LOCATION)) == {
        "latitude": 50.7156,
        "longitude": -2.4366,
        "altitude": 61.5,
        "gnss_accuracy": 40.0,
    }
    assert refusals_of(decode_chirpstack("location", _BASE)) == [Refusal(0, 1, Reason.VALUE_MISSING)]


@pytest.mark.parametrize(
    ("event", "written", "expected"),
    [
        ("join", _JOIN, Event(0, EUI, TIME_US, "join", "INFO", "", "joined as device address 01ab23cd")),
        ("ack", _ACK, Event(0, EUI, TIME_US, "ack", "INFO", "", "downlink 12 acknowledged")),
        ("ack", {**_ACK, "acknowledged": False}, Event(0, EUI, TIME_US, "ack", "WARNING", "", "downlink 12 not acknowledged")),
        ("txack", _TXACK, Event(0, EUI, TIME_US, "txack", "INFO", "", "downlink 12 sent by gateway b827ebfffe0a1b2c")),
        ("log", {**_LOG, "level": "INFO", "code": "UNKNOWN", "context": {}}, Event(0, EUI, TIME_US, "log", detail=_SLIP)),
        ("integration", _INTEGRATION, Event(0, EUI, TIME_US, "integration", "INFO", "", "loracloud modem")),
    ],
)  # fmt: skip
def test_events_without_readings_are_kept_as_events(event: str, written: dict[str, Any], expected: Event) -> None:
    """Joins, acknowledgements, transmissions, logs and integrations never vanish."""
    columns = decode_chirpstack(event, written)

    assert list(columns.events) == [expected]
    assert len(columns) == 0
    assert columns.rejects == []


def test_log_of_a_failed_codec_is_an_error_and_refused_where_its_output_was_needed() -> None:
    """The operator sees it in quarantine, unless the device's profile decodes the frames here."""
    needed = decode_chirpstack("log", _LOG)
    not_needed = decode_chirpstack("log", _LOG, registry_of(codec="layout"))

    assert [(event.level, event.code) for event in needed.events] == [("ERROR", "UPLINK_CODEC")]
    assert refusals_of(needed) == [Refusal(0, 1, Reason.NETWORK_CODEC_FAILED)]
    assert [(event.level, event.code) for event in not_needed.events] == [("ERROR", "UPLINK_CODEC")]
    assert not_needed.rejects == []


def test_encrypted_payload_is_set_aside_and_its_radio_kept() -> None:
    """With joinServerContext `data` is still encrypted: it is refused as a reading, the radio is known all the same."""
    context = {"sessionKeyId": "AYuT3kW5l2Y9Qy==", "appSKey": {"kekLabel": "k", "aesKey": "AAEC"}}
    columns = decode_chirpstack("up", chirpstack_up(joinServerContext=context, object=None))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.ENCRYPTED)]
    assert set(values_of(columns)) == {"rssi", "snr", "spreading_factor", "gateway_count", "frame_counter"}
    assert [reading.item for reading in readings_of(columns)] == [2, 3, 4, 5, 6]


def test_up_without_object_and_codec_is_refused_as_having_no_codec() -> None:
    """A frame nobody can read is set aside; its radio is stored."""
    columns = decode_chirpstack("up", chirpstack_up(object=None))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_MISSING)]
    assert "frame_counter" in values_of(columns)


def test_up_of_a_profile_with_a_codec_goes_to_it_though_there_is_an_object() -> None:
    """Our own codec is what the profile asks for; the object is read only where there is no frame for it."""
    registry = registry_of(codec="none-such")
    columns = decode_chirpstack("up", chirpstack_up(), registry)
    without_frame = decode_chirpstack("up", chirpstack_up(data=""), registry)

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_MISSING)]
    assert "temperature" not in values_of(columns)
    assert values_of(without_frame)["temperature"] == 27.2


def test_up_on_port_0_is_between_network_and_device() -> None:
    """MAC commands are nothing for a codec: the radio is all there is."""
    columns = decode_chirpstack("up", chirpstack_up(fPort=0, object=None))

    assert columns.rejects == []
    assert "frame_counter" in values_of(columns)


def test_mapping_that_cannot_be_used_refuses_the_object() -> None:
    """A definition with a slip costs the object's readings, not the radio's, and says what is wrong."""
    columns = decode_chirpstack("up", chirpstack_up(), registry_of(definition="[mapping"))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_BROKEN)]
    assert "frame_counter" in values_of(columns)


def test_up_with_a_mapping_goes_through_it() -> None:
    """Names and units of the network server's codec become metrics by the profile's table."""
    registry = registry_of(definition='[mapping]\n"TempC_SHT" = "air_temperature"\n')
    columns = decode_chirpstack("up", chirpstack_up(object={"TempC_SHT": "27.2", "other": 1}), registry)

    assert values_of(columns)["air_temperature"] == 27.2
    assert columns.rejects == []


def test_up_of_an_unregistered_device_is_not_decoded_and_not_refused() -> None:
    """It will be held whole: its radio readings alone say that there is something."""
    columns = decode_chirpstack("up", chirpstack_up(object=None), EMPTY_REGISTRY)

    assert columns.rejects == []
    assert set(values_of(columns)) == {"rssi", "snr", "spreading_factor", "gateway_count", "frame_counter"}


def test_missing_time_is_that_of_arrival() -> None:
    """Without a time of the network server the message's arrival counts."""
    up = chirpstack_up()
    del up["time"]

    assert {reading.time_us for reading in readings_of(decode_chirpstack("up", up))} == {RECEIVED_US}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"deviceInfo":{"devEui":', Reason.NOT_JSON),
        (b'{"deviceInfo":"\xff"}', Reason.NOT_UTF8),
        (b'{"object":' + b"[" * 5000 + b"]" * 5000 + b"}", Reason.TOO_DEEP),
        (b'{"rxInfo":[{"snr":1e999}]}', Reason.VALUE_NOT_FINITE),
        (b'{"deviceInfo":{"devEui":7}}', Reason.NOT_READINGS),
        (b'{"deviceInfo":{},"fCnt":-1}', Reason.NOT_READINGS),
        (b'{"deviceInfo":{},"fCnt":4294967296}', Reason.NOT_READINGS),
        (b'{"deviceInfo":{},"fPort":256}', Reason.NOT_READINGS),
        (b'{"deviceInfo":{},"data":"AQI"}', Reason.NOT_READINGS),
        (b'{"applicationID":"1","devEUI":"AAAAAAAAAAA=","fCnt":1}', Reason.NOT_READINGS),
        (b'{"deviceInfo":{},"time":"yesterday"}', Reason.TIME_INVALID),
        (b"<html><body>502 Bad Gateway</body></html>", Reason.NOT_PROTOBUF),
        (b"[1,2,3]", Reason.NOT_PROTOBUF),
        (b"\x0a\xff", Reason.NOT_PROTOBUF),
        (b"\x0a\x02\xff\xfe", Reason.NOT_PROTOBUF),
        (b"\x0a\x02ab", Reason.NOT_READINGS),
    ],
)
def test_bad_payload_is_refused_whole_with_its_reason(payload: bytes, reason: Reason) -> None:
    """What is neither JSON nor protobuf of an event of a device gives one reject and nothing else."""
    columns = decode_chirpstack("up", payload)

    assert refusals_of(columns) == [Refusal(0, 0, reason)]
    assert len(columns) == 0
    assert columns.radio is None


@pytest.mark.parametrize(
    ("encoding", "payload", "reason"),
    [
        ("json", as_protobuf("up", chirpstack_up()), Reason.NOT_JSON),
        ("protobuf", json.dumps(chirpstack_up()).encode(), Reason.NOT_PROTOBUF),
        ("json", json.dumps(chirpstack_up()).encode(), None),
        ("protobuf", as_protobuf("up", chirpstack_up()), None),
        ("auto", b" \r\n\t" + json.dumps(chirpstack_up()).encode(), None),
    ],
)
def test_encoding_that_is_set_is_the_only_one_read(encoding: Encoding, payload: bytes, reason: Reason | None) -> None:
    """A source that is said to send one encoding is not guessed at."""
    columns = decode_chirpstack("up", payload, encoding=encoding)

    assert [refusal.reason for refusal in refusals_of(columns)] == ([reason] if reason else [])


def test_integration_event_has_no_form_in_protobuf() -> None:
    """It left the schema: as JSON it is kept, as anything else refused."""
    assert refusals_of(decode_chirpstack("integration", b"\x0a\x00")) == [Refusal(0, 0, Reason.NOT_PROTOBUF)]


def test_texts_no_database_holds_are_made_harmless() -> None:
    """NUL in a gateway's id or address would kill a whole batch."""
    up = chirpstack_up(devAddr="01\x00ab" * 30, rxInfo=[{"gatewayId": "b8\x00"}])
    columns = decode_chirpstack("up", up)
    log = decode_chirpstack("log", {**_LOG, "description": "a\x00b" * 1000, "code": "X\x00"})

    assert columns.radio is not None
    assert "\x00" not in columns.radio.receptions[0].session + columns.radio.receptions[0].gateway
    assert len(columns.radio.receptions[0].session) <= 60
    assert "\x00" not in log.events[0].detail + log.events[0].code
    assert len(log.events[0].detail) <= 500


@DETERMINISTIC
@given(
    time=times,
    heard=heard_by,
    written=objects,
    frame=frames,
    f_cnt=st.integers(0, 2**32 - 1),
    port=st.integers(1, 223),
    factor=st.sampled_from([0, 7, 9, 12]),
    is_binary=st.booleans(),
)
def test_up_of_any_content_agrees_with_the_slow_reader(
    time: str,
    heard: list[dict[str, Any]],
    written: dict[str, float],
    frame: bytes,
    f_cnt: int,
    port: int,
    factor: int,
    is_binary: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever is zero and so left out, in either encoding: the values, the time and the radio are those read slowly."""
    up = chirpstack_up(time=time, fCnt=f_cnt, fPort=port, data=base64.b64encode(frame).decode(), object=written)
    lora = {"bandwidth": 125000, "spreadingFactor": factor}
    up |= {"rxInfo": without_zeros(heard), "txInfo": without_zeros({"modulation": {"lora": lora}})}
    columns = decode_chirpstack("up", as_protobuf("up", up) if is_binary else up)

    assert values_of(columns) == slow_up(heard, written, f_cnt, factor)
    assert {reading.time_us for reading in readings_of(columns)} == {slow_time_us(time)}
    assert columns.radio is not None
    reception = columns.radio.receptions[0]
    assert (reception.f_cnt, reception.f_port, reception.gateways) == (f_cnt, port, len(heard))
    assert (reception.airtime is None) == (factor == 0)
    assert columns.rejects == []


def test_any_bytes_never_raise_and_never_vanish() -> None:
    """20,000 mangled events: each gives readings, an event or a reject, none an exception."""
    random.seed(20_261_121)
    seeds = [(event, json.dumps(written).encode()) for event, written in _GOLDEN.items()]
    seeds += [(event, as_protobuf(event, written)) for event, written in _GOLDEN.items()]
    for _ in range(20_000):
        event, payload = random.choice(seeds)
        mangled = bytearray(payload)
        for _ in range(random.randint(1, 6)):
            at = random.randrange(len(mangled))
            match random.randrange(4):
                case 0:
                    mangled[at] = random.randrange(256)
                case 1:
                    del mangled[at : at + random.randint(1, 30)]
                case 2:
                    mangled[at:at] = random.choice(
                        [b"\x00", b"null", b"-1", b"1e400", b"\xff\xff", b'"', b"{}", b"[]", b"\\ud800"]
                    )
                case _:
                    mangled = mangled[: at + 1]
            if not mangled:
                break
        event = random.choice([event, random.choice(sorted(CHIRPSTACK_EVENTS))])
        columns = decode_chirpstack(event, bytes(mangled))
        assert len(columns) or columns.events or columns.rejects


def test_topic_tells_the_device_whatever_its_payload_says() -> None:
    """Who may publish is decided by topics: a payload does not speak for another device."""
    columns = decode_chirpstack("up", chirpstack_up(deviceInfo=device_info(devEui="ffffffffffffffff")))

    assert {reading.uid for reading in readings_of(columns)} == {EUI}
    assert columns.owners == {}
