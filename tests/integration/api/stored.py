"""Sites, series and readings that tests of the API put straight into the database, and how slowly they are looked at."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import or_
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.integration.api.conftest import Api

    Row = tuple[int, datetime, float, int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def iso(time: datetime) -> str:
    """Write a time as the API does."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def make_series(api: Api, *places: tuple[str, str, str]) -> list[int]:
    """Make sites and series (site, metric, channel) and give their ids."""
    for site in sorted({place[0] for place in places}):
        api.post("/api/v1/sites", code=site, name=site.title())
    return [
        api.post("/api/v1/series", site=site, metric=metric, channel=channel).json()["id"] for site, metric, channel in places
    ]


def store(api: Api, rows: Sequence[Row]) -> None:
    """Put readings straight into the database."""
    with psycopg.connect(api.database) as connection, connection.cursor() as cursor:
        for month in sorted({(row[1].year, row[1].month) for row in rows}):
            cursor.execute("SELECT ensure_partition('reading', %s)", [datetime(*month, 1, tzinfo=UTC)])
        cursor.executemany("INSERT INTO reading VALUES (%s, %s, %s, %s)", rows)


def random_rows(seed: int, series: list[int], start: datetime, hours: int, each: int = 40) -> list[Row]:
    """Make readings at odd times, some flagged, no time twice in a series."""
    chance = random.Random(seed)
    return [
        (series_id, start + timedelta(microseconds=at), chance.uniform(-1e3, 1e6), chance.choice([0, 0, 0, 1, 4, 128, 4096]))
        for series_id in series
        for at in sorted(chance.sample(range(hours * 3_600_000_000), each * hours))
    ]


def start_of(every: str, zone: ZoneInfo = LONDON) -> Callable[[datetime], datetime]:
    """Give a function from a time to the start of its bucket, as slow and obvious as can be."""
    seconds = {"s": 1, "m": 60, "h": 3600}
    if every[-1] in seconds and not every.endswith("mo"):
        width = timedelta(seconds=int(every[:-1]) * seconds[every[-1]])
        return lambda time: EPOCH + (time - EPOCH) // width * width

    def local(time: datetime) -> datetime:
        day = time.astimezone(zone).date()
        if every == "1w":
            day -= timedelta(days=day.weekday())
        elif every == "1mo":
            day = day.replace(day=1)
        elif every == "1y":
            day = day.replace(month=1, day=1)
        elif every == "7d":
            day -= timedelta(days=(day - EPOCH.date()).days % 7)
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

    return local


def slow_buckets(
    rows: Sequence[Row], start: Callable[[datetime], datetime], *, excluding: int
) -> dict[tuple[str, int], dict[str, float]]:
    """Aggregate as slowly and obviously as can be: by (start of bucket, series id)."""
    found = {}
    ordered = sorted(rows, key=lambda row: (start(row[1]), row[0], row[1]))
    for (begins, series_id), group in groupby(ordered, lambda row: (start(row[1]), row[0])):
        seen = list(group)
        values = [row[2] for row in seen if not row[3] & excluding]
        if values:
            found[iso(begins), series_id] = {
                "mean": math.fsum(values) / len(values),
                "min": min(values),
                "max": max(values),
                "sum": math.fsum(values),
                "first": values[0],
                "last": values[-1],
                "count": len(values),
                "n": len(values),
                "flags": reduce(or_, (row[3] for row in seen)),
            }
    return found
