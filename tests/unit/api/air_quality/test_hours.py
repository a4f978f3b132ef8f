"""Hours of a year, daily means and running means, held against slow obvious versions."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from api.air_quality.hours import WINDOW_H, daily_max_of_8h, daily_means, first_hour, hours_of_year

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def grid(seed: int, year: int, missing: float) -> np.ndarray:
    """Make a year of random hours, with the hours before it, of which a share is missing."""
    chance = random.Random(seed)
    count = WINDOW_H + first_hour(year + 1) - first_hour(year)
    return np.array([math.nan if chance.random() < missing else chance.uniform(-3, 300) for _ in range(count)])


def slow_mean(values: list[float], needed: int) -> float:
    """Average what is there, if it is enough."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if len(known) >= needed else math.nan


def slow_daily_max(values: np.ndarray) -> list[float]:
    """For each day: the 24 means that end in it, one at a time."""
    found = []
    for midnight in range(WINDOW_H, len(values), 24):
        ends = range(midnight + 1, midnight + 25)
        means = [slow_mean(values[end - WINDOW_H : end].tolist(), 6) for end in ends]
        known = [mean for mean in means if not math.isnan(mean)]
        found.append(max(known) if len(known) >= 18 else math.nan)
    return found


@pytest.mark.parametrize(("year", "hours"), [(2003, 8760), (2004, 8784), (1900, 8760), (2000, 8784)])
def test_hours_of_year_has_every_hour_of_it(year: int, hours: int) -> None:
    """Leap years have a day more; in front stand the hours that the first morning's running means need."""
    nothing = np.empty(0, np.int64)
    laid = hours_of_year(year, nothing, np.empty(0), nothing)

    assert laid.shape == (WINDOW_H + hours,)
    assert np.isnan(laid).all()
    assert EPOCH + first_hour(year) * timedelta(hours=1) == datetime(year, 1, 1, tzinfo=UTC)


def test_hours_of_year_lays_each_mean_at_its_hour() -> None:
    """The last evening before the year, its first and its last hour stand where they belong."""
    first, end = first_hour(2003), first_hour(2004)
    laid = hours_of_year(2003, np.array([first - 8, first, end - 1]), np.array([1.0, 2.0, 3.0]), np.array([1, 1, 1]))

    assert laid[0] == 1.0
    assert laid[WINDOW_H] == 2.0
    assert laid[-1] == 3.0
    assert np.isfinite(laid).sum() == 3


def test_hours_of_year_hour_with_too_few_readings_is_no_mean() -> None:
    """Of four readings an hour three are enough; of three all are needed; each month by what is usual in it."""
    january, february = first_hour(2003), first_hour(2003) + 31 * 24
    hour = np.concatenate([january + np.arange(100), february + np.arange(100)])
    n = np.concatenate([np.full(100, 4), np.full(100, 3)])
    n[:3] = 3, 2, 40
    n[100] = 2

    laid = hours_of_year(2003, hour, np.ones(200), n)

    assert laid[WINDOW_H] == 1.0
    assert np.isnan(laid[WINDOW_H + 1])
    assert np.isnan(laid[WINDOW_H + 31 * 24])
    assert np.isfinite(laid).sum() == 198


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.25, 0.3, 1.0])
def test_daily_means_of_random_hours_equal_the_slow_version(missing: float) -> None:
    """A day has a mean from 18 of its hours on, and no other."""
    hours = grid(1, 2003, missing)[WINDOW_H:]

    expected = [slow_mean(hours[at : at + 24].tolist(), 18) for at in range(0, len(hours), 24)]

    np.testing.assert_allclose(daily_means(hours), expected, rtol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.25, 0.4, 1.0])
def test_daily_max_of_8h_of_random_hours_equals_the_slow_version(missing: float) -> None:
    """Each running mean counts for the day it ends, from 6 of its 8 hours on; a day counts from 18 of them on."""
    year = grid(2, 2004, missing)

    found = daily_max_of_8h(year)

    assert found.shape == (366,)
    np.testing.assert_allclose(found, slow_daily_max(year), rtol=1e-12)


def test_daily_max_of_8h_evening_before_counts_for_the_morning() -> None:
    """A night from 17:00 to 01:00 belongs to the day it ends: the greatest mean of 1 January may begin in December."""
    year = np.zeros(WINDOW_H + 8760)
    year[:WINDOW_H] = 800.0

    found = daily_max_of_8h(year)

    assert found[0] == 700.0
    assert (found[1:] == 0.0).all()
