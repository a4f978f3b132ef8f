"""ChirpStack's events: golden ones of every kind in both encodings, zeros left out, a slow second reader, hostile bytes."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.events import Event
from devices.radio import Reception
from devices.reasons import Reason
from devices.topics import CHIRPSTACK_EVENTS
from tests.unit.devices.chirpstack_events import (
    ACK,
    BASE,
    GOLDEN,
    INTEGRATION,
    JOIN,
    LOCATION,
    LOG,
    SLIP,
    STATUS,
    TXACK,
    as_protobuf,
)
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


def test_airtime_counts_header_port_and_payload() -> None:
    """Seven bytes make a frame of 20, which takes one block of symbols more than one of 19."""
    columns = decode_chirpstack("up", chirpstack_up(data=base64.b64encode(bytes(7)).decode()))

    assert columns.radio is not None
    assert columns.radio.receptions[0].airtime == 0.056576


def test_zeros_left_out_of_rx_and_tx_info_are_zeros() -> None:
    """A missing SNR, RSSI or latitude is 0, not unknown."""
    heard = [{"gatewayId": "b827ebfffe0a1b2c"}, {"gatewayId": "b827ebfffe3d4e5f", "rssi": -80, "snr": -1.5}]
    up = values_of(decode_chirpstack("up", chirpstack_up(rxInfo=heard)))
    location = values_of(decode_chirpstack("location", {**LOCATION, "location": {"longitude": -2.4366}}))

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
    charged = values_of(decode_chirpstack("status", STATUS))
    unavailable = values_of(decode_chirpstack("status", {**STATUS, "batteryLevelUnavailable": True, "batteryLevel": 0}))
    powered = values_of(decode_chirpstack("status", {**STATUS, "externalPowerSource": True, "batteryLevel": 0}))

    assert charged == {"device_margin": -4.0, "external_power": 0.0, "battery_level": 92.4}
    assert unavailable == {"device_margin": -4.0, "external_power": 0.0}
    assert powered == {"device_margin": -4.0, "external_power": 1.0}


def test_location_gives_position_and_what_is_known_of_it() -> None:
    """Latitude and longitude always; an altitude or accuracy of 0 is one nobody knows."""
    assert values_of(decode_chirpstack("location", LOCATION)) == {
        "latitude": 50.7156,
        "longitude": -2.4366,
        "altitude": 61.5,
        "gnss_accuracy": 40.0,
    }
    assert refusals_of(decode_chirpstack("location", BASE)) == [Refusal(0, 1, Reason.VALUE_MISSING)]


@pytest.mark.parametrize(
    ("event", "written", "expected"),
    [
        ("join", JOIN, Event(0, EUI, TIME_US, "join", "INFO", "", "joined as device address 01ab23cd")),
        ("ack", ACK, Event(0, EUI, TIME_US, "ack", "INFO", "", "downlink 12 acknowledged")),
        ("ack", {**ACK, "acknowledged": False}, Event(0, EUI, TIME_US, "ack", "WARNING", "", "downlink 12 not acknowledged")),
        ("txack", TXACK, Event(0, EUI, TIME_US, "txack", "INFO", "", "downlink 12 sent by gateway b827ebfffe0a1b2c")),
        ("log", {**LOG, "level": "INFO", "code": "UNKNOWN", "context": {}}, Event(0, EUI, TIME_US, "log", detail=SLIP)),
        ("integration", INTEGRATION, Event(0, EUI, TIME_US, "integration", "INFO", "", "loracloud modem")),
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
    needed = decode_chirpstack("log", LOG)
    not_needed = decode_chirpstack("log", LOG, registry_of(codec="layout"))

    assert [(event.level, event.code) for event in needed.events] == [("ERROR", "UPLINK_CODEC")]
    assert refusals_of(needed) == [Refusal(0, 1, Reason.NETWORK_CODEC_FAILED)]
    assert [(event.level, event.code) for event in not_needed.events] == [("ERROR", "UPLINK_CODEC")]
    assert not_needed.rejects == []


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


def test_texts_no_database_holds_are_made_harmless() -> None:
    """NUL in a gateway's id or address would kill a whole batch."""
    up = chirpstack_up(devAddr="01\x00ab" * 30, rxInfo=[{"gatewayId": "b8\x00"}])
    columns = decode_chirpstack("up", up)
    log = decode_chirpstack("log", {**LOG, "description": "a\x00b" * 1000, "code": "X\x00"})

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
    seeds = [(event, json.dumps(written).encode()) for event, written in GOLDEN.items()]
    seeds += [(event, as_protobuf(event, written)) for event, written in GOLDEN.items()]
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
