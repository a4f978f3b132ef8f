"""Invalidations: ranges of series that people have taken out of the statistics, looked up by whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Invalidations:
    """Ranges as parallel arrays, shape (ranges,), by series and start; those of one series do not overlap."""

    series: NDArray[np.int32]
    """Series id."""
    from_us: NDArray[np.int64]
    """Start, included [µs since 1970]."""
    to_us: NDArray[np.int64]
    """End, not included [µs since 1970]."""

    def cover(self, series: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which readings lie in a range of their series.

        Parameters
        ----------
        series
            Series id of each reading, shape (n,).
        time_us
            Its time [µs since 1970], shape (n,).

        Returns
        -------
        numpy.ndarray
            Mask, shape (n,).
        """
        if not len(self.series):
            return np.zeros(len(series), bool)
        # Series and time in one number that sorts as they do: times count as the number of starts up to them.
        starts = np.unique(self.from_us)
        keys = _keys(self.series, self.from_us, starts)
        before = np.searchsorted(keys, _keys(series, time_us, starts), side="right") - 1
        last = np.maximum(before, 0)
        covered: NDArray[np.bool_] = (before >= 0) & (self.series[last] == series) & (time_us < self.to_us[last])
        return covered


def _keys(series: NDArray[np.int32], time_us: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return series.astype(np.int64) * (len(starts) + 1) + np.searchsorted(starts, time_us, side="right")


def invalidations_of(rows: Sequence[tuple[int, int, int]]) -> Invalidations:
    """Arrange rows of series id, start and end [µs since 1970] that are sorted and do not overlap."""
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return Invalidations(columns[:, 0].astype(np.int32), columns[:, 1], columns[:, 2])
