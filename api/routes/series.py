"""Series and the metrics they are of."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.database import row_of, rows_of, value_of
from api.dependencies import Connection, OnePage, PagingById, SeriesFilter
from api.description import already_there
from api.registration import unknown
from api.schemas import Page, Site
from api.series_schemas import Metric, NewSeries, Series

router = APIRouter(tags=["registry"])


class SeriesAsked(PagingById, SeriesFilter):
    """Which series."""


@router.get("/series", summary="List series")
async def list_series(connection: Connection, asked: Annotated[SeriesAsked, Query()]) -> Page[Series]:
    """Give series in the order in which they were made."""
    rows = await rows_of(connection, Series, "page_of_series", asked.model_dump())
    return Page[Series].cut(rows, asked.limit, "id")


@router.post("/series", status_code=201, summary="Make a series", responses=already_there(Series))
async def make_series(connection: Connection, wanted: NewSeries, response: Response) -> Series:
    """Make the series of a metric at a site. One that is there is answered with 200.

    Ingest makes series by itself when readings come; this is for those that should be there before.
    """
    values = wanted.model_dump()
    made = await value_of(connection, "add_series_at_site", values)
    series = await row_of(connection, Series, "find_series_at_site", values)
    if series is None:
        if await row_of(connection, Site, "find_site", {"code": wanted.site}) is None:
            raise unknown("body.site", "site", wanted.site, "/api/v1/sites")
        raise unknown("body.metric", "metric", wanted.metric, "/api/v1/metrics")
    if made is None:
        response.status_code = 200
    return series


@router.get("/metrics", summary="List metrics")
async def list_metrics(connection: Connection, asked: OnePage) -> Page[Metric]:
    """Give the vocabulary of what can be measured, in the order of its keys."""
    rows = await rows_of(connection, Metric, "page_of_metrics", asked.model_dump())
    return Page[Metric].cut(rows, asked.limit, "key")
