"""Annual statistics of a year made by a formula, held against slow obvious versions; and when each is valid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from api.air_quality.annual import HOURS_RULE, MEAN_RULE, O3_DAYS_RULE, Figure, figures, year_of
from api.air_quality.hours import WINDOW_H
from api.air_quality.limits import limited_metrics

_DAY, _YEAR = 24, 8760
_APRIL, _OCTOBER = 90 * _DAY, 273 * _DAY


def made_hours() -> np.ndarray:
    """Give a year of hours by a formula: every whole, half and quarter value of a range, a hundred hours missing."""
    hour = np.arange(WINDOW_H + _YEAR)
    values = (hour * 7919 % 1283) / 4
    values[WINDOW_H + 1000 : WINDOW_H + 1100] = np.nan
    return values


def found(metric: str, grid: np.ndarray) -> dict[tuple[str, float | None], Figure]:
    """Make the figures, by statistic and threshold."""
    return {(figure.statistic, figure.threshold): figure for figure in figures(year_of(metric, 2003, grid))}


def test_figures_of_no2_made_by_a_formula_equal_the_slow_version() -> None:
    """Mean, hours above 200 with and without rounding, and the percentile by its definition; strictly greater counts."""
    grid = made_hours()
    known = sorted(value for value in grid[WINDOW_H:].tolist() if not math.isnan(value))

    told = found("no2", grid)

    assert told["mean", None].value == pytest.approx(math.fsum(known) / len(known))
    assert told["mean", None].n == len(known) == _YEAR - 100
    assert told["hours_above_unrounded", 200.0].value == sum(value > 200 for value in known)
    assert told["hours_above", 200.0].value == sum(value >= 200.5 for value in known)
    assert sum(200 < value < 200.5 for value in known) > 0
    assert sum(value == 200.5 for value in known) > 0
    rank = 0.998 * (len(known) - 1)
    low = known[int(rank)]
    assert told["percentile_99_8", None].value == pytest.approx(low + (known[int(rank) + 1] - low) * (rank % 1))


def test_figures_of_pm10_count_days_of_eighteen_hours() -> None:
    """A day of 17 hours counts neither as valid nor as above; exactly 50 is not above 50."""
    grid = np.full(WINDOW_H + _YEAR, 50.0)
    days = grid[WINDOW_H:].reshape(-1, _DAY)
    days[3] = 50.1
    days[4, :7], days[4, 7:] = np.nan, 400.0
    days[5, :6], days[5, 6:] = np.nan, 400.0

    told = found("pm10", grid)

    assert told["days_above", 50.0].value == 2
    assert told["days_above", 50.0].n == 364
    assert told["days_above", 45.0].value == 364
    assert told["mean", None].n == _YEAR - 13


def test_figures_of_pm10_percentile_is_of_daily_means() -> None:
    """Days of 0, 1, 2 … 364: the 90.4th percentile lies at 0.904 of the 364 steps between them."""
    grid = np.concatenate([np.zeros(WINDOW_H), np.repeat(np.arange(365.0), _DAY)])

    assert found("pm10", grid)["percentile_90_4", None].value == pytest.approx(0.904 * 364)


@pytest.mark.parametrize(
    ("hours", "mean", "count"),
    [
        (_YEAR, True, True),
        (7446, True, True),
        (7445, True, False),
        (6570, True, False),
        (6569, False, False),
        (0, False, False),
    ],
)
def test_figures_with_less_of_the_year_are_invalid(hours: int, mean: bool, count: bool) -> None:  # noqa: FBT001 - cases
    """A mean needs 75 % of the hours, a count 85 %; the rule is told with it."""
    grid = np.full(WINDOW_H + _YEAR, np.nan)
    grid[WINDOW_H : WINDOW_H + hours] = 10.0

    told = found("no2", grid)

    assert (told["mean", None].is_valid, told["mean", None].rule) == (mean, MEAN_RULE)
    assert (told["hours_above", 200.0].is_valid, told["hours_above", 200.0].rule) == (count, HOURS_RULE)


@pytest.mark.parametrize("metric", limited_metrics())
def test_figures_of_a_year_without_an_hour_have_no_value(metric: str) -> None:
    """Nothing is made of nothing: no value, none of the hours, not valid."""
    for figure in figures(year_of(metric, 2003, np.full(WINDOW_H + _YEAR, np.nan))):
        assert (figure.value, figure.n, figure.is_valid) == (None, 0, False)


def test_figures_of_ozone_need_the_summer() -> None:
    """Its mean needs 75 % of summer and of winter; its days 27 valid ones in five of the six summer months."""
    summer_only, winter_only = (np.full(WINDOW_H + _YEAR, np.nan) for _ in range(2))
    summer_only[WINDOW_H + _APRIL : WINDOW_H + _OCTOBER] = 100.0
    winter_only[:] = 100.0
    winter_only[WINDOW_H + _APRIL : WINDOW_H + _OCTOBER] = np.nan
    without_may = np.full(WINDOW_H + _YEAR, 130.0)
    without_may[WINDOW_H + 120 * _DAY : WINDOW_H + 151 * _DAY] = np.nan
    without_may[WINDOW_H + _OCTOBER + 10 * _DAY : WINDOW_H + _OCTOBER + 20 * _DAY] = np.nan
    without_may[WINDOW_H + 152 * _DAY : WINDOW_H + 155 * _DAY - 8] = np.nan
    nor_june = without_may.copy()
    nor_june[WINDOW_H + 160 * _DAY : WINDOW_H + 161 * _DAY] = np.nan

    assert not found("o3", summer_only)["mean", None].is_valid
    assert not found("o3", winter_only)["mean", None].is_valid
    assert found("o3", without_may)["mean", None].is_valid
    assert found("o3", without_may)["days_max_8h_above", 120.0].is_valid
    assert found("o3", without_may)["days_max_8h_above", 120.0].rule == O3_DAYS_RULE
    assert not found("o3", nor_june)["days_max_8h_above", 120.0].is_valid
    assert not found("o3", winter_only)["days_max_8h_above", 120.0].is_valid
