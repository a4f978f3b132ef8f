"""Air quality by the year, as limit values ask for it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, Self

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.air_quality.answer import AnnualStatistic, PollutantYear, annual_statistics
from api.air_quality.hours import WINDOW_H, first_hour, hours_of_year
from api.air_quality.limits import limited_metrics
from api.database import rows_of, value_of
from api.dependencies import Connection
from api.errors import Slip, Unusable
from api.readings import excluded_flags
from api.schemas import Code
from sql.queries import query

router = APIRouter(prefix="/air-quality", tags=["readings"])

MOST_YEARS = 200
"""Of pollutants at sites in one answer: each is a year of hours."""
MOST_POLLUTANTS = 1000
"""At sites, whose times are looked at for one answer."""
LONGEST_RANGE = 30
"""Years asked for at once."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)

AYear = Annotated[int, Field(ge=1900, le=2200)]


class YearsAsked(BaseModel):
    """Which years of which sites."""

    model_config = ConfigDict(extra="forbid")

    sites: list[Code] = Field([], alias="site", max_length=1000, description="Code of a site; default: every site")
    year: AYear | None = Field(None, description="Calendar year, GMT; default: the last one that is over")
    from_year: AYear | None = Field(None, description="First of several years")
    to_year: AYear | None = Field(None, description="Last of several years, included")
    include_flagged: bool = Field(default=False, description="Whether readings with an excluding flag count too")

    @model_validator(mode="after")
    def _years_are_one_or_a_range(self) -> Self:
        if (self.from_year is None) != (self.to_year is None):
            raise ValueError("give both `from_year` and `to_year`, or neither")
        if self.year is not None and self.from_year is not None:
            raise ValueError("give either `year`, or `from_year` and `to_year`")
        if self.from_year is not None and self.to_year is not None and self.to_year < self.from_year:
            raise ValueError("`to_year` must not be before `from_year`")
        if self.from_year is not None and self.to_year is not None and self.to_year - self.from_year >= LONGEST_RANGE:
            raise ValueError(f"from `from_year` to `to_year` must be {LONGEST_RANGE} years at most; ask again for the others")
        return self

    @property
    def years(self) -> tuple[int, int]:
        """The first and the last year."""
        if self.from_year is not None and self.to_year is not None:
            return self.from_year, self.to_year
        one = self.year or datetime.now(UTC).year - 1
        return one, one


class _Series(PollutantYear):
    series_id: int


@router.get("/annual", summary="Annual statistics of air quality")
async def read_annual_statistics(connection: Connection, asked: Annotated[YearsAsked, Query()]) -> list[AnnualStatistic]:
    """Give annual means, hours and days above limits and percentiles of NO2, PM10, PM2.5 and ozone, by site and year.

    Years, days and hours are in GMT all year, as air-quality data are. Each statistic says how much of the year it knows,
    whether that is enough by which rule, and what it is held against: UK values in force, and others for comparison. A
    pollutant without a reading in a year is left out.
    """
    excluding = await excluded_flags(connection, include_flagged=asked.include_flagged)
    found: list[AnnualStatistic] = []
    for (_site, year), group in groupby(await _series(connection, asked), lambda one: (one.site, one.year)):
        series = {one.series_id: one for one in group}
        for series_id, grid in await _grids(connection, year, list(series), excluding):
            found += annual_statistics(PollutantYear.model_validate(series[series_id].model_dump()), grid)
    return found


async def _series(connection: AsyncConnection, asked: YearsAsked) -> list[_Series]:
    """Give the pollutants' years asked for in which there may be readings, by site, year and metric.

    Raises
    ------
    Unusable
        When they are too many for one answer.
    """
    first, last = asked.years
    which = {"sites": asked.sites, "metrics": list(limited_metrics())}
    if await value_of(connection, "count_pollutants", which) > MOST_POLLUTANTS:
        raise Unusable(
            f"The question is about more than {MOST_POLLUTANTS:,} pollutants at sites. Ask for fewer sites.",
            Slip("query.site", "too many sites"),
        )
    years = {**which, "from_year": first, "to_year": last, "limit": MOST_YEARS}
    found = await rows_of(connection, _Series, "list_years_of_pollutants", years)
    if len(found) > MOST_YEARS:
        raise Unusable(
            f"The answer would be of more than {MOST_YEARS} years of pollutants at sites. Ask for fewer sites or years.",
            Slip("query.site", "too many sites and years together"),
        )
    return found


async def _grids(
    connection: AsyncConnection, year: int, series: Sequence[int], excluding: int
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Give the hours of a year of those series that have any, in the order given."""
    first, end = first_hour(year) - WINDOW_H, first_hour(year + 1)
    values = {
        "series": series,
        "edges": [_EPOCH + hour * _HOUR for hour in range(first, end + 1)],
        "excluding": excluding,
        "limit": len(series) * (end - first),
    }
    cursor = connection.cursor(binary=True)
    await cursor.execute(query("aggregate_buckets"), values)
    return _laid_out(await cursor.fetchall(), year, first, series)


def _laid_out(
    rows: Sequence[tuple[Any, ...]], year: int, first: int, series: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    counted = [(row[0], row[1], row[2], row[5]) for row in rows if row[2]]
    if not counted:
        return
    series_id, bucket, n = (np.array(column, np.int64) for column in list(zip(*counted, strict=True))[:3])
    total = np.array([row[3] for row in counted], np.float64)
    for wanted in series:
        is_it = series_id == wanted
        if (bucket[is_it] >= WINDOW_H).any():
            yield wanted, hours_of_year(year, first + bucket[is_it], total[is_it] / n[is_it], n[is_it])
