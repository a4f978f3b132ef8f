"""Batch: resolved readings as parallel columns, ready to be checked, encoded and stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from devices.order import order_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings as parallel 1-D arrays of one length."""

    series: NDArray[np.int32]
    """Series id."""
    time_us: NDArray[np.int64]
    """Microseconds since 1970."""
    value: NDArray[np.float64]
    """In the metric's own unit; always finite."""
    flags: NDArray[np.int16]
    """Bits of `devices.flags.Flag`."""
    metric: NDArray[np.int32]
    """Position in the registry."""
    received_us: NDArray[np.int64]
    """When the message of each reading arrived [µs since 1970]."""
    profile: NDArray[np.int32] | None = None
    """Position of its device's profile; None where no profile has rules of its own."""

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.series)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Batch:
        """Give some of the rows, by index or mask."""
        return Batch(
            self.series[rows],
            self.time_us[rows],
            self.value[rows],
            self.flags[rows],
            self.metric[rows],
            self.received_us[rows],
            None if self.profile is None else self.profile[rows],
        )

    def with_flags(self, flags: NDArray[np.int16]) -> Batch:
        """Give the same readings with flags added."""
        return replace(self, flags=self.flags | flags)


EMPTY_BATCH = Batch(
    np.empty(0, np.int32),
    np.empty(0, np.int64),
    np.empty(0, np.float64),
    np.empty(0, np.int16),
    np.empty(0, np.int32),
    np.empty(0, np.int64),
)


@dataclass(frozen=True, slots=True)
class Unique:
    """A batch sorted by (series, time) that holds each key once, and what was left out."""

    batch: Batch
    duplicate: int
    """Rows left out because an earlier one has their key."""
    refused: Batch
    """Of those, the ones with another value."""

    @property
    def conflicting(self) -> int:
        """Count the rows left out that have another value."""
        return len(self.refused)


def in_order(batch: Batch) -> Batch:
    """Sort by (series, time), stable; a batch that is sorted is given back."""
    series, time_us = batch.series, batch.time_us
    is_later = (series[1:] > series[:-1]) | ((series[1:] == series[:-1]) & (time_us[1:] >= time_us[:-1]))
    return batch if is_later.all() else batch.take(order_of(series, time_us))


def sort_unique(batch: Batch) -> Unique:
    """Sort by (series, time), so that writers never deadlock, and keep the first of each key."""
    ordered = in_order(batch)
    if len(ordered) < 2:
        return Unique(ordered, 0, EMPTY_BATCH)
    again = np.zeros(len(ordered), bool)
    again[1:] = (ordered.series[1:] == ordered.series[:-1]) & (ordered.time_us[1:] == ordered.time_us[:-1])
    if not again.any():
        return Unique(ordered, 0, EMPTY_BATCH)
    kept = np.maximum.accumulate(np.where(again, 0, np.arange(len(ordered))))
    conflicting = again & (ordered.value != ordered.value[kept])
    return Unique(ordered.take(~again), int(again.sum()), ordered.take(conflicting))


def last_of_each_series(batch: Batch) -> Batch:
    """Give the newest reading of every series of a sorted batch."""
    if not len(batch):
        return batch
    is_last = np.append(batch.series[1:] != batch.series[:-1], True)
    return batch.take(is_last)
