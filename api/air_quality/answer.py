"""Annual statistics as answers tell them: each with its place and year, and the limits it is held against."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from api.air_quality.annual import figures, year_of
from api.air_quality.limits import limits_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from api.air_quality.annual import Figure
    from api.air_quality.limits import Limit


class PollutantYear(BaseModel):
    """One pollutant at one place in one year."""

    site: str = Field(description="Code of the site")
    site_name: str
    channel: str = Field(description="Tells two instruments at one site apart; usually empty")
    metric: str = Field(description="Key of the metric")
    year: int = Field(description="Calendar year, GMT")
    accuracy_class: str = Field(description="`reference` or `indicative`: what the instruments there were; empty: not said")


class HeldAgainst(BaseModel):
    """What a statistic is held against."""

    regime: str
    limit: float = Field(description="The most it may be, in the statistic's unit")
    exceeded: bool | None = Field(description="Strictly greater than that; null where there is no value")
    kind: str
    standing: Literal["compliance", "comparison"] = Field(
        description="`compliance`: UK values in force today, whatever the year; `comparison`: all others"
    )
    since: str = Field(description="From when it holds; empty: it binds nobody")
    source: str


class AnnualStatistic(PollutantYear):
    """One statistic of one pollutant's year."""

    statistic: str = Field(
        description="`mean`; `hours_above`, `hours_above_unrounded`, `days_above` (daily means), `days_max_8h_above` (greatest"
        " running 8-hour mean of the day, which belongs to the day it ends) count what is strictly above `threshold`;"
        " `percentile_99_8` of hourly, `percentile_90_4` of daily means, interpolated (type 7)"
    )
    threshold: float | None = Field(description="Of what counts [µg/m³]")
    value: float | None = Field(description="Not rounded; null where there is no hour to make it of")
    shown: str = Field(description="The value rounded once, half up: counts to whole numbers, all else to two decimals")
    unit: str
    n: int = Field(description="Valid hours or days it is made of")
    n_possible: int = Field(description="Hours or days of the whole year")
    data_capture: float = Field(description="n / n_possible, 0 to 1")
    is_valid: bool = Field(description="Whether enough of the year is known for it")
    rule: str = Field(description="How much that is")
    rounding: str
    held_against: list[HeldAgainst]


def annual_statistics(of: PollutantYear, grid: NDArray[np.float64]) -> list[AnnualStatistic]:
    """Make the statistics of a year, of hourly means as `hours_of_year` lays them out."""
    return [_told(of, figure) for figure in figures(year_of(of.metric, of.year, grid))]


def _told(of: PollutantYear, figure: Figure) -> AnnualStatistic:
    return AnnualStatistic(
        **of.model_dump(),
        **figure._asdict(),
        shown=shown(figure),
        data_capture=figure.n / figure.n_possible,
        held_against=[_held(limit, figure.value) for limit in limits_of(of.metric, figure.statistic, figure.threshold)],
    )


def _held(limit: Limit, value: float | None) -> HeldAgainst:
    return HeldAgainst(
        regime=limit.regime,
        limit=limit.limit,
        exceeded=None if value is None else value > limit.limit,
        kind=limit.kind,
        standing=limit.standing,
        since=limit.since,
        source=limit.source,
    )


def shown(figure: Figure) -> str:
    """Write a value with half rounded up, as people are taught."""
    if figure.value is None:
        return ""
    step = Decimal("0.01") if figure.threshold is None else Decimal(1)
    return str(Decimal(repr(figure.value)).quantize(step, ROUND_HALF_UP))
