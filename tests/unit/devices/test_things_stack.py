"""The Things Stack's messages: golden ones, zeros left out, a slow second reader, hostile bytes."""

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
from devices.registry import EMPTY_REGISTRY
from devices.topics import THINGS_STACK_EVENTS
from tests.unit.devices.examples import DETERMINISTIC, RECEIVED_US, Reading, Refusal, readings_of, refusals_of
from tests.unit.devices.network_examples import (
    EUI,
    TIME_US,
    decode_things_stack,
    frames,
    heard_by,
    objects,
    registry_of,
    slow_time_us,
    slow_up,
    things_stack_up,
    times,
    values_of,
    without_zeros,
)

_IDS = things_stack_up()["end_device_ids"]
_ENVELOPE = {"end_device_ids": _IDS, "received_at": "2026-11-21T08:00:00.123456Z"}
_JOIN = {**_ENVELOPE, "join_accept": {"session_key_id": "AYuT3kW5l2Y9Qy==", "received_at": "2026-11-21T08:00:00Z"}}
_LOCATION = {
    **_ENVELOPE,
    "location_solved": {
        "service": "lora-cloud",
        "location": {"latitude": 50.7156, "longitude": -2.4366, "accuracy": 30, "source": "SOURCE_LORA_RSSI_GEOLOCATION"},
    },
}


def test_up_gives_decoded_payload_and_radio_as_readings_at_the_network_servers_time() -> None:
    """The EUI in the payload is the device; the time is uplink_message.received_at, not the application server's."""
    columns = decode_things_stack(things_stack_up())

    assert readings_of(columns) == [
        Reading(0, 1, EUI, "temperature", "", TIME_US, 27.2),
        Reading(0, 2, EUI, "rssi", "", TIME_US, -97.0),
        Reading(0, 3, EUI, "snr", "", TIME_US, 6.25),
        Reading(0, 4, EUI, "spreading_factor", "", TIME_US, 7.0),
        Reading(0, 5, EUI, "gateway_count", "", TIME_US, 2.0),
        Reading(0, 6, EUI, "frame_counter", "", TIME_US, 1042.0),
    ]
    assert columns.rejects == []
    assert columns.owners == {0: EUI}
    assert columns.radio is not None
    assert columns.radio.receptions == [
        Reception("AYuT3kW5l2Y9Qy==", 1042, 85, "church", 2, -97.0, 6.25, 7, 868_300_000, 0.056576)
    ]


def test_device_without_an_eui_is_known_by_its_id() -> None:
    """A device activated by personalisation may have no EUI."""
    columns = decode_things_stack(things_stack_up(end_device_ids={"device_id": "gully-7"}))

    assert columns.owners == {0: "gully-7"}
    assert {reading.uid for reading in readings_of(columns)} == {"gully-7"}


def test_antennas_of_one_gateway_are_one_gateway() -> None:
    """rx_metadata has an entry for every antenna: gateways are counted by their names."""
    ids = {"gateway_id": "town-hall", "eui": "B827EBFFFE0A1B2C"}
    heard = [{"gateway_ids": ids, "rssi": -90, "snr": 5}, {"gateway_ids": ids, "antenna_index": 1, "rssi": -80, "snr": 5}]
    columns = decode_things_stack(things_stack_up({"rx_metadata": heard}))

    assert columns.radio is not None
    assert columns.radio.receptions[0][3:7] == ("b827ebfffe0a1b2c", 1, -80.0, 5.0)


def test_up_with_everything_zero_left_out_is_a_whole_uplink() -> None:
    """A missing counter is 0, a missing port 0, a missing RSSI 0."""
    columns = decode_things_stack(
        {"end_device_ids": _IDS, "uplink_message": {"rx_metadata": [{}], "received_at": "2026-11-21T08:00:00Z"}}
    )

    assert values_of(columns) == {"rssi": 0.0, "snr": 0.0, "gateway_count": 1.0, "frame_counter": 0.0}
    assert columns.rejects == []


def test_simulated_uplink_is_refused_whole() -> None:
    """What somebody typed at the console never mixes with what was measured, registered or not."""
    for registry in (registry_of(), EMPTY_REGISTRY):
        columns = decode_things_stack(things_stack_up(simulated=True), registry=registry)

        assert refusals_of(columns) == [Refusal(0, 0, Reason.SIMULATED)]
        assert len(columns) == 0
        assert columns.radio is None


def test_encrypted_payload_is_set_aside_and_its_radio_kept() -> None:
    """With app_s_key the payload is still encrypted."""
    columns = decode_things_stack(things_stack_up({"app_s_key": {"key": "AAEC"}, "decoded_payload": None}))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.ENCRYPTED)]
    assert "frame_counter" in values_of(columns)


def test_up_without_decoded_payload_and_codec_is_refused_as_having_no_codec() -> None:
    """A frame nobody can read is set aside."""
    uplink = things_stack_up()
    del uplink["uplink_message"]["decoded_payload"]

    assert refusals_of(decode_things_stack(uplink)) == [Refusal(0, 1, Reason.CODEC_MISSING)]


def test_location_solved_gives_a_position() -> None:
    """Latitude, longitude and how exact they are."""
    columns = decode_things_stack(_LOCATION, "location/solved")

    assert values_of(columns) == {"latitude": 50.7156, "longitude": -2.4366, "gnss_accuracy": 30.0}
    assert {reading.time_us for reading in readings_of(columns)} == {TIME_US}


@pytest.mark.parametrize(
    ("written", "event", "level", "detail"),
    [
        (_JOIN, "join", "INFO", "joined with the session AYuT3kW5l2Y9Qy=="),
        ({**_ENVELOPE, "downlink_ack": {"f_cnt": 3}}, "down/ack", "INFO", '{"f_cnt":3}'),
        ({**_ENVELOPE, "downlink_nack": {"f_cnt": 3}}, "down/nack", "WARNING", '{"f_cnt":3}'),
        ({**_ENVELOPE, "downlink_failed": {"error": {"code": 5}}}, "down/failed", "WARNING", '{"error":{"code":5}}'),
        ({**_ENVELOPE, "downlink_sent": {}}, "down/sent", "INFO", "{}"),
        ({**_ENVELOPE, "service_data": {"service": "x"}}, "service/data", "INFO", '{"service":"x"}'),
    ],
)
def test_messages_without_readings_are_kept_as_events(written: dict[str, Any], event: str, level: str, detail: str) -> None:
    """Joins and downlinks never vanish."""
    columns = decode_things_stack(written, event)

    assert list(columns.events) == [Event(0, EUI, TIME_US, event, level, "", detail)]  # type: ignore[arg-type]  # drawn levels
    assert len(columns) == 0
    assert columns.rejects == []


def test_missing_times_are_those_of_the_application_server_and_of_arrival() -> None:
    """The network server's time counts before the application server's, that before the arrival."""
    uplink = things_stack_up()
    del uplink["uplink_message"]["received_at"]
    second = {reading.time_us for reading in readings_of(decode_things_stack(uplink))}
    del uplink["received_at"]
    third = {reading.time_us for reading in readings_of(decode_things_stack(uplink))}

    assert second == {slow_time_us("2026-11-21T08:00:00.601234567Z")}
    assert third == {RECEIVED_US}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"end_device_ids":{"device_id":"gul', Reason.NOT_JSON),
        (b"\x0a\x02ab", Reason.NOT_JSON),
        (b"[]", Reason.NOT_READINGS),
        (b"{}", Reason.UID_INVALID),
        (b'{"end_device_ids":{"device_id":"a b"}}', Reason.UID_INVALID),
        (b'{"end_device_ids":{"device_id":"gully-7"}}', Reason.NOT_READINGS),
        (b'{"end_device_ids":{"device_id":"gully-7"},"join_accept":{}}', Reason.NOT_READINGS),
        (b'{"end_device_ids":{"device_id":"gully-7"},"uplink_message":{"f_cnt":-1}}', Reason.NOT_READINGS),
        (b'{"end_device_ids":{"device_id":"gully-7"},"uplink_message":{"received_at":"soon"}}', Reason.TIME_INVALID),
    ],
)
def test_bad_payload_is_refused_whole_with_its_reason(payload: bytes, reason: Reason) -> None:
    """What is no message of an application, or not the one its topic names, gives one reject and nothing else."""
    columns = decode_things_stack(payload)

    assert refusals_of(columns) == [Refusal(0, 0, reason)]
    assert len(columns) == 0


@DETERMINISTIC
@given(
    time=times,
    heard=heard_by,
    written=objects,
    frame=frames,
    f_cnt=st.integers(0, 2**32 - 1),
    port=st.integers(1, 223),
    factor=st.sampled_from([0, 7, 9, 12]),
)
def test_up_of_any_content_agrees_with_the_slow_reader(
    time: str,
    heard: list[dict[str, Any]],
    written: dict[str, float],
    frame: bytes,
    f_cnt: int,
    port: int,
    factor: int,
) -> None:
    """Whatever is zero and so left out: the values, the time and the radio are those read slowly."""
    metadata = [{"gateway_ids": {"gateway_id": f"gate-{i}"}, **one} for i, one in enumerate(heard)]
    uplink = {
        "f_cnt": f_cnt,
        "f_port": port,
        "frm_payload": base64.b64encode(frame).decode(),
        "rx_metadata": metadata,
        "settings": {"data_rate": {"lora": {"spreading_factor": factor}}},
    }
    message = without_zeros(things_stack_up(uplink))
    message["uplink_message"] |= {"received_at": time, "decoded_payload": written}
    columns = decode_things_stack(message)

    assert values_of(columns) == slow_up(heard, written, f_cnt, factor)
    assert {reading.time_us for reading in readings_of(columns)} == {slow_time_us(time)}
    assert columns.radio is not None
    assert columns.radio.receptions[0][1:3] == (f_cnt, port)
    assert columns.rejects == []


def test_any_bytes_never_raise_and_never_vanish() -> None:
    """20,000 mangled messages: each gives readings, an event or a reject, none an exception."""
    random.seed(20_261_121)
    seeds = [("up", things_stack_up()), ("join", _JOIN), ("location/solved", _LOCATION)]
    written = [(event, json.dumps(message).encode()) for event, message in seeds]
    pieces = [b"\x00", b"null", b"-1", b"1e400", b"\xff\xff", b'"', b"{}", b"[]", b"\\ud800", b"\\u0000"]
    for _ in range(20_000):
        event, payload = random.choice(written)
        mangled = bytearray(payload)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(mangled))
            match random.randrange(4):
                case 0:
                    mangled[at] = random.randrange(256)
                case 1:
                    del mangled[at : at + random.randint(1, 30)]
                case 2:
                    mangled[at:at] = random.choice(pieces)
                case _:
                    mangled = mangled[: random.randint(at, len(mangled)) + 1]
            if not mangled:
                break
        topic_event = event if random.random() < 0.9 else random.choice(sorted(THINGS_STACK_EVENTS.values()))
        columns = decode_things_stack(bytes(mangled), topic_event)
        assert len(columns) or columns.events or columns.rejects
