"""From a question to its answer's columns: cut time, ask the database, add what is not in rollups, fill gaps."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from anyio.to_thread import run_sync

from api.aggregate import of_readings
from api.aggregate.expected import Stay, counting, expected_readings
from api.aggregate.fetch import Which, fetch_grid, fetch_readings, fetch_statuses, fetch_stays
from api.aggregate.grid import fill
from api.aggregate.statistics import Wanted, fraction_of, makes_sense
from api.aggregate.table import Part, with_captures
from api.buckets import cut_time, to_us
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import AsyncConnection

    from api.aggregate.grid import Fill, Grid
    from api.aggregate.of_readings import Readings
    from api.readings import AskedSeries, Label
    from api.times import Every

_MISSED = 3  # expected readings in a row, after which nobody knows any more whether the last value still holds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTHS_OF_COUNTERS = (2.0**16, 2.0**32)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of some series, all settled."""

    every: Every
    start: datetime
    end: datetime
    statistics: Sequence[str]
    excluding: int
    fill: Fill
    is_hour_ending: bool
    now: datetime
    with_status: bool = False


async def answer_parts(connection: AsyncConnection, asked: AskedSeries, question: Question) -> list[Part]:
    """Answer a question, in one part for each time zone whose days are cut otherwise."""
    parts = []
    for zone, places in _by_zone(asked, question.every).items():
        ids = list(asked.labels)
        which = Which([ids[at] for at in places], [asked.during[at] for at in places], question.excluding)
        labels = [asked.labels[series_id] for series_id in which.series]
        parts.append(await _answer_part(connection, which, labels, question, zone))
    return parts


def columns_of(parts: Sequence[Part], statistics: Sequence[str]) -> list[str]:
    """Give the names of the columns of statistics: as asked for, with one for each state instead of `fraction`."""
    made = sorted({name for part in parts for name in part.grid.statistics if name.startswith("fraction_")})
    return [name for asked in statistics for name in (made if asked == "fraction" else [asked])]


def _by_zone(asked: AskedSeries, every: Every) -> dict[str, list[int]]:
    """Sort the places of series by time zone; up to hours all zones are cut alike."""
    zones: dict[str, list[int]] = defaultdict(list)
    for at, label in enumerate(asked.labels.values()):
        zones["UTC" if every.is_fixed else label.time_zone].append(at)
    return zones


async def _answer_part(
    connection: AsyncConnection, which: Which, labels: Sequence[Label], question: Question, zone: str
) -> Part:
    buckets = cut_time(question.every, question.start, question.end, ZoneInfo(zone), is_hour_ending=question.is_hour_ending)
    wanted = Wanted.of(question.statistics)
    grid = await fetch_grid(connection, which, buckets, wanted.of_buckets)
    since = question.start
    readings, states = None, {}
    if wanted.needs_readings and len(buckets):
        with_one_before = bool(wanted.increases) or wanted.is_over_time
        telling = _telling(which, labels, wanted)
        readings = await fetch_readings(connection, telling, buckets, with_one_before=with_one_before)
        places = np.searchsorted(which.series, telling.series)
        readings = replace(readings, series=places[readings.series], k=len(which.series))
        states = await _states(connection, labels) if wanted.has_fraction else {}
        if len(readings.times):
            since = min(since, _EPOCH + timedelta(microseconds=int(readings.times.min())))
    stays: dict[int, list[Stay]] = defaultdict(list)
    for stay in await fetch_stays(connection, which.series, since, question.end):
        stays[stay.series_id].append(stay)
    status = await fetch_statuses(connection, which.series, buckets) if question.with_status else None

    def finish() -> Part:
        if readings is not None:
            held = [_hold_us(stays[one]) for one in which.series]
            _add_of_readings(grid, readings, labels, wanted, states, held, question.now)
            _forget_before(grid, labels, wanted)
        _leave_out_senseless(grid, labels)
        expected = _expected(grid, stays, question)
        fill(grid, question.fill)
        return replace(with_captures(grid, expected), status=status)

    return await run_sync(finish)  # beside the loop that serves everybody


def _telling(which: Which, labels: Sequence[Label], wanted: Wanted) -> Which:
    """Leave out the series of which no statistic that needs every reading says anything."""
    names = [*wanted.percentiles, *wanted.increases]
    names += ["time_weighted_mean"] * wanted.has_mean_over_time + ["fraction"] * wanted.has_fraction
    kept = [at for at, label in enumerate(labels) if any(makes_sense(name, label.kind) for name in names)]
    return Which([which.series[at] for at in kept], [which.during[at] for at in kept], which.excluding)


def _add_of_readings(
    grid: Grid,
    readings: Readings,
    labels: Sequence[Label],
    wanted: Wanted,
    states: Mapping[str, Sequence[tuple[float, str]]],
    hold_us: Sequence[float],
    now: datetime,
) -> None:
    cuts = grid.buckets.cuts
    if wanted.percentiles:
        fractions = [fraction_of(name) or 0.0 for name in wanted.percentiles]
        grid.statistics |= zip(wanted.percentiles, of_readings.percentiles(readings, cuts, fractions), strict=True)
    if wanted.increases:
        steps = of_readings.increases(readings, [_widths(label) for label in labels])
        grid.statistics["increase"], grid.statistics["rate"] = of_readings.counted(readings, steps, cuts)
    if wanted.is_over_time:
        _add_over_time(grid, readings, labels, wanted, states, of_readings.held_for(readings, cuts, hold_us, to_us(now)))


def _add_over_time(
    grid: Grid,
    readings: Readings,
    labels: Sequence[Label],
    wanted: Wanted,
    states: Mapping[str, Sequence[tuple[float, str]]],
    held: list[tuple[Any, Any]],
) -> None:
    values = [readings.values[part] for part in readings.slices()]
    known = of_readings.time_under(held, [np.ones_like(one) for one in values], grid.buckets.cuts)
    known[known <= 0] = np.nan
    grid.is_there |= ~np.isnan(known)
    if wanted.has_mean_over_time:
        grid.statistics["time_weighted_mean"] = of_readings.time_under(held, values, grid.buckets.cuts) / known
    for name in sorted({name for told in states.values() for _, name in told}):
        codes = [{text: code for code, text in states.get(label.metric, ())}.get(name) for label in labels]
        is_state = [(one == code).astype(np.float64) for one, code in zip(values, codes, strict=True)]
        shares = of_readings.time_under(held, is_state, grid.buckets.cuts) / known
        shares[:, [code is None for code in codes]] = np.nan
        grid.statistics[name] = shares


async def _states(connection: AsyncConnection, labels: Iterable[Label]) -> dict[str, list[tuple[float, str]]]:
    """Give the codes of each state metric with the names of their columns."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    metrics = sorted({label.metric for label in labels if label.kind == "state"})
    cursor = await connection.execute(query("list_states_of_metrics"), {"metrics": metrics})
    for metric, code, text in await cursor.fetchall():
        found[metric].append((code, f"fraction_{re.sub('[^a-z0-9]+', '_', text.lower())}"))
    return found


def _widths(label: Label) -> Sequence[float]:
    own = () if label.valid_max is None else (label.valid_max + 1,)
    return sorted({*_WIDTHS_OF_COUNTERS, *own})


def _hold_us(stays: Sequence[Stay]) -> float:
    return _MISSED * max((stay.interval_s for stay in counting(stays)), default=np.inf) * 1e6


def _forget_before(grid: Grid, labels: Sequence[Label], wanted: Wanted) -> None:
    """Take away what is made of readings where these are no longer kept."""
    made = [name for name in grid.statistics if name not in wanted.of_buckets]
    for at, label in enumerate(labels):
        if label.raw_from is not None:
            is_gone = grid.buckets.cuts[:-1] < to_us(label.raw_from)
            for name in made:
                grid.statistics[name][is_gone, at] = np.nan


def _leave_out_senseless(grid: Grid, labels: Sequence[Label]) -> None:
    for kind in {label.kind for label in labels}:
        columns = [at for at, label in enumerate(labels) if label.kind == kind]
        for name, values in grid.statistics.items():
            if not makes_sense("fraction" if name.startswith("fraction_") else name, kind):
                values[:, columns] = np.nan


def _expected(grid: Grid, stays: Mapping[int, Sequence[Stay]], question: Question) -> NDArray[np.float64]:
    expected = np.full(grid.n.shape, np.nan)
    start_us, now_us = to_us(question.start), to_us(question.now)
    for at, series_id in enumerate(grid.series.tolist()):
        if there := [stay for stay in stays.get(series_id, ()) if stay.to_us is None or stay.to_us > start_us]:
            filled = np.flatnonzero(grid.n[:, at])
            first_us = int(grid.buckets.cuts[filled[0]]) if len(filled) else None
            expected[:, at] = expected_readings(there, grid.buckets.cuts, now_us, first_us)
    return expected


async def times_of(connection: AsyncConnection, asked: AskedSeries) -> tuple[datetime, datetime] | None:
    """Give from when to when, not included, series may have readings; None where they have none."""
    cursor = await connection.execute(query("find_times_of_series"), {"series": list(asked.labels)})
    since, until = await cursor.fetchone() or (None, None)
    return None if since is None else (since, until)


async def complete_until(connection: AsyncConnection, fresh_s: float) -> datetime | None:
    """Tell until when all that had reached Hedgerow is stored; None where ingest is not running.

    Parameters
    ----------
    fresh_s
        An ingest worker that has said nothing for longer [s] is none that runs.
    """
    workers = await (await connection.execute(query("read_completeness"))).fetchall()
    if any(silent_s > fresh_s or not connected for _, connected, silent_s in workers):
        return None
    told = [until for until, _, _ in workers]
    return None if not told or None in told else min(told).astimezone(UTC)
