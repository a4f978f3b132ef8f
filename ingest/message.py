"""Messages as they came from the broker: a group of them as parallel columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.digest import digests_of
from devices.topics import SOURCES, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(eq=False)
class Group:
    """Messages that go through the path together, as parallel columns of one length."""

    topics: Sequence[bytes]
    payloads: Sequence[bytes]
    received_us: NDArray[np.int64]
    """When each first arrived [µs since 1970]."""
    packet_ids: NDArray[np.uint16]
    epochs: NDArray[np.int64]
    """Number of the connection each came through."""
    may_be_repeated: NDArray[np.bool_]
    held_uids: Sequence[str] = ()
    """Of messages that come from the table held, the device each is held for: there is nobody to acknowledge to."""
    repeated: NDArray[np.bool_] = field(init=False)
    """Whether each is known to have been delivered before; `Deliveries` marks them."""

    def __post_init__(self) -> None:
        """Take all messages for first deliveries."""
        self.repeated = np.zeros(len(self), bool)

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.payloads)

    @property
    def held(self) -> bool:
        """Whether they come from the table held."""
        return bool(self.held_uids)

    def halves(self) -> tuple[Group, Group]:
        """Cut in two, to find the message that the store refuses."""
        middle = len(self) // 2
        return self._part(slice(None, middle)), self._part(slice(middle, None))

    def _part(self, rows: slice) -> Group:
        part = Group(
            self.topics[rows],
            self.payloads[rows],
            self.received_us[rows],
            self.packet_ids[rows],
            self.epochs[rows],
            self.may_be_repeated[rows],
            self.held_uids[rows],
        )
        part.repeated = self.repeated[rows]
        return part

    @cached_property
    def sources(self) -> list[Source]:
        """What each message's topic says."""
        return list(map(SOURCES.__getitem__, self.topics))

    @cached_property
    def digests(self) -> NDArray[np.int64]:
        """64-bit hash of topic and payload of each message: its identity through redeliveries."""
        return digests_of(self.topics, self.payloads)


def group_of(messages: Sequence[Message], *, held_uids: Sequence[str] = ()) -> Group:
    """Arrange single messages as a group; `held_uids` where they come from the table held."""
    return Group(
        [message.topic.encode() for message in messages],
        [message.payload for message in messages],
        np.array([message.received_us for message in messages], np.int64),
        np.array([message.packet_id for message in messages], np.uint16),
        np.array([message.epoch for message in messages], np.int64),
        np.array([message.may_be_repeated for message in messages], bool),
        held_uids,
    )


def join(groups: Sequence[Group]) -> Group:
    """Put groups from the broker behind each other."""
    if len(groups) == 1:
        return groups[0]
    return Group(
        [topic for group in groups for topic in group.topics],
        [payload for group in groups for payload in group.payloads],
        np.concatenate([group.received_us for group in groups]),
        np.concatenate([group.packet_ids for group in groups]),
        np.concatenate([group.epochs for group in groups]),
        np.concatenate([group.may_be_repeated for group in groups]),
    )
