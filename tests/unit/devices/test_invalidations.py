"""Invalidated ranges looked up by arrays, against a slow obvious version."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.invalidations import invalidations_of

_SERIES = st.integers(1, 4)
_TIME = st.integers(-20, 20)


def _disjoint(edges: dict[int, list[int]]) -> list[tuple[int, int, int]]:
    """Make sorted ranges that do not overlap of the edges of each series."""
    return [
        (series, start, end)
        for series, times in sorted(edges.items())
        for start, end in zip(sorted(times)[::2], sorted(times)[1::2], strict=False)
    ]


@given(
    st.dictionaries(_SERIES, st.lists(_TIME, unique=True, max_size=9), max_size=4),
    st.lists(st.tuples(st.integers(-1, 5), _TIME), max_size=30),
)
def test_cover_any_ranges_and_readings_is_as_asked_one_by_one(
    edges: dict[int, list[int]], readings: list[tuple[int, int]]
) -> None:
    """A reading is covered where a range of its series begins at or before its time and ends after it."""
    ranges = _disjoint(edges)
    series = np.array([one[0] for one in readings], np.int32)
    time_us = np.array([one[1] for one in readings], np.int64)

    covered = invalidations_of(ranges).cover(series, time_us)

    assert covered.tolist() == [any(of == one and start <= time < end for of, start, end in ranges) for one, time in readings]


def test_cover_ranges_that_touch_is_whole() -> None:
    """Where one range ends another may begin; the first moment counts and the last does not."""
    made = invalidations_of([(7, 10, 20), (7, 20, 30)])

    assert made.cover(np.full(5, 7, np.int32), np.array([9, 10, 20, 29, 30])).tolist() == [False, True, True, True, False]
