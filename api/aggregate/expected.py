"""How many readings a bucket should have: from who was to measure there, from when to when, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TOLERANCE = 0.05  # readings: a learned interval of 901 s is one of 900 s


class Stay(NamedTuple):
    """A device that was to measure a series."""

    series_id: int
    from_us: int | None
    """Since when, µs since 1970; None: since the first reading."""
    to_us: int | None
    """Until when, not included; None: it still is."""
    interval_s: float
    names_metric: bool
    """Whether its profile says that it sends this metric: where one does, the others do not count."""
    first_us: int | None
    """The first hour of the series that is rolled up; None where none is."""


def expected_readings(stays: Sequence[Stay], cuts: NDArray[np.int64], now_us: int, first_us: int | None) -> NDArray[np.float64]:
    """Count the readings that each of m buckets of one series should have.

    Where several devices are there at once they measure different things: the slowest is taken to be the one. A bucket that
    lasts expects what should have come so far, and one that cuts an interval only the whole ones.

    Parameters
    ----------
    stays
        Those of this series.
    cuts
        Shape (m + 1,), ascending, µs since 1970.
    first_us
        When the first bucket that has readings begins: an open start is not before the first reading.

    Returns
    -------
    ndarray
        Shape (m,), whole numbers; NaN where nobody was to measure, or the bucket is narrower than the interval.
    """
    edges, pace = _paces(counting(stays), now_us, first_us)
    if not len(pace):
        return np.full(len(cuts) - 1, np.nan)
    until = np.concatenate([[0.0], np.cumsum(pace * np.diff(edges))])
    due = np.diff(np.interp(cuts, edges, until))
    whole = np.floor(due + _TOLERANCE)
    return np.where(whole >= 1, whole, np.nan)


def counting(stays: Sequence[Stay]) -> list[Stay]:
    """Leave out the devices that do not say they send the metric, where others do."""
    return [stay for stay in stays if stay.names_metric] or list(stays)


def _paces(stays: Sequence[Stay], now_us: int, first_us: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut time where a device comes or goes: edges, and readings per µs between them."""
    spans = []
    for stay in stays:
        first = stay.first_us if stay.first_us is not None else first_us
        since = stay.from_us if stay.from_us is not None else first
        until = min(now_us if stay.to_us is None else stay.to_us, now_us)
        if since is not None and since < until:
            spans.append((since, until, stay.interval_s))
    edges = np.unique([time for since, until, _ in spans for time in (since, until)])
    slowest = np.zeros(max(len(edges) - 1, 0))
    for since, until, interval_s in spans:
        during = slice(np.searchsorted(edges, since), np.searchsorted(edges, until))
        slowest[during] = np.maximum(slowest[during], interval_s)
    with np.errstate(divide="ignore"):
        return edges.astype(np.float64), np.where(slowest > 0, 1e-6 / slowest, 0.0)
