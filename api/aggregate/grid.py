"""Statistics of m buckets of k series as arrays of m rows and k columns: filled from rows of the database, and gaps filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from api.buckets import Buckets

Fill = Literal["none", "null", "previous", "linear"]

BARE = ("sum", "min", "max", "first", "last")
"""Statistics as the database gives them."""


@dataclass(slots=True)
class Grid:
    """All that is told of some series whose buckets have the same edges; every array is (buckets, series)."""

    series: NDArray[np.int32]
    """Ids of the series, ascending."""
    buckets: Buckets
    n: NDArray[np.int64]
    """How many readings count."""
    flags: NDArray[np.int64]
    """All flags seen, of those that do not count too."""
    statistics: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """By name; NaN: there is none."""
    is_there: NDArray[np.bool_] = field(init=False)
    """Which points are given."""
    is_filled: NDArray[np.bool_] = field(init=False)
    """Of which the statistics are made up."""

    def __post_init__(self) -> None:
        self.is_there = self.n > 0
        self.is_filled = np.zeros_like(self.is_there)


def grid_of(
    columns: Mapping[str, NDArray[Any]], series: NDArray[np.int32], buckets: Buckets, statistics: Sequence[str]
) -> Grid:
    """Make a grid of points in any order.

    Parameters
    ----------
    columns
        Parallel arrays by name: series_id, bucket, n, flags, and those of `bare`, NaN where there is no value.
    series
        Ids of all series, ascending.
    statistics
        Names of those that the grid is to have.
    """
    shape = (len(buckets), len(series))
    at = columns["bucket"].astype(np.int64) * len(series) + np.searchsorted(series, columns["series_id"])

    def scattered(name: str, missing: float) -> NDArray[Any]:
        column = columns[name]
        spread = np.full(shape, missing, column.dtype)
        spread.reshape(-1)[at] = column
        return spread

    grid = Grid(series, buckets, scattered("n", 0), scattered("flags", 0))
    for name in statistics:
        if name == "mean":
            with np.errstate(invalid="ignore"):
                grid.statistics[name] = scattered("sum", np.nan) / grid.n
        elif name == "count":
            grid.statistics[name] = grid.n.astype(np.float64)
        else:
            grid.statistics[name] = scattered(name, np.nan)
    return grid


def bare(statistics: Sequence[str]) -> set[str]:
    """Tell which columns some statistics are made of, beside how many readings count."""
    return {"sum" if name == "mean" else name for name in statistics if name != "count"}


def fill(grid: Grid, way: Fill) -> None:
    """Give every bucket a point; what `way` makes up is marked as filled.

    Parameters
    ----------
    way
        `none` leaves empty buckets out, `null` gives them without values, `previous` with those of the last bucket that
        has any, `linear` with those between the last and the next one that have any.
    """
    if way == "none":
        return
    grid.is_there = np.ones_like(grid.is_there)
    if way == "null" or not len(grid.buckets):
        return
    made = _previous if way == "previous" else _linear
    for name, values in grid.statistics.items():
        filled = made(values, grid.buckets.labels)
        grid.is_filled |= np.isnan(values) & ~np.isnan(filled)
        grid.statistics[name] = filled


def _previous(values: NDArray[np.float64], _times: NDArray[np.int64]) -> NDArray[np.float64]:
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    filled: NDArray[np.float64] = np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
    return filled


def _linear(values: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    filled = values.copy()
    for column in filled.T:
        is_known = ~np.isnan(column)
        if is_known.any():
            column[:] = np.interp(times, times[is_known], column[is_known], left=np.nan, right=np.nan)
    return filled
