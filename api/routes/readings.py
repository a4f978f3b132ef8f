"""What was measured: readings and last values."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from pydantic import AfterValidator, Field

from api.dependencies import Connection, SeriesAndTimes, SeriesFilter, Settings
from api.description import array_of
from api.readings import (
    AskedSeries,
    LatestReading,
    Reading,
    cursor_after,
    excluded_flags,
    latest_readings,
    parse_cursor,
    readings,
    resolve_series,
)
from sql.queries import query

router = APIRouter(tags=["readings"])


def _is_cursor(text: str) -> str:
    parse_cursor(text)
    return text


class ReadingsAsked(SeriesAndTimes):
    """Which readings."""

    include_flagged: bool = Field(default=True, description="Whether readings with an excluding flag are given too")
    limit: int = Field(10_000, ge=1, le=100_000, description="Most readings in the answer")
    after: Annotated[str, AfterValidator(_is_cursor)] | None = Field(
        None, max_length=60, description="Where the answer before ended: its header `Link` has the whole address"
    )


@router.get(
    "/readings",
    summary="Read readings",
    response_class=Response,
    responses=array_of(
        Reading, {"time": "2026-11-21T08:30:00Z", "site": "high-street", "metric": "no2", "value": 18.4, "flags": 0}
    ),
)
async def read_readings(
    request: Request, connection: Connection, settings: Settings, asked: Annotated[ReadingsAsked, Query()]
) -> Response:
    """Give readings just as they are stored, ascending by time.

    Where there are more than `limit`, the header `Link` has the address of the next ones (`rel="next"`).
    """
    series = await resolve_series(connection, asked)
    after_time, after_series = parse_cursor(asked.after) if asked.after else (None, None)
    limit = min(asked.limit, settings.max_points)
    values = {
        "start": asked.start,
        "end": asked.end,
        "excluding": await excluded_flags(connection, include_flagged=asked.include_flagged),
        "after_time": after_time,
        "after_series": after_series,
        "limit": limit,
    }
    rows = await _fetch(connection, "page_of_readings", series, values)
    answer = _json(readings(rows[:limit], series.labels))
    if len(rows) > limit:
        answer.headers["Link"] = _next_address(request, cursor_after(rows[limit - 1][1], rows[limit - 1][0]))
    return answer


@router.get(
    "/latest",
    summary="Read last values",
    response_class=Response,
    responses=array_of(
        LatestReading,
        {
            "time": "2026-11-21T08:30:00Z",
            "site": "high-street",
            "site_name": "High Street",
            "metric": "no2",
            "unit": "µg/m³",
            "value": 18.4,
            "flags": 0,
            "received_at": "2026-11-21T08:30:01.25Z",
        },
    ),
)
async def read_latest(connection: Connection, asked: Annotated[SeriesFilter, Query()]) -> Response:
    """Give the last reading of each series, by site and metric, whatever its flags."""
    return _json(await latest_readings(connection, asked))


async def _fetch(
    connection: AsyncConnection, name: str, series: AskedSeries, values: Mapping[str, object]
) -> Sequence[tuple[Any, ...]]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(query(name), {**values, **series.values()})
    return await cursor.fetchall()


def _json(found: Sequence[msgspec.Struct]) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _next_address(request: Request, after: str) -> str:
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return f'<{request.url.path}?{urlencode([*asked, ("after", after)])}>; rel="next"'
