"""What the tests of network servers share: events made from the documented field tables, a registry, a slow second reader."""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from devices import network_server
from devices.codecs import Codecs
from devices.columns import Columns, Messages
from devices.registry import build_registry
from devices.topics import chirpstack_topic, parse_topic, things_stack_topic
from tests.unit.devices.examples import RECEIVED_US, readings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.chirpstack import Encoding
    from devices.registry import Registry

EUI = "0004a30b00f1c2d3"
APPLICATION = "9d1f2c1e-6a77-4a2c-9f0e-2f5b7f6d1a10"
TIME_US = 1_795_248_000_123_456
"""2026-11-21T08:00:00.123456Z."""


def registry_of(*, codec: str = "auto", definition: str = "", uid: str = EUI) -> Registry:
    """Register one device with a profile; it is at no site, which decoding does not ask for."""
    return build_registry([], [], [], [(1, "some-profile", codec, definition, "", 0, 0)], [(1, uid, 1)], [], [])


AUTO = registry_of()


def decode(payload: bytes | dict[str, Any], topic: str, registry: Registry = AUTO, encoding: Encoding = "auto") -> Columns:
    """Decode one message."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    messages = Messages(np.zeros(1, np.int32), [body], [parse_topic(topic)], np.array([RECEIVED_US], np.int64))
    return network_server.decode(messages, registry, Codecs(), encoding)


def decode_chirpstack(
    event: str, payload: bytes | dict[str, Any], registry: Registry = AUTO, encoding: Encoding = "auto"
) -> Columns:
    """Decode one event of ChirpStack."""
    return decode(payload, chirpstack_topic(APPLICATION, EUI, event), registry, encoding)


def decode_things_stack(payload: bytes | dict[str, Any], event: str = "up", registry: Registry = AUTO) -> Columns:
    """Decode one message of The Things Stack."""
    return decode(payload, things_stack_topic("gullies@county", "gully-7", event), registry)


def values_of(columns: Columns) -> dict[str, float | str]:
    """Give the value of each metric."""
    return {reading.metric: reading.value for reading in readings_of(columns)}


def device_info(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Write which device an event is of, as ChirpStack does."""
    return {
        "tenantId": "31f7b0f5-7c1c-4a2e-a0a8-0d6a6f9d2f11",
        "tenantName": "County",
        "applicationId": APPLICATION,
        "applicationName": "Gullies",
        "deviceProfileId": "0a3f5d4e-1b77-4a90-8ad3-e6a6d1c0b7c2",
        "deviceProfileName": "Level sensor",
        "deviceName": "Mill Lane gully",
        "devEui": EUI,
        "deviceClassEnabled": "CLASS_A",
        "tags": {"ward": "north"},
        **more,
    }


def chirpstack_up(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Write an uplink as ChirpStack does: nothing in rxInfo, txInfo and location that is zero."""
    return {
        "deduplicationId": "3b6a1a02-1f5e-4c6b-9a0f-1f0f6f1b2c3d",
        "time": "2026-11-21T08:00:00.123456789+00:00",
        "deviceInfo": device_info(),
        "devAddr": "01ab23cd",
        "adr": True,
        "dr": 5,
        "fCnt": 1042,
        "fPort": 85,
        "confirmed": False,
        "data": base64.b64encode(b"\x03\x67\x10\x01").decode(),
        "object": {"temperature": 27.2},
        "rxInfo": [
            {"gatewayId": "b827ebfffe0a1b2c", "uplinkId": 4711, "rssi": -113, "snr": -7.5, "crcStatus": "CRC_OK"},
            {"gatewayId": "b827ebfffe3d4e5f", "uplinkId": 815, "rssi": -97, "snr": 6.25, "channel": 3, "context": "AAAAAA=="},
        ],
        "txInfo": {
            "frequency": 868300000,
            "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
        "regionConfigId": "eu868",
        **more,
    }


def things_stack_up(uplink: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Write an uplink as The Things Stack does; `uplink` changes what is in uplink_message."""
    return {
        "end_device_ids": {
            "device_id": "gully-7",
            "application_ids": {"application_id": "gullies"},
            "dev_eui": EUI.upper(),
            "join_eui": "0000000000000000",
            "dev_addr": "260BAF12",
        },
        "correlation_ids": ["as:up:01HFX"],
        "received_at": "2026-11-21T08:00:00.601234567Z",
        "uplink_message": {
            "session_key_id": "AYuT3kW5l2Y9Qy==",
            "f_port": 85,
            "f_cnt": 1042,
            "frm_payload": base64.b64encode(b"\x03\x67\x10\x01").decode(),
            "decoded_payload": {"temperature": 27.2},
            "rx_metadata": [
                {
                    "gateway_ids": {"gateway_id": "town-hall", "eui": "B827EBFFFE0A1B2C"},
                    "timestamp": 2463457000,
                    "rssi": -113,
                    "channel_rssi": -113,
                    "snr": -7.5,
                },
                {"gateway_ids": {"gateway_id": "church"}, "rssi": -97, "channel_rssi": -97, "snr": 6.25},
            ],
            "settings": {
                "data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7, "coding_rate": "4/5"}},
                "frequency": "868300000",
            },
            "received_at": "2026-11-21T08:00:00.123456789Z",
            "consumed_airtime": "0.056576s",
            **(uplink or {}),
        },
        **more,
    }


class Expected(NamedTuple):
    """What a slow reader makes of an uplink."""

    time_us: int
    values: dict[str, float]
    session: str
    port: int
    gateway: str
    frequency: int | None


_TIME = re.compile(r"(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def slow_time_us(text: str) -> int:
    """Read RFC 3339 with a calendar of one's own: days by counting years and months."""
    match = _TIME.fullmatch(text)
    assert match is not None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    leap = [year_ % 4 == 0 and (year_ % 100 != 0 or year_ % 400 == 0) for year_ in range(1970, year + 1)]
    lengths = [31, 29 if leap[-1] else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    days = sum(366 if is_leap else 365 for is_leap in leap[:-1]) + sum(lengths[: month - 1]) + day - 1
    offset = 0 if match[8] == "Z" else (1 if match[8][0] == "+" else -1) * (int(match[8][1:3]) * 60 + int(match[8][4:]))
    seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds * 1_000_000 + int(Decimal(match[7] or "0") * 1_000_000)


def slow_up(heard: Sequence[dict[str, Any]], values: dict[str, float], f_cnt: int, factor: int) -> dict[str, float]:
    """Add what the radio tells to values: the best gateway by SNR, then RSSI, first come."""
    told = dict(values)
    if heard:
        chosen = heard[0]
        for one in heard[1:]:
            if (one.get("snr", 0), one.get("rssi", 0)) > (chosen.get("snr", 0), chosen.get("rssi", 0)):
                chosen = one
        told["rssi"], told["snr"] = chosen.get("rssi", 0), chosen.get("snr", 0)
        told["gateway_count"] = len(heard)
    if factor:
        told["spreading_factor"] = factor
    told["frame_counter"] = f_cnt
    return told


def without_zeros(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what is zero, empty or false at every level, as both network servers do somewhere."""
    if isinstance(value, dict):
        return {key: one for key, raw in value.items() if (one := without_zeros(raw)) not in (0, "", False, None, {}, [])}
    return [without_zeros(one) for one in value] if isinstance(value, list) else value


times = st.builds(
    lambda seconds, digits, offset: (
        np.datetime_as_string(np.datetime64(seconds, "s")) + (f".{digits}" if digits else "") + offset
    ),
    st.integers(0, 2**32),
    st.from_regex(r"\A[0-9]{0,9}\Z"),
    st.sampled_from(["Z", "+00:00", "+01:00", "-03:30"]),
)
"""RFC 3339 with up to nine digits and any offset."""

heard_by = st.lists(
    st.fixed_dictionaries({"rssi": st.integers(-140, 0), "snr": st.sampled_from([-20.0, -7.5, 0.0, 0.0, 6.25, 14.0])}),
    max_size=4,
)
objects = st.dictionaries(st.sampled_from(["temperature", "humidity", "battery"]), st.integers(-100, 100), min_size=1)
frames = st.binary(max_size=20)
