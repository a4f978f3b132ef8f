"""ChirpStack v4 events as protobuf, by way of their JSON form: both say the same of one event.

Importing this loads chirpstack-api and protobuf; only who receives protobuf does (`devices/chirpstack.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from chirpstack_api.integration import integration_pb2
from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import DecodeError

from devices.chirpstack import Message
from devices.network_message import BadMessage
from devices.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message as Binary

_KINDS: Mapping[str, type[Binary]] = {
    "up": integration_pb2.UplinkEvent,
    "join": integration_pb2.JoinEvent,
    "ack": integration_pb2.AckEvent,
    "txack": integration_pb2.TxAckEvent,
    "status": integration_pb2.StatusEvent,
    "log": integration_pb2.LogEvent,
    "location": integration_pb2.LocationEvent,
}


def parse(event: str, payload: bytes) -> Message:
    """Parse the payload of an event.

    Raises
    ------
    BadMessage
        When it is no protobuf message of this event.
    """
    if event not in _KINDS:
        raise BadMessage(Reason.NOT_PROTOBUF, f"the event {event} has no form in protobuf")
    binary = _KINDS[event]()
    try:
        binary.ParseFromString(payload)
        return msgspec.convert(MessageToDict(binary), Message, strict=False)
    except (DecodeError, Error, ValueError, RecursionError) as error:
        raise BadMessage(Reason.NOT_PROTOBUF, str(error)[:200]) from error
