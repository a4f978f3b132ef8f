"""What every review begins with: which series it is of, whether the range is open to it, and what it would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.database import row_of, rows_of, value_of
from api.errors import Conflict, Slip, Unusable
from api.reattribution import hold_deployments
from api.review.schemas import MOST_SERIES, Effect
from devices.flags import Flag
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

    from api.review.schemas import NewReview

MOST_READINGS = 1_000_000
"""In one review: ingest waits while they are written, ten seconds for a million flags and longer for values."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a review."""

    id: int
    site: str
    metric: str
    unit: str
    kind: str
    channel: str


@dataclass(frozen=True, slots=True)
class _Closed:
    is_ratified: bool
    site: str
    metric: str
    start: datetime | None
    end: datetime
    person: str


@dataclass(frozen=True, slots=True)
class _Figures:
    series: int
    readings: int
    excluded_before: int
    excluded_after: int
    changed: int
    first: datetime | None
    last: datetime | None
    mean_before: float | None
    mean_after: float | None


async def begin(connection: AsyncConnection) -> None:
    """Let nobody else store or change readings until the transaction ends: none is missed, and there is one order of locks.

    Raises
    ------
    Conflict
        When messages are being decoded again.
    """
    await hold_deployments(connection)
    await connection.execute(query("allow_long_review"))


async def choose(connection: AsyncConnection, wanted: NewReview) -> list[Line]:
    """Find the series of a review, by id.

    Raises
    ------
    Unusable
        When one is not there, or there are too many.
    """
    values = wanted.model_dump(include={"series", "site", "metrics", "channel"})
    lines = await rows_of(connection, Line, "choose_series", values | {"limit": MOST_SERIES})
    if len(lines) > MOST_SERIES:
        text = f"these are more than {MOST_SERIES} series"
        raise Unusable(f"Choose fewer metrics, or one channel: {text}.", Slip("body.series", text))
    missing = sorted(set(wanted.series) - {line.id for line in lines})
    if missing or not lines:
        field = "series" if wanted.series else "metrics"
        text = f"there is no series {missing[0]}" if missing else "the site has no readings of these metrics"
        raise Unusable(
            f"Mend {field}: {text}. Those there are: /api/v1/series",
            Slip(f"body.{field}", text),
            on_page="Choose metrics of this list: one that was chosen is not there",
        )
    return lines


def refuse_future(wanted: NewReview, why: str) -> None:
    """Refuse a range that has not passed.

    Raises
    ------
    Unusable
        When it ends later than now.
    """
    if wanted.end > datetime.now(UTC):
        raise Unusable(
            f"Mend `to`: {why}. Choose an end up to now.", Slip("body.to", why), on_page=f"Choose an end up to now: {why}"
        )


async def refuse_closed(connection: AsyncConnection, series: Sequence[int], start: datetime, end: datetime) -> None:
    """Refuse what would change a ratified range, or one whose readings are no longer kept.

    Raises
    ------
    Conflict
        When some of the range is closed; the words say how to open it, if it can be.
    """
    values = {"series": list(series), "start": start, "end": end}
    closed = await row_of(connection, _Closed, "find_closed", values)
    if closed is None:
        return
    of = f"{closed.metric} at {closed.site}"
    if closed.start is not None:
        why = f"{of} is ratified from {iso(closed.start)} to {iso(closed.end)} (by {closed.person}), and so closed to changes."
        to_open = "To open it, a manager sets the range back to verified or provisional"
        raise Conflict(
            f"{why} {to_open}, by POST to /api/v1/statuses. Then try again.",
            on_page=f"{why} {to_open}, on the site's page Review. Then try again.",
        )
    raise Conflict(
        f"Readings of {of} before {iso(closed.end)} are no longer kept, only their statistics, which can no longer change."
        " Choose a later start."
    )


def iso(moment: datetime) -> str:
    """Write a time as answers do."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def refuse_too_many(connection: AsyncConnection, lines: Sequence[Line], wanted: NewReview) -> None:
    """Refuse a range of more readings than one transaction should change; to be asked before it holds anything up.

    Raises
    ------
    Unusable
        When it has more.
    """
    if await _has_too_many(connection, lines, wanted):
        raise _too_many(f"more than {MOST_READINGS:,}")


async def _has_too_many(connection: AsyncConnection, lines: Sequence[Line], wanted: NewReview) -> bool:
    values = {
        "series": [line.id for line in lines],
        "start": wanted.start,
        "end": wanted.end,
        "most": MOST_READINGS + 1,
    }
    return int(await value_of(connection, "count_readings_to_review", values)) > MOST_READINGS


def _too_many(how_many: str) -> Unusable:
    text = f"the range holds {how_many} readings; {MOST_READINGS:,} may be changed at once"
    return Unusable(f"Choose a shorter range, or fewer series: {text}.", Slip("body.from", text))


async def look(connection: AsyncConnection, lines: Sequence[Line], wanted: NewReview) -> list[Effect]:
    """Tell what is stored in a range that is not changed, series by series; of very many readings no figures are given."""
    if await _has_too_many(connection, lines, wanted):
        return [
            Effect(series=line.id, site=line.site, metric=line.metric, unit=line.unit, channel=line.channel) for line in lines
        ]
    return await foresee(connection, lines, wanted)


async def foresee(
    connection: AsyncConnection,
    lines: Sequence[Line],
    wanted: NewReview,
    *,
    adding: int = 0,
    scale: float | None = None,
    shift: float | None = None,
) -> list[Effect]:
    """Tell what a review would do to stored readings, series by series.

    Parameters
    ----------
    adding
        Flags that it gives to every reading of the range.
    scale, shift
        What it makes of the values; None: it leaves them.

    Raises
    ------
    Unusable
        When the range holds more readings than one transaction should change.
    """
    values = {
        "series": [line.id for line in lines],
        "start": wanted.start,
        "end": wanted.end,
        "adding": adding,
        "scale": scale,
        "shift": shift,
        "out_of_range": int(Flag.OUT_OF_RANGE),
    }
    found = {figures.series: figures for figures in await rows_of(connection, _Figures, "foresee_review", values)}
    if (readings := sum(figures.readings for figures in found.values())) > MOST_READINGS:
        raise _too_many(f"{readings:,}")
    return [_effect(line, found[line.id]) for line in lines]


def _effect(line: Line, figures: _Figures) -> Effect:
    return Effect(
        series=line.id,
        site=line.site,
        metric=line.metric,
        unit=line.unit,
        channel=line.channel,
        readings=figures.readings,
        changed=figures.changed,
        excluded_before=figures.excluded_before,
        excluded_after=figures.excluded_after,
        first=figures.first,
        last=figures.last,
        mean_before=figures.mean_before,
        mean_after=figures.mean_after,
    )


async def finish(connection: AsyncConnection, series: Sequence[int], start: datetime, end: datetime) -> None:
    """Bring last values up, and have ingest read the ranges again before it stores anything."""
    await connection.execute(query("renew_latest_of_series"), {"series": list(series), "start": start, "end": end})
    await connection.execute(query("outdate_registry"))
