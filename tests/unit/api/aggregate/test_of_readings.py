"""Statistics of single readings, held against slow obvious versions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.aggregate.of_readings import Readings, counted, held_for, increases, percentiles, time_under

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR_US = 3_600_000_000
CUTS = np.array([0, 10, 20, 40], np.int64) * 60_000_000
WIDTHS = (2.0**16, 2.0**32)

minutes = st.lists(st.tuples(st.integers(0, 2), st.integers(-30, 45)), unique=True, max_size=40)
values = st.floats(-1e6, 1e6)


def make(rows: Sequence[tuple[int, float, float]], k: int = 1) -> Readings:
    """Make readings of (series, minute, value)."""
    series, times, found = (list(column) for column in zip(*sorted(rows), strict=True)) if rows else ([], [], [])
    us = (np.array(times) * 60_000_000).astype(np.int64)
    return Readings(np.array(series, np.int64), us, np.array(found, np.float64), k)


def slow_percentile(ordered: list[float], fraction: float) -> float:
    """Give a percentile between the two readings it lies between."""
    at = fraction * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


@given(minutes, st.data(), st.floats(0, 1))
def test_percentiles_of_any_readings_equal_the_slow_version(
    keys: list[tuple[int, int]], data: st.DataObject, fraction: float
) -> None:
    """Each bucket of each series has the percentile of its own readings; an empty one has none."""
    rows = [(series, float(minute), data.draw(values)) for series, minute in keys]
    (found,) = percentiles(make(rows, 3), CUTS, [fraction])

    for bucket in range(3):
        for series in range(3):
            bounds = CUTS[bucket : bucket + 2] / 60_000_000
            inside = sorted(value for one, minute, value in rows if one == series and bounds[0] <= minute < bounds[1])
            expected = slow_percentile(inside, fraction) if inside else math.nan
            assert found[bucket, series] == pytest.approx(expected, rel=1e-12, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("before", "after", "risen"),
    [
        (10, 14, 4),
        (10, 10, 0),
        (65_530, 4, 10),
        (65_535, 0, 1),
        (60_000, 4, 5_540),
        (50_000, 4, 4),
        (65_530, 20_000, 20_000),
        (70_000, 4, 4),
        (2**32 - 1, 2, 3),
        (3_000_000_000, 5, 5),
        (995, 3, 8),
        (800, 3, 3),
    ],
)
def test_increase_over_a_wrap_or_a_reset_is_what_was_counted(before: float, after: float, risen: float) -> None:
    """A fall from the last tenth of a width into its first is a wrap; any other is a reset, and counted from 0."""
    steps = increases(make([(0, 0, before), (0, 1, after)]), [(1000.0, *WIDTHS)] if before < 1000 else [WIDTHS])

    assert steps.tolist()[1] == risen
    assert math.isnan(steps[0])


def test_increase_never_goes_from_one_series_to_the_next() -> None:
    """The first reading of each series has nothing to compare with."""
    steps = increases(make([(0, 0, 5), (0, 1, 7), (1, 0, 100), (1, 9, 101)], 2), [WIDTHS, WIDTHS])

    assert np.isnan(steps).tolist() == [True, False, True, False]
    assert steps[[1, 3]].tolist() == [2, 1]


def test_increase_over_the_edge_of_a_bucket_belongs_to_the_later_one() -> None:
    """The rate is by the time since the reading before, which lies in another bucket or before all of them."""
    readings = make([(0, -20, 100), (0, 5, 110), (0, 9, 112), (0, 39, 172)])
    increase, rate = counted(readings, increases(readings, [WIDTHS]), CUTS)

    assert increase[:, 0].tolist()[::2] == [12, 60]
    assert rate[:, 0].tolist()[::2] == [pytest.approx(12 / 29 * 60), pytest.approx(120)]
    assert np.isnan([increase[1, 0], rate[1, 0]]).all()


@given(minutes, st.data(), st.integers(1, 60), st.integers(0, 60))
def test_time_under_any_readings_equals_the_slow_version(
    keys: list[tuple[int, int]], data: st.DataObject, hold_minutes: int, now_minute: int
) -> None:
    """Minute for minute: a value counts until the next reading, not longer than it holds, nor beyond now or the last bucket."""
    rows = [(series, float(minute), float(data.draw(st.integers(-9, 9)))) for series, minute in keys]
    readings = make(rows, 3)
    held = held_for(readings, CUTS, [hold_minutes * 6e7] * 3, now_minute * 60_000_000)
    parts = [readings.values[part] for part in readings.slices()]
    total = time_under(held, parts, CUTS)
    known = time_under(held, [np.ones_like(part) for part in parts], CUTS)

    for bucket, (begins, ends) in enumerate(((0, 10), (10, 20), (20, 40))):
        for series in range(3):
            values_held = []
            own = sorted((minute, value) for one, minute, value in rows if one == series)
            for minute in range(begins, ends):
                before = [row for row in own if row[0] <= minute]
                is_known = before and minute < before[-1][0] + hold_minutes and (minute < now_minute or own[-1] != before[-1])
                if is_known:
                    values_held.append(before[-1][1])
            assert known[bucket, series] == pytest.approx(60 * len(values_held), abs=1e-6)
            assert total[bucket, series] == pytest.approx(60 * sum(values_held), abs=1e-6)


def test_nothing_at_all_is_no_error() -> None:
    """Without readings every statistic is missing."""
    none = make([], 2)

    assert np.isnan(percentiles(none, CUTS, [0.5])[0]).all()
    assert np.isnan(counted(none, increases(none, [WIDTHS] * 2), CUTS)[1]).all()
    assert time_under(held_for(none, CUTS, [math.inf] * 2, 0), [np.empty(0)] * 2, CUTS).tolist() == [[0, 0]] * 3
