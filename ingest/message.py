"""A message as it came from the broker, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from devices.topics import Source, parse_topic

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Message(NamedTuple):
    """One MQTT PUBLISH."""

    topic: str
    payload: bytes
    received_us: int
    """When it first arrived [µs since 1970]."""
    packet_id: int
    epoch: int
    """Number of the connection it came through: an acknowledgement is good for that connection only."""
    may_be_repeated: bool
    """Whether the broker may have delivered it before: early in a resumed session, or marked DUP."""


@dataclass(frozen=True)
class Group:
    """Messages that go through the path together; columns are parallel to `messages`."""

    messages: list[Message]
    held: bool = False
    """Whether they come from the table held: there is nobody to acknowledge to."""
    repeated: int = 0
    """How many of them had been delivered before."""

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.messages)

    def halves(self) -> tuple[Group, Group]:
        """Cut in two, to find the message that the store refuses."""
        middle = len(self) // 2
        return (
            Group(self.messages[:middle], self.held, self.repeated),
            Group(self.messages[middle:], self.held),
        )

    @cached_property
    def payloads(self) -> list[bytes]:
        """Payload of each message."""
        return [message.payload for message in self.messages]

    @cached_property
    def sources(self) -> list[Source]:
        """What each message's topic says."""
        return [parse_topic(message.topic) for message in self.messages]

    @cached_property
    def received_us(self) -> NDArray[np.int64]:
        """Arrival of each message [µs since 1970]."""
        return np.fromiter((message.received_us for message in self.messages), np.int64, len(self.messages))

    @cached_property
    def digests(self) -> NDArray[np.int64]:
        """64-bit hash of topic and payload of each message: its identity through redeliveries."""
        digests = (digest_of(message.topic, message.payload) for message in self.messages)
        return np.fromiter(digests, np.int64, len(self.messages))


def digest_of(topic: str, payload: bytes) -> int:
    """Hash a topic and a payload to a signed 64-bit number."""
    unsigned = xxhash.xxh3_64_intdigest(payload, xxhash.xxh3_64_intdigest(topic.encode()))
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned
