"""The page of one site: what it is, its last values, and charts over a range of time."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.aggregate.fetch import Which, fetch_grid
from api.buckets import cut_time
from api.database import rows_of
from api.dependencies import Connection, Permitted
from api.errors import NotFound
from api.pages.marks import Mark, as_data, sentence_of
from api.pages.ranges import CHOICES, Range, RangeError, choose_range, local_input
from api.pages.render import render, visitor_of
from api.pages.sections import Bucket, SiteSeries, every_text, make_section
from api.pages.words import MAIN_METRICS, iso, moment_text
from api.readings import excluded_flags
from api.times import Every, parse_every
from devices.flags import DESCRIPTIONS, Flag

router = APIRouter()

_STATISTICS = ("mean", "min", "max", "sum")


class Wanted(BaseModel):
    """The range and the readings to show, as they stand in the address."""

    range: str = Field("24h", max_length=10)
    start: str = Field("", alias="from", max_length=40)
    end: str = Field("", alias="to", max_length=40)
    include_flagged: bool = False


@router.get("/sites/{code}")
async def site_page(
    request: Request, person: Permitted, connection: Connection, code: str, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Show one site."""
    site = await find_site(connection, code)
    zone = ZoneInfo(site["time_zone"])
    chosen, slips = _chosen(wanted, zone)
    series = await series_of_site(connection, code)
    flagged = wanted.include_flagged
    buckets = await buckets_of(connection, series, chosen, parse_every(every_text(chosen.table_every_s)), zone, flagged=flagged)
    expected_s = site["interval_s"]
    marks = await _marks(connection, code, chosen)
    return render(
        "site.html",
        visitor_of(request, person),
        status=422 if slips else 200,
        site=site,
        zone=zone,
        position=_position(site),
        devices=await rows_of(connection, dict[str, Any], "list_devices_of_site", {"code": code}),
        latest=[one for one in series if one.time is not None],
        doubts_of=_doubts,
        sections=[
            make_section(one, buckets[one.series_id], chosen, code, zone=zone, expected_s=expected_s, flagged=flagged)
            for one in series
        ],
        before_last=lambda last: f"/sites/{code}?{urlencode(_day_before(last))}",
        live_every_s=_live_every_s(chosen),
        marks=marks,
        marks_data=as_data(marks, code),
        mark_sentence=_mark_sentence,
        **_range_context(wanted, chosen, zone, slips),
    )


async def _marks(connection: Connection, code: str, chosen: Range) -> list[Mark]:
    values = {"code": code, "start": chosen.start, "end": chosen.end}
    return await rows_of(connection, Mark, "list_marks_of_site", values)


def _mark_sentence(mark: Mark) -> str:
    return sentence_of(mark.kind, mark.device, mark.old_device, mark.site, mark.old_site, mark.channel)


async def find_site(connection: Connection, code: str) -> dict[str, Any]:
    """Find a site with its status.

    Raises
    ------
    NotFound
        When no site has this code.
    """
    every_other: dict[str, object] = {"q": None, "domain": None, "status": None, "limit": 1, "offset": 0, "main_metrics": []}
    [site] = await rows_of(connection, dict[str, Any], "read_overview", {"code": code, **every_other})
    if site["code"] is None:
        raise NotFound(f"There is no site with the code {code[:80]!r}.")
    return site


async def series_of_site(connection: Connection, code: str) -> list[SiteSeries]:
    """List the series of a site, the main metrics first."""
    values = {"code": code, "main_metrics": list(MAIN_METRICS)}
    return await rows_of(connection, SiteSeries, "list_latest_of_site", values)


async def buckets_of(
    connection: Connection, series: list[SiteSeries], chosen: Range, every: Every, zone: ZoneInfo, *, flagged: bool
) -> dict[int, list[Bucket]]:
    """Give the buckets of some series in a range, ascending, by series id."""
    excluding = await excluded_flags(connection, include_flagged=flagged)
    ids = sorted(one.series_id for one in series)
    cut = cut_time(every, chosen.start, chosen.end, zone)
    grid = await fetch_grid(connection, Which(ids, [None] * len(ids), excluding), cut, _STATISTICS)
    times = [datetime.fromtimestamp(us / 1e6, UTC) for us in cut.labels.tolist()]
    buckets: dict[int, list[Bucket]] = defaultdict(list)
    for row, column in np.argwhere(grid.is_there).tolist():
        mean, least, most, total = (float(grid.statistics[name][row, column]) for name in _STATISTICS)
        n = int(grid.n[row, column])
        buckets[ids[column]].append(Bucket(ids[column], times[row], mean, least, most, total, n))
    return buckets


def _chosen(wanted: Wanted, zone: ZoneInfo) -> tuple[Range, dict[str, str]]:
    """Give the range to show and, where the one typed is none, the last day and what to mend in which field."""
    now = datetime.now(UTC)
    try:
        return choose_range(wanted.range, wanted.start, wanted.end, zone, now), {}
    except RangeError as slip:
        return choose_range("24h", "", "", zone, now), {slip.field: str(slip)}


def _range_context(wanted: Wanted, chosen: Range, zone: ZoneInfo, slips: dict[str, str]) -> dict[str, object]:
    """Give what the choice of a range shows: what was typed stays where it must be mended."""
    return {
        "choices": CHOICES,
        "chosen": chosen,
        "every_text": every_text,
        "range_words": _range_words(chosen, zone),
        "from_value": wanted.start if slips else local_input(chosen.start, zone),
        "to_value": wanted.end if slips else local_input(chosen.end, zone),
        "include_flagged": wanted.include_flagged,
        "field_errors": slips,
        "errors": [{"text": text, "href": f"#{field}"} for field, text in slips.items()],
    }


def _position(site: dict[str, Any]) -> dict[str, str] | None:
    latitude, longitude = site["latitude"], site["longitude"]
    if latitude is None or longitude is None:
        return None
    north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
    at = f"{latitude:.5f}/{longitude:.5f}"
    return {
        "text": f"{abs(latitude):.5f}° {north}, {abs(longitude):.5f}° {east}",
        "map": f"https://www.openstreetmap.org/?mlat={latitude:.5f}&mlon={longitude:.5f}#map=17/{at}",
    }


def _doubts(flags: int) -> list[str]:
    return [text for flag, text in DESCRIPTIONS.items() if Flag(flags) & flag]


def _range_words(chosen: Range, zone: ZoneInfo) -> str:
    if chosen.is_live:
        return f"of {CHOICES[chosen.choice].words}"
    return f"from {moment_text(chosen.start, zone)} to {moment_text(chosen.end, zone)}"


def _day_before(last: datetime) -> dict[str, str]:
    """Give the address's words for the day that ends with a last reading."""
    end = last + timedelta(minutes=1)
    return {"range": "custom", "from": iso(end - timedelta(days=1)), "to": iso(end)}


def _live_every_s(chosen: Range) -> int:
    """Give how often the page looks again [s]: as often as a new point is worth it."""
    return min(max(chosen.chart_every_s // 10, 5), 60) if chosen.is_live else 15
