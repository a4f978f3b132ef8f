"""Webhooks: the MQTT message that a network server's request stands for."""

from __future__ import annotations

from typing import NamedTuple

from devices import chirpstack, things_stack
from devices.model import normalise_uid
from devices.network_message import BadMessage
from devices.reasons import Reason
from devices.topics import CHIRPSTACK_EVENTS, chirpstack_topic, things_stack_topic


class Webhook(NamedTuple):
    """What a request says: its payload is the request's body."""

    uid: str
    """The device it is of."""
    topic: str
    """On which its network server would have published it."""


def of_chirpstack(event: str, body: bytes) -> Webhook:
    """Read a request of ChirpStack's HTTP integration, in JSON or protobuf; `event` stands in its address.

    Raises
    ------
    BadMessage
        When it is none.
    """
    _refuse_empty(body)
    if event not in CHIRPSTACK_EVENTS:
        raise BadMessage(
            Reason.TOPIC_UNKNOWN, f"the address says event={event[:40]}; events are {', '.join(sorted(CHIRPSTACK_EVENTS))}"
        )
    info = chirpstack.parse(event, body).device_info or chirpstack.DeviceInfo()
    try:
        uid = normalise_uid(info.dev_eui)
    except ValueError as error:
        raise BadMessage(Reason.UID_INVALID, f"deviceInfo.devEui: {error}") from error
    return Webhook(uid, chirpstack_topic(_level(info.application_id), uid, event))


def of_things_stack(body: bytes) -> Webhook:
    """Read a request of The Things Stack's webhooks; which event it is of its body says.

    Raises
    ------
    BadMessage
        When it is none.
    """
    _refuse_empty(body)
    message = things_stack.parse(body)
    if not message.event:
        raise BadMessage(Reason.NOT_READINGS, "no event that Hedgerow knows, such as uplink_message, is in it")
    ids = message.end_device_ids or things_stack.DeviceIds()
    application = ids.application_ids.application_id if ids.application_ids else ""
    return Webhook(message.uid, things_stack_topic(_level(application), _level(ids.device_id or message.uid), message.event))


def _refuse_empty(body: bytes) -> None:
    if not body.strip():
        raise BadMessage(Reason.PAYLOAD_EMPTY)


def _level(text: str) -> str:
    """Write a text as one level of a topic; which application it was says nothing about the device."""
    return text if text.isascii() and text.isprintable() and text and not set(text) & set("/+#") else "-"
