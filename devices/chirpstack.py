"""ChirpStack v4: its events, as JSON or protobuf, into uplinks, readings and events of devices.

Source: ChirpStack documentation, Integrations (MQTT, Event types); messages of the package chirpstack-api 4.20. In `rxInfo`,
`txInfo` and `location` what is zero is left out of the JSON: there a missing field is 0. Fields not named here are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import msgspec

from devices.events import LONGEST_DETAIL, Event, clean
from devices.flat import TimeError, time_us
from devices.network_message import BadMessage, Location, Unsigned8, Unsigned32, decode_json
from devices.radio import Reception, airtime_s, best_gateway
from devices.reasons import Reason
from devices.uplinks import Uplink

if TYPE_CHECKING:
    from devices.events import Level
    from devices.uplinks import Arrived, Found

Encoding = Literal["auto", "json", "protobuf"]

_BLANKS = b" \t\r\n"
_CODE_RATES = {"CR_4_5": 5, "CR_4_6": 6, "CR_4_7": 7, "CR_4_8": 8}
_FRAME_OVERHEAD_BYTES = 12
"""PHYPayload without port and FRMPayload: MHDR 1, FHDR 7, MIC 4 (LoRaWAN 1.0.4, section 4); MAC options are not told."""


class Heard(msgspec.Struct, rename="camel"):
    """What one gateway says of an uplink."""

    gateway_id: str = ""
    rssi: float = 0.0
    snr: float = 0.0


class Lora(msgspec.Struct, rename="camel"):
    """LoRa modulation."""

    bandwidth: Unsigned32 = 0
    spreading_factor: Unsigned8 = 0
    code_rate: str = ""


class Modulation(msgspec.Struct, rename="camel"):
    """Modulation of an uplink; others than LoRa have no spreading factor."""

    lora: Lora | None = None


class Sent(msgspec.Struct, rename="camel"):
    """How an uplink was sent."""

    frequency: Unsigned32 = 0
    modulation: Modulation | None = None


class DeviceInfo(msgspec.Struct, rename="camel"):
    """Which device an event is of."""

    application_id: str = ""
    dev_eui: str = ""


class Message(msgspec.Struct, rename="camel"):
    """An event of any kind: the fields that Hedgerow reads."""

    time: str | None = None
    device_info: DeviceInfo | None = None
    dev_addr: str = ""
    f_cnt: Unsigned32 = 0
    f_port: Unsigned8 = 0
    data: bytes | None = None
    output: object = msgspec.field(default=None, name="object")
    rx_info: list[Heard] | None = None
    tx_info: Sent | None = None
    join_server_context: object = None
    margin: float = 0.0
    external_power_source: bool = False
    battery_level_unavailable: bool = False
    battery_level: float = 0.0
    location: Location | None = None
    acknowledged: bool = False
    f_cnt_down: Unsigned32 = 0
    gateway_id: str = ""
    level: str = ""
    code: str = ""
    description: str = ""
    context: dict[str, str] | None = None
    integration_name: str = ""
    event_type: str = ""


_json = msgspec.json.Decoder(Message, strict=False)


def parse(event: str, payload: bytes, encoding: Encoding = "auto") -> Message:
    """Parse the payload of an event.

    Parameters
    ----------
    event
        The last part of the topic.
    payload, encoding
        JSON or protobuf; `auto` tells them apart: JSON begins with a brace, protobuf never.

    Raises
    ------
    BadMessage
        When it is neither, or of no device.
    """
    is_json = payload.lstrip(_BLANKS)[:1] == b"{" if encoding == "auto" else encoding == "json"
    message = decode_json(_json, payload) if is_json else _parse_protobuf(event, payload)
    if message.device_info is None:
        raise BadMessage(Reason.NOT_READINGS, "deviceInfo is missing: ChirpStack v4 has it, v3 has not")
    return message


def _parse_protobuf(event: str, payload: bytes) -> Message:
    # Only who receives protobuf needs the messages of chirpstack-api, which take 25 ms and 2 MB to load.
    from devices.chirpstack_protobuf import parse as parse_binary  # noqa: PLC0415

    return parse_binary(event, payload)


def read(found: Found, arrived: Arrived, payload: bytes, encoding: Encoding = "auto") -> None:
    """Add what a message says to `found`; nothing is raised for bad data, it is refused there."""
    try:
        message = parse(arrived.event, payload, encoding)
        micros = arrived.received_us if message.time is None else time_us(message.time)
    except BadMessage as error:
        found.refuse(arrived.message, error.reason, str(error))
    except TimeError as error:
        found.refuse(arrived.message, Reason.TIME_INVALID, str(error))
    else:
        _READERS.get(arrived.event, _read_event)(found, arrived, message, micros)


def _read_up(found: Found, arrived: Arrived, message: Message, micros: int) -> None:
    frame = message.data or b""
    is_encrypted = message.join_server_context is not None
    found.uplinks.append(
        Uplink(arrived.message, arrived.uid, micros, _reception(message, len(frame)), frame, message.output, is_encrypted)
    )


def _reception(message: Message, frame_bytes: int) -> Reception:
    heard = message.rx_info or []
    gateway, rssi, snr = best_gateway([(one.gateway_id, one.rssi, one.snr) for one in heard])
    sent = message.tx_info or Sent()
    lora = sent.modulation.lora if sent.modulation else None
    size = _FRAME_OVERHEAD_BYTES + (1 + frame_bytes if message.f_port or frame_bytes else 0)
    return Reception(
        session=clean(message.dev_addr),
        f_cnt=message.f_cnt,
        f_port=message.f_port,
        gateway=clean(gateway),
        gateways=len(heard),
        rssi=rssi,
        snr=snr,
        spreading_factor=(lora.spreading_factor or None) if lora else None,
        frequency=sent.frequency or None,
        airtime=airtime_s(size, lora.spreading_factor, lora.bandwidth, _CODE_RATES.get(lora.code_rate, 5)) if lora else None,
    )


def _read_status(found: Found, arrived: Arrived, message: Message, micros: int) -> None:
    values = {"device_margin": message.margin, "external_power": float(message.external_power_source)}
    if not (message.external_power_source or message.battery_level_unavailable):
        values["battery_level"] = message.battery_level
    found.add(arrived, values, micros)


def _read_location(found: Found, arrived: Arrived, message: Message, micros: int) -> None:
    if message.location is None:
        found.refuse(arrived.message, Reason.VALUE_MISSING, "location is missing", item=1)
    else:
        found.add(arrived, message.location.values(), micros)


def _read_event(found: Found, arrived: Arrived, message: Message, micros: int) -> None:
    level, code, detail = _DESCRIPTIONS[arrived.event](message)
    event = Event(arrived.message, arrived.uid, micros, arrived.event, level, clean(code), clean(detail, LONGEST_DETAIL))
    found.events.append(event)


def _log(message: Message) -> tuple[Level, str, str]:
    level = cast("Level", message.level if message.level in ("WARNING", "ERROR") else "INFO")
    context = "".join(f"; {key}: {value}" for key, value in sorted((message.context or {}).items()))
    return level, "" if message.code == "UNKNOWN" else message.code, message.description + context


def _ack(message: Message) -> tuple[Level, str, str]:
    told = "acknowledged" if message.acknowledged else "not acknowledged"
    return "INFO" if message.acknowledged else "WARNING", "", f"downlink {message.f_cnt_down} {told}"


def _txack(message: Message) -> tuple[Level, str, str]:
    return "INFO", "", f"downlink {message.f_cnt_down} sent by gateway {message.gateway_id}"


def _join(message: Message) -> tuple[Level, str, str]:
    return "INFO", "", f"joined as device address {message.dev_addr}"


def _integration(message: Message) -> tuple[Level, str, str]:
    return "INFO", "", f"{message.integration_name} {message.event_type}".strip()


_READERS = {"up": _read_up, "status": _read_status, "location": _read_location}
_DESCRIPTIONS = {"log": _log, "ack": _ack, "txack": _txack, "join": _join, "integration": _integration}
