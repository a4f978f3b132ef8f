"""Aggregates: statistics of series in buckets of time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import numpy as np
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.aggregate.answer import answer, choose_format
from api.aggregate.ask import Question, answer_parts, columns_of, complete_until, times_of
from api.aggregate.described import aggregate_answers
from api.aggregate.encode import Format
from api.aggregate.grid import Fill
from api.aggregate.statistics import Statistic, refuse_senseless
from api.aggregate.table import Column, Part, long_table, wide_table
from api.buckets import choose_every, count_buckets
from api.dependencies import Connection, SeriesAndTimes, Settings
from api.errors import Slip, Unusable
from api.readings import AskedSeries, excluded_flags, resolve_series
from api.times import AUTO, Every, WidthOrAuto

router = APIRouter(tags=["readings"])


_STATISTICS_A_POINT = 5
"""With more statistics than these the most points are fewer."""
_MOST_COLUMNS = 2_000
_BESIDE = 4  # n, n_expected, data_capture and flags
_NOTHING = [Column("time", "time", np.empty(0, np.int64))]


class AggregateAsked(SeriesAndTimes):
    """Which statistics of which readings."""

    every: WidthOrAuto = Field(
        Every(1, "h"),
        description="Width of the buckets: a number and s, m or h (from 1970, UTC), or d, w, mo or y (in the site's time zone;"
        " weeks begin on Mondays); `auto`: what suits `points`",
    )
    points: int = Field(500, ge=1, le=100_000, description="With `every=auto` the most points of a series")
    statistics: list[Statistic] = Field(
        ["mean"], alias="stat", min_length=1, max_length=20, description="Statistics; percentiles are p0 to p100, such as p99.8"
    )
    include_flagged: bool = Field(default=False, description="Whether readings with an excluding flag count too")
    hour_ending: bool = Field(
        default=False,
        description="Whether buckets have the reading at their end and not the one at their start, and are called by their end",
    )
    fill: Fill = Field(
        "none",
        description="Empty buckets are left out (`none`), given without values (`null`), or filled (`previous`, `linear`)",
    )
    form: Literal["long", "wide"] = Field(
        "long", alias="shape", description="`long`: a row for each point; `wide`: a row for each time, columns for each series"
    )
    with_status: bool = Field(
        default=False, description="Whether each point says how far it is checked: provisional, verified or ratified throughout"
    )
    format: Format | None = Field(None, description="Default: by the header Accept, else JSON")


@router.get("/aggregate", summary="Aggregate readings", response_class=Response, responses=aggregate_answers())
async def aggregate(
    request: Request, connection: Connection, settings: Settings, asked: Annotated[AggregateAsked, Query()]
) -> Response:
    """Give statistics of each series in buckets of time, ascending.

    A bucket without readings is left out unless `fill` says otherwise. Readings with an excluding flag do not count unless
    `include_flagged` says so. `n` is how many counted.
    """
    if asked.hour_ending and asked.every != AUTO and not asked.every.is_whole_hours:
        text = "with hour_ending it must be whole hours, or longer"
        raise Unusable(f"Mend `every`: {text}.", Slip("query.every", text))
    until = await complete_until(connection, settings.status_fresh_s)
    series = await resolve_series(connection, asked)
    refuse_senseless(asked.statistics, series.labels.values(), is_named=bool(asked.metrics or asked.series))
    _refuse_too_wide(series, asked)
    most = settings.max_points * _STATISTICS_A_POINT // max(_STATISTICS_A_POINT, len(asked.statistics))
    question = await _settle(connection, series, asked, most)
    parts = await answer_parts(connection, series, question) if question else []
    if until is not None and asked.end is not None:
        until = min(until, asked.end)
    told = {
        "Hedgerow-Every": str(question.every if question else asked.every),
        "Hedgerow-Every-Asked": str(asked.every),
        "Hedgerow-Complete-Until": "null" if until is None else until.isoformat().replace("+00:00", "Z"),
    }
    form = asked.format or choose_format(request.headers.get("accept", ""))
    return await run_sync(lambda: answer(_columns(parts, series, asked), form, told, request.headers))


async def _settle(connection: Connection, series: AskedSeries, asked: AggregateAsked, most: int) -> Question | None:
    """Find the bounds and the width where the question leaves them open; None where there is nothing to answer.

    Raises
    ------
    Unusable
        When there would be too many points, however wide the buckets.
    """
    bounds = await _bounds(connection, series, asked, most) if series.labels else None
    if bounds is None or bounds[0] >= bounds[1]:
        return None
    start, end = bounds
    every = choose_every(
        asked.every,
        start,
        end,
        points=asked.points,
        series=len(series.labels),
        most=most,
        is_hour_ending=asked.hour_ending,
    )
    if every is None:
        raise Unusable(
            f"The answer has more than {most:,} points, however wide the buckets."
            " Shorten the time from `from` to `to`, or ask for fewer series."
        )
    return Question(
        every,
        start,
        end,
        asked.statistics,
        await excluded_flags(connection, include_flagged=asked.include_flagged),
        asked.fill,
        asked.hour_ending,
        datetime.now(UTC),
        asked.with_status,
    )


async def _bounds(
    connection: Connection, series: AskedSeries, asked: AggregateAsked, most: int
) -> tuple[datetime, datetime] | None:
    """Find from when to when to look: where the question leaves it open, or far beyond all readings, where there are any."""
    if asked.start is not None and asked.end is not None:
        is_short = asked.every == AUTO or count_buckets(asked.every, asked.start, asked.end) * len(series.labels) <= most
        if is_short or asked.fill != "none":
            return asked.start, asked.end
    there = await times_of(connection, series)
    if there is None:
        return None
    # The first reading counts too where buckets do not have their start.
    since, until = (time - timedelta(microseconds=asked.hour_ending) for time in there)
    if asked.fill != "none":
        return asked.start or since, asked.end or until
    return max(asked.start or since, since), min(asked.end or until, until)


def _refuse_too_wide(series: AskedSeries, asked: AggregateAsked) -> None:
    columns = len(series.labels) * (len(asked.statistics) + _BESIDE)
    if asked.form == "wide" and columns > _MOST_COLUMNS:
        text = f"it would have {columns:,} columns, {_MOST_COLUMNS:,} is the most"
        raise Unusable(f"Ask for fewer series or statistics, or for the long shape: {text}.", Slip("query.shape", text))


def _columns(parts: Sequence[Part], series: AskedSeries, asked: AggregateAsked) -> list[Column]:
    if not parts:
        return _NOTHING
    make = wide_table if asked.form == "wide" else long_table
    with_filled = asked.fill in ("previous", "linear")
    return make(parts, series.labels, columns_of(parts, asked.statistics), with_filled=with_filled)
