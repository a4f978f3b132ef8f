"""Hours of a calendar year in GMT as an array, and what days are made of them; pure.

Air-quality data are in GMT all year (domain reference, section 1.9), so every day has 24 hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_H = 8
"""Hours of a running mean; as many stand in front of the year, for those that end on its first morning."""

_DAY_H = 24
_SHARE = 0.75
"""Of its parts that a mean needs: 45 minutes, 6 of 8 hours, 18 of 24 (Directive 2008/50/EC annex VII, section 1.5)."""


def first_hour(year: int) -> int:
    """Give the first hour of a year [hours since 1970, UTC]."""
    return int(np.datetime64(str(year), "h").astype(np.int64))


def hours_of_year(year: int, hour: NDArray[np.int64], mean: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Lay means of hours on the grid of a year.

    Parameters
    ----------
    year
        Calendar year, GMT.
    hour
        Start of each hour [hours since 1970, UTC], shape (k,), of the year and of the 8 hours before it.
    mean
        Of each hour [metric's unit], shape (k,).
    n
        How many readings it is of, shape (k,).

    Returns
    -------
    numpy.ndarray
        Shape (8 + hours of the year,); NaN where an hour has no mean, or fewer than three quarters of the readings that
        are usual: the median of the hours of its month.
    """
    first = first_hour(year)
    grid = np.full(WINDOW_H + first_hour(year + 1) - first, np.nan)
    enough = n >= _SHARE * _usual(hour, n)
    grid[hour[enough] - first + WINDOW_H] = mean[enough]
    return grid


def _usual(hour: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many readings an hour usually has in each hour's month, shape (k,)."""
    months, which = np.unique(hour.astype("datetime64[h]").astype("datetime64[M]"), return_inverse=True)
    return np.array([np.median(n[which == place]) for place in range(len(months))], np.float64)[which]


def daily_means(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the hours of each day, shape (24 d,) to (d,); NaN where fewer than 18 are there (section 1.5)."""
    return _means(hours.reshape(-1, _DAY_H))


def daily_max_of_8h(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the greatest running 8-hour mean of each day.

    A mean belongs to the day it ends: a day's first is of 17:00 to 01:00, its last of 16:00 to 24:00 (section 1.2). It needs
    6 of its 8 hours, and the day 18 of its 24 means.

    Parameters
    ----------
    grid
        Shape (8 + 24 d,), as `hours_of_year` gives it.

    Returns
    -------
    numpy.ndarray
        Shape (d,); NaN where a day has too few.
    """
    running = _means(sliding_window_view(grid[1:], WINDOW_H)).reshape(-1, _DAY_H)
    is_there = np.isfinite(running)
    most = np.where(is_there, running, -np.inf).max(axis=1)
    return np.where(is_there.sum(axis=1) >= _SHARE * _DAY_H, most, np.nan)


def _means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each row, shape (d, k) to (d,); NaN where less than three quarters of it is there."""
    is_there = np.isfinite(rows)
    n = is_there.sum(axis=1)
    total = np.where(is_there, rows, 0.0).sum(axis=1)
    return np.where(n >= _SHARE * rows.shape[1], total / np.maximum(n, 1), np.nan)
