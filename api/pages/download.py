"""What a site's chart shows, as a CSV file for a spreadsheet."""

import csv
from io import StringIO
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.buckets import count_buckets
from api.dependencies import Connection, Permitted
from api.errors import NotFound, Unusable
from api.pages.ranges import Range
from api.pages.sections import Bucket, SiteSeries
from api.pages.site import buckets_of, find_site, series_of_site
from api.pages.words import iso
from api.times import Time, Width

router = APIRouter()

_MOST_BUCKETS = 100_000


class Wanted(BaseModel):
    """Which buckets, as they stand in the address."""

    metric: str = Field(max_length=80)
    channel: str = Field("", max_length=40)
    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    every: Width
    include_flagged: bool = False


@router.get("/sites/{code}/readings.csv")
async def readings_csv(_person: Permitted, connection: Connection, code: str, wanted: Annotated[Wanted, Query()]) -> Response:
    """Give the buckets of one metric of a site.

    Raises
    ------
    NotFound
        When there is no such site, or it does not measure this.
    Unusable
        When the range ends before it begins.
    """
    if wanted.end <= wanted.start:
        raise Unusable("`to` must be later than `from`.")
    found = [one for one in await series_of_site(connection, code) if _is_wanted(one, wanted)]
    if not found:
        raise NotFound(f"There are no readings of {wanted.metric} at a site with the code {code}.")
    chosen = Range("custom", wanted.start, wanted.end)
    zone = ZoneInfo((await find_site(connection, code))["time_zone"])
    if count_buckets(wanted.every, wanted.start, wanted.end) > _MOST_BUCKETS:
        raise Unusable(f"The file would have more than {_MOST_BUCKETS:,} rows. Raise `every`, or shorten the range.")
    buckets = await buckets_of(connection, found, chosen, wanted.every, zone, flagged=wanted.include_flagged)
    name = f"{code}-{wanted.metric}-{wanted.every}.csv"
    return Response(
        _table(code, found[0], buckets[found[0].series_id]),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _is_wanted(series: SiteSeries, wanted: Wanted) -> bool:
    return (series.metric, series.channel) == (wanted.metric, wanted.channel)


def _table(code: str, series: SiteSeries, rows: list[Bucket]) -> str:
    text = StringIO()
    table = csv.writer(text)
    table.writerow(["time", "site", "metric", "channel", "unit", "mean", "min", "max", "n"])
    head = (code, series.metric, series.channel, series.unit)
    table.writerows([iso(row.time), *head, row.mean, row.min, row.max, row.n] for row in rows)
    return text.getvalue()
