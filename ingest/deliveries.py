"""Deliveries: what a worker has seen of late, so that a message delivered again keeps the time of its first arrival.

With that every row it makes has the same key as the first time, be it a reading without a time of its own, a quarantine row or
a held message: stored once, counted once. A message keeps its packet id when it is delivered again (MQTT 5, section 4.4): it is
known by packet id and digest, as long as that id was not used for another message since. rumqttd gives a new id; there the
digest alone must do, and a delivery is taken for the first arrival of one message a connection at most.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.message import Group

_DIFFERENT_IDS = 65_535
_TOGETHER = 1_000


def enough(receive_maximum: int, *, packet_ids_last: bool) -> int:
    """Count the deliveries to know, so that each that may come again is among them.

    What may come again is more than what we have not acknowledged: acknowledgements under way die with the connection, and
    Mosquitto before 2.0.13 does not stop at the receive maximum. So as many are known as can be told apart by packet id.
    """
    return _DIFFERENT_IDS - 1 if packet_ids_last else receive_maximum


class Deliveries:
    """The last deliveries, newest last: `enough` of them."""

    def __init__(self, enough: int, *, packet_ids_last: bool) -> None:
        self._enough = enough
        self._packet_ids_last = packet_ids_last
        self._seen: deque[tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]] = deque()
        self._count = 0
        self._epoch: int | None = None
        self._candidates: dict[int, list[tuple[int, int]]] = {}

    def remember(self, digests: NDArray[np.int64], packet_ids: NDArray[np.uint16], received_us: NDArray[np.int64]) -> None:
        """Add the deliveries of one group; forget the oldest that are no longer needed.

        Exactly those: packet ids come round after 65,535 messages, and an equal message that has an old one's id by then is
        another message.
        """
        numbered = packet_ids != 0  # what came with QoS 0 never comes again
        self._count += int(np.count_nonzero(numbered))
        columns = (digests[numbered], packet_ids[numbered], received_us[numbered])
        if self._seen and len(self._seen[-1][0]) < _TOGETHER:  # arrays of one take a hundred times the room
            last = self._seen.pop()
            columns = (np.append(last[0], columns[0]), np.append(last[1], columns[1]), np.append(last[2], columns[2]))
        self._seen.append(columns)
        while self._count > self._enough:
            digests, packet_ids, received_us = self._seen.popleft()
            kept = max(0, self._enough - (self._count - len(digests)))
            self._count -= len(digests) - kept
            if kept:
                self._seen.appendleft((digests[-kept:], packet_ids[-kept:], received_us[-kept:]))

    def stamp(self, group: Group) -> None:
        """Write into a group: repeated messages get the time of their first arrival. Remember the others.

        A network that breaks again and again delivers the same again and again: that must push nothing out.
        """
        if group.may_be_repeated.any():
            self._stamp_repeats(group)
        new = ~group.repeated
        self.remember(group.digests[new], group.packet_ids[new], group.received_us[new])

    def _stamp_repeats(self, group: Group) -> None:
        digests, received_us = group.digests.tolist(), group.received_us.tolist()
        names = group.packet_ids.tolist() if self._packet_ids_last else digests
        marks = zip(names, digests, group.may_be_repeated.tolist(), group.epochs.tolist(), strict=True)
        for i, (name, digest, suspect, epoch) in enumerate(marks):
            if suspect and epoch != self._epoch:
                # What came before this connection may come again through it.
                self._epoch, self._candidates = epoch, self._index()
                self._add(names[:i], digests[:i], group.received_us[:i].tolist())
            seen = self._candidates.get(name, [])
            if suspect and seen and seen[-1][0] == digest:
                group.received_us[i] = seen.pop()[1]
                group.repeated[i] = True
            elif self._packet_ids_last:
                # The id was given to this message: the older ones under it are acknowledged, and do not come again.
                self._candidates[name] = [] if suspect else [(digest, received_us[i])]

    def _index(self) -> dict[int, list[tuple[int, int]]]:
        """Digest and arrival of what was seen under each packet id, or of each digest, the newest last."""
        self._candidates = {}
        for digests, packet_ids, received_us in self._seen:
            names = packet_ids if self._packet_ids_last else digests
            self._add(names.tolist(), digests.tolist(), received_us.tolist())
        return self._candidates

    def _add(self, names: Sequence[int], digests: Sequence[int], received_us: Sequence[int]) -> None:
        for name, digest, arrival in zip(names, digests, received_us, strict=True):
            if self._packet_ids_last:
                self._candidates[name] = [(digest, arrival)]
            else:
                self._candidates.setdefault(name, []).append((digest, arrival))
