"""Statistics that need every reading: percentiles, increases of counters, and what is weighted by time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_NEAR_AN_END = 0.1
_HOUR_US = 3_600_000_000
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of k series, by series and then by time: parallel arrays."""

    series: Ints
    """Position of the series, from 0 to k - 1."""
    times: Ints
    """µs since 1970."""
    values: Floats
    k: int

    def cells(self, cuts: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Give the place of each reading in a flat grid of (buckets, k), and whether it lies in one at all."""
        bucket = np.searchsorted(cuts, self.times, side="right") - 1
        return bucket * self.k + self.series, (bucket >= 0) & (bucket < len(cuts) - 1)

    def slices(self) -> list[slice]:
        """Give where the readings of each series are."""
        edges = np.searchsorted(self.series, np.arange(self.k + 1))
        return [slice(start, end) for start, end in pairwise(edges)]


def percentiles(readings: Readings, cuts: Ints, fractions: Sequence[float]) -> list[Floats]:
    """Give exact percentiles of each bucket, between two readings by linear interpolation (type 7 of Hyndman and Fan).

    Returns
    -------
    list of ndarray
        For each fraction (0 to 1) an array of (buckets, k); NaN where a bucket has no reading.
    """
    cells, is_inside = readings.cells(cuts)
    cells, values = cells[is_inside], readings.values[is_inside]
    ordered = values[np.lexsort((values, cells))]
    shape = len(cuts) - 1, readings.k
    count = np.bincount(cells, minlength=shape[0] * shape[1])
    first = np.cumsum(count) - count
    found = np.flatnonzero(count)
    results = []
    for fraction in fractions:
        at = fraction * (count[found] - 1)
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, count[found] - 1)
        low, high = ordered[first[found] + below], ordered[first[found] + above]
        result = np.full(shape[0] * shape[1], np.nan)
        result[found] = low + (high - low) * (at - below)
        results.append(result.reshape(shape))
    return results


def increases(readings: Readings, widths: Sequence[Sequence[float]]) -> Floats:
    """Give by how much a counter had gone up at each reading since the one before.

    Where the value has fallen the counter has wrapped or was reset. It has wrapped at the narrowest width that holds the value
    before, if that was in the last tenth of the width and the new one is in its first tenth; else it was reset and has counted
    from 0 up to the new value.

    Parameters
    ----------
    widths
        For each series the numbers of values a counter may have, ascending, for example 65,536 and 4,294,967,296.

    Returns
    -------
    ndarray
        Shape of the readings; NaN at the first reading of each series.
    """
    steps = np.diff(readings.values, prepend=np.nan)
    steps[np.diff(readings.series, prepend=-1) != 0] = np.nan
    fallen = np.flatnonzero(steps < 0)
    before, after = readings.values[fallen - 1], readings.values[fallen]
    width = _narrowest(before, [widths[series] for series in np.unique(readings.series[fallen])], readings.series[fallen])
    has_wrapped = (before >= (1 - _NEAR_AN_END) * width) & (after < _NEAR_AN_END * width)
    steps[fallen] = np.where(has_wrapped, after + np.where(has_wrapped, width, 0) - before, after)
    return steps


def _narrowest(values: Floats, widths: Sequence[Sequence[float]], series: Ints) -> Floats:
    """Give the narrowest width that holds each value, infinity where none does; `widths` are of the series that occur."""
    table = np.full((len(widths), max(map(len, widths), default=0) + 1), np.inf)
    for row, of_series in zip(table, widths, strict=True):
        row[: len(of_series)] = of_series
    mine = table[np.unique(series, return_inverse=True)[1]]
    narrowest: Floats = mine[np.arange(len(values)), (values[:, None] < mine).argmax(axis=1)]
    return narrowest


def counted(readings: Readings, steps: Floats, cuts: Ints) -> tuple[Floats, Floats]:
    """Give how much counters went up in each bucket, and at which rate per hour.

    The increase between two readings belongs to the bucket of the later one. A rate is by the time between the readings that
    the increase is made of.

    Returns
    -------
    tuple of ndarray
        Increase and rate, each of (buckets, k); NaN where there is nothing to compare with.
    """
    cells, is_inside = readings.cells(cuts)
    is_known = is_inside & ~np.isnan(steps)
    hours = np.diff(readings.times, prepend=0) / _HOUR_US
    shape = len(cuts) - 1, readings.k
    size = shape[0] * shape[1]
    increase: Floats = np.bincount(cells[is_known], steps[is_known], size).astype(np.float64)
    lasted: Floats = np.bincount(cells[is_known], hours[is_known], size).astype(np.float64)
    increase[lasted == 0] = lasted[lasted == 0] = np.nan
    return increase.reshape(shape), (increase / lasted).reshape(shape)


def held_for(readings: Readings, cuts: Ints, hold_us: Sequence[float], now_us: int) -> list[tuple[Ints, Ints]]:
    """Give for each series until when each value holds: to the next reading, but not longer than `hold_us`, nor beyond now."""
    held = []
    for part, longest in zip(readings.slices(), hold_us, strict=True):
        times = readings.times[part]
        last = max(min(int(cuts[-1]), now_us), int(times[-1])) if len(times) else 0
        until = np.minimum(np.append(times[1:], last), times + min(longest, 2**53)).astype(np.int64)
        held.append((times, until))
    return held


def time_under(held: Sequence[tuple[Ints, Ints]], weights: Sequence[Floats], cuts: Ints) -> Floats:
    """Integrate values that hold over time.

    Parameters
    ----------
    held
        For each series from when and until when its values hold (µs), as `held_for` gives them.
    weights
        For each series the values; 1 gives how long anything is known.

    Returns
    -------
    ndarray
        Shape (buckets, k): value times seconds within each bucket.
    """
    columns = []
    for (times, until), values in zip(held, weights, strict=True):
        if not len(times):
            columns.append(np.zeros(len(cuts) - 1))
            continue
        # The integral goes up in straight lines: over a value that holds, and level until the next one.
        bends = np.stack([times, until], axis=1).reshape(-1) - cuts[0]
        steps = np.stack([np.zeros(len(times)), values * (until - times) / _SECOND_US], axis=1).reshape(-1)
        columns.append(np.diff(np.interp(cuts - cuts[0], bends, np.cumsum(steps))))
    return np.stack(columns, axis=1) if columns else np.zeros((len(cuts) - 1, 0))
