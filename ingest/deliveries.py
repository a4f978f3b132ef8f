"""Deliveries: what a worker has seen of late, so that a message delivered again keeps the time of its first arrival.

With that every row it makes has the same key as the first time, be it a reading without a time of its own, a quarantine row or
a held message: stored once, counted once. A message keeps its packet id when it is delivered again (MQTT 5, section 4.4): it is
known by packet id and digest, as long as that id was not used for another message since. rumqttd gives a new id; there the
digest alone must do.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ingest.message import Group


class Deliveries:
    """The last deliveries, newest last, at least `enough` of them."""

    def __init__(self, enough: int, *, packet_ids_last: bool) -> None:
        self._enough = enough
        self._packet_ids_last = packet_ids_last
        self._seen: deque[tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]] = deque()
        self._count = 0
        self._newest: dict[int, tuple[int, int]] | None = None

    def remember(self, digests: NDArray[np.int64], packet_ids: NDArray[np.uint16], received_us: NDArray[np.int64]) -> None:
        """Add the deliveries of one group; forget the oldest that are no longer needed."""
        self._seen.append((digests, packet_ids, received_us))
        self._count += len(digests)
        while self._count - len(self._seen[0][0]) >= self._enough:
            self._count -= len(self._seen.popleft()[0])

    def stamp(self, group: Group) -> None:
        """Write into a group: repeated messages get the time of their first arrival. Remember the group."""
        if group.may_be_repeated.any():
            # Kept while repeats may come, which is a short while after a connection was made.
            self._newest = self._newest if self._newest is not None else self._index()
            self._stamp_repeats(group, self._newest)
        else:
            self._newest = None
        self.remember(group.digests, group.packet_ids, group.received_us)

    def _index(self) -> dict[int, tuple[int, int]]:
        """Newest delivery under each packet id, or of each digest: digest and arrival."""
        newest: dict[int, tuple[int, int]] = {}
        for digests, packet_ids, received_us in self._seen:
            arrivals = list(zip(digests.tolist(), received_us.tolist(), strict=True))
            names = packet_ids.tolist() if self._packet_ids_last else digests.tolist()
            newest.update(zip(names, arrivals, strict=True))
        return newest

    def _stamp_repeats(self, group: Group, newest: dict[int, tuple[int, int]]) -> None:
        digests, received_us = group.digests.tolist(), group.received_us.tolist()
        names = group.packet_ids.tolist() if self._packet_ids_last else digests
        for i, (name, digest, suspect) in enumerate(zip(names, digests, group.may_be_repeated.tolist(), strict=True)):
            if suspect and name in newest and newest[name][0] == digest:
                group.received_us[i] = newest[name][1]
                group.repeated += 1
            else:
                newest[name] = (digest, received_us[i])
