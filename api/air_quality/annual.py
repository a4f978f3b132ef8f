"""Annual statistics of one pollutant at one place, each with how much of the year it knows and whether that is enough; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from api.air_quality.hours import WINDOW_H, daily_max_of_8h, daily_means, first_hour
from api.air_quality.limits import limited_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

_MEAN_SHARE = 0.75
_COUNT_SHARE = 0.85
_SUMMER = slice(3, 9)
"""April to September."""
_VALID_DAYS, _VALID_MONTHS = 27, 5

MEAN_RULE = "75 % of the hours of the year (UK-AIR; 90 % is the networks' target)"
O3_MEAN_RULE = "75 % of the hours of April to September, and of the other months"
PERCENTILE_RULE = "75 % of the hours of the year; stands in for the count where that has too few"
DAY_PERCENTILE_RULE = "75 % of the days of the year, each of 18 hours or more; stands in for the count where that has too few"
HOURS_RULE = "85 % of the hours of the year; else the 99.8th percentile stands in (LAQM TG22)"
DAYS_RULE = "85 % of the days of the year, each of 18 hours or more; else a percentile stands in (LAQM TG22)"
O3_DAYS_RULE = "27 days of 18 running means or more in 5 of the 6 months April to September"

ROUNDED = "hourly means rounded to whole µg/m³, half up"
UNROUNDED = "nothing is rounded before the last step"


class Figure(NamedTuple):
    """One statistic of a year."""

    statistic: str
    threshold: float | None
    """Above which is counted [µg/m³]; None for what is no count."""
    value: float | None
    """Not rounded; None where there is nothing to make it of."""
    unit: str
    n: int
    """Hours or days it is made of."""
    n_possible: int
    """Hours or days that the year has."""
    is_valid: bool
    rule: str
    """What it takes to be valid."""
    rounding: str = UNROUNDED


@dataclass(frozen=True, slots=True)
class Year:
    """A pollutant's year."""

    metric: str
    first_hour: int
    """Hours since 1970, UTC."""
    grid: NDArray[np.float64]
    """Hourly means as `hours_of_year` gives them [µg/m³]."""

    @property
    def hours(self) -> NDArray[np.float64]:
        """Hourly means, shape (hours,), NaN where there is none."""
        return self.grid[WINDOW_H:]

    def months(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Month of each of the year's hours or days, 0 to 11, of the shape of `values`."""
        hour = self.first_hour + np.arange(len(values)) * (len(self.hours) // len(values))
        months: NDArray[np.int64] = hour.astype("datetime64[h]").astype("datetime64[M]").astype(np.int64) % 12
        return months


def year_of(metric: str, year: int, grid: NDArray[np.float64]) -> Year:
    """Take the hours of a year, shape (8 + hours,) as `hours_of_year` gives them."""
    return Year(metric, first_hour(year), grid)


def figures(year: Year) -> list[Figure]:
    """Make every statistic of a pollutant that has a limit, and the hours above a limit counted without rounding too."""
    made = [_MAKERS[statistic](year, statistic, threshold) for statistic, threshold in limited_statistics(year.metric)]
    unrounded = [_hours_above(year, "hours_above_unrounded", one.threshold) for one in made if one.statistic == "hours_above"]
    mean = [] if any(one.statistic == "mean" for one in made) else [_mean(year, "mean", None)]
    return [*mean, *made, *unrounded]


def _mean(year: Year, statistic: str, _threshold: float | None) -> Figure:
    hours = year.hours
    is_there = np.isfinite(hours)
    value = float(hours[is_there].mean()) if is_there.any() else None
    if year.metric != "o3":
        return _figure(statistic, None, value, "µg/m³", hours, MEAN_RULE)
    in_summer = np.isin(year.months(hours), np.arange(12)[_SUMMER])
    is_valid = min(is_there[in_summer].mean(), is_there[~in_summer].mean()) >= _MEAN_SHARE
    return _figure(statistic, None, value, "µg/m³", hours, O3_MEAN_RULE, is_valid=bool(is_valid))


def _hours_above(year: Year, statistic: str, threshold: float | None) -> Figure:
    hours = year.hours
    is_rounded = statistic == "hours_above"
    counted = np.floor(hours + 0.5) if is_rounded else hours
    value = float((counted > (threshold or 0)).sum())
    made = _figure(statistic, threshold, value, "hours", hours, HOURS_RULE, share=_COUNT_SHARE)
    return made._replace(rounding=ROUNDED) if is_rounded else made


def _days_above(year: Year, statistic: str, threshold: float | None) -> Figure:
    days = daily_means(year.hours)
    value = float((days > (threshold or 0)).sum())
    return _figure(statistic, threshold, value, "days", days, DAYS_RULE, share=_COUNT_SHARE)


def _days_max_8h_above(year: Year, statistic: str, threshold: float | None) -> Figure:
    days = daily_max_of_8h(year.grid)
    valid_days = np.bincount(year.months(days)[np.isfinite(days)], minlength=12)
    is_valid = (valid_days[_SUMMER] >= _VALID_DAYS).sum() >= _VALID_MONTHS
    value = float((days > (threshold or 0)).sum())
    return _figure(statistic, threshold, value, "days", days, O3_DAYS_RULE, is_valid=bool(is_valid))


def _percentile_of_hours(year: Year, statistic: str, _threshold: float | None) -> Figure:
    return _percentile(statistic, year.hours, 99.8, PERCENTILE_RULE)


def _percentile_of_days(year: Year, statistic: str, _threshold: float | None) -> Figure:
    return _percentile(statistic, daily_means(year.hours), 90.4, DAY_PERCENTILE_RULE)


def _percentile(statistic: str, values: NDArray[np.float64], percent: float, rule: str) -> Figure:
    """Interpolate between the two nearest ranks (type 7 of Hyndman and Fan)."""
    found = values[np.isfinite(values)]
    value = float(np.percentile(found, percent)) if len(found) else None
    return _figure(statistic, None, value, "µg/m³", values, rule)


def _figure(
    statistic: str,
    threshold: float | None,
    value: float | None,
    unit: str,
    basis: NDArray[np.float64],
    rule: str,
    *,
    share: float = _MEAN_SHARE,
    is_valid: bool | None = None,
) -> Figure:
    n, possible = int(np.isfinite(basis).sum()), len(basis)
    return Figure(
        statistic,
        threshold,
        value if n else None,
        unit,
        n,
        possible,
        n >= share * possible if is_valid is None else is_valid,
        rule,
    )


_MAKERS: Mapping[str, Callable[[Year, str, float | None], Figure]] = {
    "mean": _mean,
    "hours_above": _hours_above,
    "days_above": _days_above,
    "days_max_8h_above": _days_max_8h_above,
    "percentile_99_8": _percentile_of_hours,
    "percentile_90_4": _percentile_of_days,
}
