"""The Things Stack v3: messages of its applications, by MQTT or webhook, into uplinks, readings and events of devices.

Source: The Things Stack documentation, Data Formats and MQTT Server. Every field that is empty, 0 or false is left out of the
JSON; EUIs are in capitals; a frequency is text. Fields not named here are ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from devices.events import LONGEST_DETAIL, Event, clean
from devices.flat import TimeError, time_us
from devices.model import normalise_uid
from devices.network_message import BadMessage, Location, Unsigned8, Unsigned32, decode_json
from devices.radio import Reception, best_gateway
from devices.reasons import Reason
from devices.topics import THINGS_STACK_EVENTS
from devices.uplinks import Uplink

if TYPE_CHECKING:
    from devices.events import Level
    from devices.uplinks import Arrived, Found

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class ApplicationIds(msgspec.Struct):
    """Which application a device belongs to."""

    application_id: str = ""


class DeviceIds(msgspec.Struct):
    """Which device a message is of."""

    device_id: str = ""
    application_ids: ApplicationIds | None = None
    dev_eui: str = ""
    dev_addr: str = ""


class GatewayIds(msgspec.Struct):
    """Which gateway heard an uplink."""

    gateway_id: str = ""
    eui: str = ""


class Heard(msgspec.Struct):
    """What one antenna of one gateway says of an uplink."""

    gateway_ids: GatewayIds | None = None
    rssi: float = 0.0
    snr: float = 0.0


class Lora(msgspec.Struct):
    """LoRa modulation."""

    spreading_factor: Unsigned8 = 0


class DataRate(msgspec.Struct):
    """Modulation of an uplink; others than LoRa have no spreading factor."""

    lora: Lora | None = None


class Settings(msgspec.Struct):
    """How an uplink was sent."""

    data_rate: DataRate | None = None
    frequency: Unsigned32 = 0


class UplinkMessage(msgspec.Struct):
    """An uplink."""

    session_key_id: str = ""
    f_port: Unsigned8 = 0
    f_cnt: Unsigned32 = 0
    frm_payload: bytes = b""
    decoded_payload: object = None
    rx_metadata: list[Heard] = []
    settings: Settings | None = None
    received_at: str = ""
    consumed_airtime: str = ""
    app_s_key: object = None


class JoinAccept(msgspec.Struct):
    """A device has joined."""

    session_key_id: str = ""


class LocationSolved(msgspec.Struct):
    """Where a device is, as a service worked out."""

    service: str = ""
    location: Location | None = None


class Message(msgspec.Struct):
    """A message of an application: the fields that Hedgerow reads, one of them the event's own."""

    end_device_ids: DeviceIds | None = None
    received_at: str = ""
    simulated: bool = False
    uplink_message: UplinkMessage | None = None
    join_accept: JoinAccept | None = None
    location_solved: LocationSolved | None = None
    service_data: object = None
    downlink_queued: object = None
    downlink_sent: object = None
    downlink_ack: object = None
    downlink_nack: object = None
    downlink_failed: object = None

    @property
    def uid(self) -> str:
        """Uid of the device: its EUI, or its id where it has none."""
        ids = self.end_device_ids or DeviceIds()
        return normalise_uid(ids.dev_eui or ids.device_id)

    @property
    def event(self) -> str:
        """How the topic of such a message ends; empty for one that Hedgerow does not know."""
        return next((end for name, end in THINGS_STACK_EVENTS.items() if getattr(self, name) is not None), "")


_json = msgspec.json.Decoder(Message, strict=False)


def parse(payload: bytes) -> Message:
    """Parse a message.

    Raises
    ------
    BadMessage
        When it is none, or of no device.
    """
    message = decode_json(_json, payload)
    try:
        _ = message.uid
    except ValueError as error:
        raise BadMessage(Reason.UID_INVALID, "end_device_ids has neither dev_eui nor device_id of a device") from error
    return message


def read(found: Found, arrived: Arrived, payload: bytes) -> None:
    """Add what a message says to `found`; nothing is raised for bad data, it is refused there."""
    try:
        message = parse(payload)
        uid = found.rows.owners[arrived.message] = message.uid
        _check(message, arrived.event)
        micros = _time_us(message, arrived.received_us)
    except BadMessage as error:
        found.refuse(arrived.message, error.reason, str(error))
    except TimeError as error:
        found.refuse(arrived.message, Reason.TIME_INVALID, str(error))
    else:
        _read(found, arrived._replace(uid=uid), message, micros)


def _check(message: Message, event: str) -> None:
    if message.simulated:
        raise BadMessage(Reason.SIMULATED)
    if message.event != event:
        raise BadMessage(Reason.NOT_READINGS, f"the topic says {event}, the message {message.event or 'nothing known'}")


def _time_us(message: Message, received_us: int) -> int:
    """Give when the Network Server had the uplink, else the Application Server the message, else its arrival."""
    told = (message.uplink_message and message.uplink_message.received_at) or message.received_at
    return time_us(told) if told else received_us


def _read(found: Found, arrived: Arrived, message: Message, micros: int) -> None:
    if message.uplink_message is not None:
        found.uplinks.append(_uplink(arrived, message.uplink_message, micros))
    elif message.location_solved is not None:
        if message.location_solved.location is None:
            found.refuse(arrived.message, Reason.VALUE_MISSING, "location is missing", item=1)
        else:
            found.add(arrived, message.location_solved.location.values(), micros)
    else:
        level, detail = _described(message)
        found.events.append(
            Event(arrived.message, arrived.uid, micros, arrived.event, level, "", clean(detail, LONGEST_DETAIL))
        )


def _uplink(arrived: Arrived, uplink: UplinkMessage, micros: int) -> Uplink:
    heard = [(_gateway(one.gateway_ids), one.rssi, one.snr) for one in uplink.rx_metadata]
    gateway, rssi, snr = best_gateway(heard)
    settings = uplink.settings or Settings()
    lora = settings.data_rate.lora if settings.data_rate else None
    airtime = _DURATION.fullmatch(uplink.consumed_airtime)
    reception = Reception(
        session=clean(uplink.session_key_id),
        f_cnt=uplink.f_cnt,
        f_port=uplink.f_port,
        gateway=clean(gateway),
        gateways=len({name for name, _, _ in heard}),
        rssi=rssi,
        snr=snr,
        spreading_factor=(lora.spreading_factor or None) if lora else None,
        frequency=settings.frequency or None,
        airtime=float(airtime[1]) if airtime else None,
    )
    is_encrypted = uplink.app_s_key is not None
    return Uplink(arrived.message, arrived.uid, micros, reception, uplink.frm_payload, uplink.decoded_payload, is_encrypted)


def _gateway(ids: GatewayIds | None) -> str:
    return (ids.eui.lower() or ids.gateway_id) if ids else ""


def _described(message: Message) -> tuple[Level, str]:
    if message.join_accept is not None:
        return "INFO", f"joined with the session {message.join_accept.session_key_id}"
    failed = message.downlink_failed if message.downlink_failed is not None else message.downlink_nack
    told = next((one for name in THINGS_STACK_EVENTS if (one := getattr(message, name)) is not None), None)
    return "INFO" if failed is None else "WARNING", _text(told)


def _text(told: object) -> str:
    try:
        return msgspec.json.encode(told).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return ""
