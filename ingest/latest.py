"""Last values: what waits to be written to the table latest, written as often as that costs next to nothing.

Readings are in their own transaction already; last values are derived from them (docs/adr/0004). A crash may leave them behind
by moments: `repair_latest` brings them up when a worker starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from ingest.batch import Batch, last_of_each_series
from ingest.encode import encode_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAUSE_PER_COST = 20.0
"""Writing takes at most a twentieth of the writer's time: 5 rows are written again after 20 ms, 50,000 rows after 5 s."""

_MOST_WAITING = 500_000
_MERGED_FROM = 100_000
"""Rows that wait before those of one series become one: in a flood every group brings the newest of the same series."""


class Latest:
    """Newest readings that are not in the table yet."""

    def __init__(self) -> None:
        self._waiting: list[Batch] = []
        self._count = 0
        self._merged_from = _MERGED_FROM
        self._as_sent = True
        self._due = 0.0

    def __len__(self) -> int:
        """Count the rows that wait."""
        return self._count

    def add(self, batch: Batch, *, as_sent: bool) -> None:
        """Add the newest readings of a stored batch, sorted by series.

        `as_sent` says that all of the batch was new: otherwise another value may stand under a key.
        """
        self._as_sent &= as_sent
        if len(batch):
            self._waiting.append(batch)
            self._count += len(batch)
        if self._count > self._merged_from:
            self._waiting = [newest_of(self._waiting)]
            self._count = len(self._waiting[0])
            self._merged_from = max(_MERGED_FROM, 2 * self._count)

    def is_due(self) -> bool:
        """Whether there is something to write and the time has come."""
        return bool(self._waiting) and (time.monotonic() >= self._due or self._count > _MOST_WAITING)

    def is_waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting)

    def take(self) -> tuple[bytes, bool]:
        """Give what waits as bytes of COPY, one row a series, and whether it is stored as it was sent; it waits no longer."""
        newest, as_sent = newest_of(self._waiting), self._as_sent
        self._waiting, self._count, self._as_sent = [], 0, True
        return encode_latest(newest), as_sent

    def wrote(self, cost_s: float) -> None:
        """Note what writing has cost [s]: it sets when the next may follow."""
        self._due = time.monotonic() + cost_s * _PAUSE_PER_COST


def newest_of(batches: Sequence[Batch]) -> Batch:
    """Give the newest reading of each series over several batches."""
    joined = Batch(
        np.concatenate([batch.series for batch in batches]),
        np.concatenate([batch.time_us for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([batch.flags for batch in batches]),
        np.concatenate([batch.metric for batch in batches]),
        np.concatenate([batch.received_us for batch in batches]),
    )
    return last_of_each_series(joined.take(np.lexsort((joined.time_us, joined.series))))
