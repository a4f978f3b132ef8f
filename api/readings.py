"""From a question to points: which series it means, and rows of the database as what answers hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import starmap
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
from msgspec import Meta

from api.database import value_of
from api.errors import Slip, Unusable
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg import AsyncConnection

    from api.dependencies import SeriesFilter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(-?[0-9]{1,16}|[0-9]{17})\.([1-9][0-9]{0,9})")


class Reading(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One value of one metric at one time."""

    time: Annotated[datetime, Meta(description="When it was measured, UTC")]
    site: Annotated[str, Meta(description="Code of the site")]
    metric: Annotated[str, Meta(description="Key of the metric; its unit is the series'")]
    value: Annotated[float, Meta(description="In the metric's unit")]
    flags: Annotated[int, Meta(description="Bits that say what is doubtful about it; 0: nothing")]
    channel: Annotated[str, Meta(description="Only where a site has several of the metric")] = ""


class LatestReading(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The last reading of one series; its fields are the columns of `list_latest`."""

    time: Annotated[datetime, Meta(description="When it was measured, UTC")]
    site: Annotated[str, Meta(description="Code of the site")]
    site_name: str
    metric: Annotated[str, Meta(description="Key of the metric")]
    unit: str
    value: Annotated[float, Meta(description="In `unit`")]
    flags: Annotated[int, Meta(description="Bits that say what is doubtful about it; 0: nothing")]
    received_at: Annotated[datetime, Meta(description="When it came to Hedgerow, UTC")]
    channel: Annotated[str, Meta(description="Only where a site has several of the metric")] = ""


class Label(NamedTuple):
    """What answers call a series, and what aggregates need to know of it."""

    site: str
    site_name: str
    metric: str
    unit: str
    channel: str
    kind: str
    valid_max: float | None
    time_zone: str
    raw_from: datetime | None


@dataclass(frozen=True, slots=True)
class AskedSeries:
    """The series a question means."""

    labels: Mapping[int, Label]
    """By series id."""
    during: Sequence[str | None]
    """For each series the times that count, as a PostgreSQL multirange; None: all."""

    def values(self) -> dict[str, object]:
        """Give the parameters of the queries over readings."""
        return {"series": list(self.labels), "during": self.during}


async def resolve_series(connection: AsyncConnection, asked: SeriesFilter) -> AskedSeries:
    """Find the series a question means.

    Raises
    ------
    Unusable
        When it names a metric or domain that the vocabulary lacks.
    """
    values = _filters(asked)
    rows = await (await connection.execute(query("resolve_series"), values)).fetchall()
    labels = {row[0]: Label(*row[2:]) for row in rows}
    if not labels or (len(asked.metrics) + len(asked.domains) > 1):
        await _refuse_unknown_names(connection, values)
    return AskedSeries(labels, [row[1] for row in rows])


async def latest_readings(connection: AsyncConnection, asked: SeriesFilter) -> list[LatestReading]:
    """Find the last reading of each series a question means, by site, metric and channel, in one statement.

    Raises
    ------
    Unusable
        When it names a metric or domain that the vocabulary lacks.
    """
    values = _filters(asked)
    cursor = connection.cursor(binary=True)
    await cursor.execute(query("list_latest"), values)
    found = list(starmap(LatestReading, await cursor.fetchall()))
    if not found or (len(asked.metrics) + len(asked.domains) > 1):
        await _refuse_unknown_names(connection, values)
    return found


def _filters(asked: SeriesFilter) -> dict[str, object]:
    return asked.model_dump(include={"devices", "sites", "series", "metrics", "domains", "areas", "tags"})


async def _refuse_unknown_names(connection: AsyncConnection, values: Mapping[str, object]) -> None:
    rows = await (await connection.execute(query("find_unknown_names"), values)).fetchall()
    if rows:
        slips = [Slip(f"query.{what}", f"there is no {what} {name!r}") for what, name in rows]
        text = "; ".join(slip.what for slip in slips)
        raise Unusable(f"{text[0].upper()}{text[1:]}. Those there are: /api/v1/metrics", *slips)


async def excluded_flags(connection: AsyncConnection, *, include_flagged: bool) -> int:
    """Give the flags that keep a reading out: those of the table quality_flag, or none."""
    return 0 if include_flagged else int(await value_of(connection, "read_excluding_flags", {}))


def readings(rows: Iterable[tuple[int, datetime, float, int]], labels: Mapping[int, Label]) -> list[Reading]:
    """Make readings of rows (series id, time, value, flags)."""
    return [
        Reading(time, label.site, label.metric, value, flags, label.channel)
        for series_id, time, value, flags in rows
        for label in (labels[series_id],)
    ]


def cursor_after(time: datetime, series_id: int) -> str:
    """Write down where a page of readings ended."""
    return f"{(time - _EPOCH) // _MICROSECOND}.{series_id}"


def parse_cursor(text: str) -> tuple[datetime, int]:
    """Read where a page of readings ended.

    Raises
    ------
    ValueError
        When it is not what `cursor_after` wrote.
    """
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ValueError("this is no `after` that an answer gave")
    return _EPOCH + int(match[1]) * _MICROSECOND, int(match[2])
