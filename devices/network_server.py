"""Network servers: messages of ChirpStack and The Things Stack, told apart by their topics, into columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices import chirpstack, things_stack
from devices.topics import Kind
from devices.uplinks import Arrived, Found

if TYPE_CHECKING:
    from devices.chirpstack import Encoding
    from devices.codecs import Codecs
    from devices.columns import Columns, Messages
    from devices.registry import Registry

KINDS = frozenset({Kind.CHIRPSTACK, Kind.THINGS_STACK})


def decode(messages: Messages, registry: Registry, codecs: Codecs, encoding: Encoding = "auto") -> Columns:
    """Decode messages of network servers; a bad message or value costs only itself.

    Nothing is raised for bad data: it stands among the result's rejects.

    Parameters
    ----------
    messages
        On topics of the `KINDS`.
    registry, codecs
        The device profiles, and what reads frames by them.
    encoding
        What ChirpStack sends, where that is not to be told by the messages themselves.
    """
    found = Found()
    for message, payload, source, received_us in zip(
        messages.index.tolist(), messages.payloads, messages.sources, messages.received_us.tolist(), strict=True
    ):
        arrived = Arrived(message, source.uid, source.event, received_us)
        if source.kind is Kind.CHIRPSTACK:
            chirpstack.read(found, arrived, payload, encoding)
        else:
            things_stack.read(found, arrived, payload)
    return found.columns(registry, codecs)
