"""Deliveries: what a worker has seen of late, so that a message delivered again keeps the time of its first arrival.

With that every row it makes has the same key as the first time, be it a reading without a time of its own, a quarantine row or
a held message: stored once, counted once. A delivery is known by packet id, topic and payload together; brokers give a message
its old packet id when they deliver it again (MQTT 5, section 4.4).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from ingest.message import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ingest.message import Message

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it maps packet ids one to one


def delivery_keys(group: Group) -> NDArray[np.int64]:
    """Key of each message of a group, shape (n,)."""
    ids = np.fromiter((message.packet_id for message in group.messages), np.uint64, len(group))
    return (group.digests.view(np.uint64) ^ (ids * _SPREAD)).view(np.int64)


class Deliveries:
    """The last deliveries, newest last, at least `enough` of them."""

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._seen: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque()
        self._count = 0

    def remember(self, keys: NDArray[np.int64], received_us: NDArray[np.int64]) -> None:
        """Add the deliveries of one group; forget the oldest that are no longer needed."""
        self._seen.append((keys, received_us))
        self._count += len(keys)
        while self._count - len(self._seen[0][0]) >= self._enough:
            self._count -= len(self._seen.popleft()[0])

    def first_arrivals(self, keys: Iterable[int]) -> dict[int, int]:
        """When those of the keys that were seen before first arrived [µs since 1970]."""
        wanted = set(keys)
        found: dict[int, int] = {}
        for seen, received_us in self._seen:
            for at in np.flatnonzero(np.isin(seen, list(wanted))).tolist():
                found.setdefault(int(seen[at]), int(received_us[at]))
        return found

    def recognise(self, group: Group) -> Group:
        """Give repeated messages the time of their first arrival, and remember the group."""
        keys = delivery_keys(group)
        suspects = [i for i, message in enumerate(group.messages) if message.may_be_repeated]
        if suspects:
            arrivals = self.first_arrivals(keys[suspects].tolist())
            group = _restamped(group, keys, suspects, arrivals) if arrivals else group
        self.remember(keys, group.received_us)
        return group


def _restamped(group: Group, keys: NDArray[np.int64], suspects: list[int], arrivals: dict[int, int]) -> Group:
    messages: list[Message] = list(group.messages)
    repeated = 0
    for i in suspects:
        first = arrivals.get(int(keys[i]))
        if first is not None:
            messages[i] = messages[i]._replace(received_us=first)
            repeated += 1
    return Group(messages, group.held, repeated)
