"""Deliveries: what a worker has seen of late, so that a message delivered again keeps the time of its first arrival.

With that every row it makes has the same key as the first time, be it a reading without a time of its own, a quarantine row or
a held message: stored once, counted once. A delivery is known by packet id, topic and payload together: a message keeps its
packet id when it is delivered again (MQTT 5, section 4.4). rumqttd gives it a new one; there topic and payload alone must do.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ingest.message import Group

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it maps packet ids one to one


class Deliveries:
    """The last deliveries, newest last, at least `enough` of them."""

    def __init__(self, enough: int, *, packet_ids_last: bool) -> None:
        self._enough = enough
        self._packet_ids_last = packet_ids_last
        self._seen: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque()
        self._count = 0

    def remember(self, keys: NDArray[np.int64], received_us: NDArray[np.int64]) -> None:
        """Add the deliveries of one group; forget the oldest that are no longer needed."""
        self._seen.append((keys, received_us))
        self._count += len(keys)
        while self._count - len(self._seen[0][0]) >= self._enough:
            self._count -= len(self._seen.popleft()[0])

    def keys(self, group: Group) -> NDArray[np.int64]:
        """Key of each message of a group, shape (n,): packet id and digest, or the digest alone."""
        if not self._packet_ids_last:
            return group.digests
        return (group.digests.view(np.uint64) ^ (group.packet_ids.astype(np.uint64) * _SPREAD)).view(np.int64)

    def first_arrivals(self, keys: Iterable[int]) -> dict[int, int]:
        """When those of the keys that were seen before first arrived [µs since 1970]."""
        wanted = set(keys)
        found: dict[int, int] = {}
        for seen, received_us in self._seen:
            for at in np.flatnonzero(np.isin(seen, list(wanted))).tolist():
                found.setdefault(int(seen[at]), int(received_us[at]))
        return found

    def stamp(self, group: Group) -> None:
        """Write into a group: the keys of its messages, and for repeated ones the time of their first arrival."""
        group.keys = self.keys(group)
        suspects = np.flatnonzero(group.may_be_repeated)
        if len(suspects):
            arrivals = self.first_arrivals(group.keys[suspects].tolist())
            repeated = [i for i in suspects.tolist() if int(group.keys[i]) in arrivals]
            group.received_us[repeated] = [arrivals[int(group.keys[i])] for i in repeated]
            group.repeated = len(repeated)
        self.remember(group.keys, group.received_us)
