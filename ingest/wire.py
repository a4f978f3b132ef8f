"""The wire: cuts what came from the broker into PUBLISH packets, thousands at a time; pure.

Only the shape that nearly every message has is read here (MQTT 5, section 3.3: QoS 1, no properties); packets of any other
shape are handed on whole, for the library that knows all of the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PUBLISH_QOS1 = 0x32
_DUPLICATE = 0x08
_PUBACK = 0x40


class WireError(Exception):
    """Bytes that are no MQTT."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a buffer holds, in order."""

    topics: list[bytes]
    payloads: list[bytes]
    packet_ids: NDArray[np.uint16]
    duplicate: NDArray[np.bool_]
    """Whether the packet is marked as delivered again (DUP)."""
    others: list[bytes]
    """Packets of other shapes, whole."""
    used: int
    """Bytes up to the first packet that is not whole yet."""


def scan(buffer: bytes) -> Scanned:
    """Cut a buffer into packets.

    Raises
    ------
    WireError
        When a remaining length is malformed (MQTT 5, section 1.5.5).
    """
    topics: list[bytes] = []
    payloads: list[bytes] = []
    packet_ids: list[int] = []
    duplicate: list[bool] = []
    others: list[bytes] = []
    at, end = 0, len(buffer)
    # A loop over packets, for each one's length tells where the next begins; what it does per packet is kept to slices.
    while end - at >= 2:
        first = buffer[at]
        length = buffer[at + 1]
        body = at + 2
        if length & 0x80:
            length, body = _long_length(buffer, at, end)
            if not body:
                break
        stop = body + length
        if stop > end:
            break
        topic_end = body + 2 + (buffer[body] << 8) + buffer[body + 1] if length > 4 else stop
        if first & ~_DUPLICATE == _PUBLISH_QOS1 and topic_end + 3 <= stop and not buffer[topic_end + 2]:
            topics.append(buffer[body + 2 : topic_end])
            packet_ids.append((buffer[topic_end] << 8) + buffer[topic_end + 1])
            duplicate.append(first != _PUBLISH_QOS1)
            payloads.append(buffer[topic_end + 3 : stop])
        else:
            others.append(buffer[at:stop])
        at = stop
    return Scanned(topics, payloads, np.array(packet_ids, np.uint16), np.array(duplicate, bool), others, at)


def _long_length(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a remaining length of two to four bytes; gives it and where the body begins, (0, 0) while bytes are missing."""
    length = 0
    for i in range(4):
        if at + 1 + i >= end:
            return 0, 0
        digit = buffer[at + 1 + i]
        length |= (digit & 0x7F) << (7 * i)
        if not digit & 0x80:
            return length, at + 2 + i
    raise WireError("the broker sends a malformed remaining length")


def puback_bytes(packet_ids: NDArray[np.uint16]) -> bytes:
    """Write the PUBACKs of many messages, in order: reason Success, no properties, 4 bytes each (MQTT 5, section 3.4)."""
    packets = np.empty((len(packet_ids), 4), np.uint8)
    packets[:, 0] = _PUBACK
    packets[:, 1] = 2
    packets[:, 2] = packet_ids >> 8
    packets[:, 3] = packet_ids & 0xFF
    return packets.tobytes()
