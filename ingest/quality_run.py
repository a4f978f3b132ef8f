"""Quality run: the rules over stored history, series by series in portions, and the store put right; twice is as once."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from psycopg import errors

from devices.flags import Flag
from devices.quality.companions import HUMID_FOR_US, NONE
from devices.quality.judge import Known, nothing_known
from devices.registry import load_registry
from ingest.batch import in_order
from ingest.history import NOTHING, OWNED, Line, Series, Stored, joined, read_stored
from ingest.recent import NO_NEIGHBOUR
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import psycopg
    from numpy.typing import NDArray

    from devices.registry import Registry
    from ingest.batch import Batch

    Watch = Callable[["Tally", int, int, str], None]

PORTION = 100_000
"""Readings judged, and written, at a time."""

_AFTER = 20
"""Readings looked at beyond the end: the first measurement among them tells whether the last one before was a spike."""

_AGAIN_S = 600.0
"""After what went wrong with a series, until it is tried again [s]."""

_AT_ONCE_S, _SERIES_AT_ONCE = 5.0, 1_000
"""What is judged again with one registry, until rollups have their turn."""

_TRIES = 10
_PATIENCE_S = 10.0


log = logging.getLogger(__name__)


class QualityRunError(Exception):
    """What was asked for cannot be done."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings to judge again; what is empty or None lets all pass."""

    sites: Sequence[str] = ()
    """Codes."""
    metrics: Sequence[str] = ()
    """Keys or aliases."""
    series: Sequence[int] = ()
    """Ids."""
    start: datetime | None = None
    end: datetime | None = None
    """Not included."""
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the readings."""

    series: int = 0
    readings: int = 0
    changed: int = 0
    set: Counter[Flag] = field(default_factory=Counter)
    cleared: Counter[Flag] = field(default_factory=Counter)

    def add(self, old: int, new: int, count: int) -> None:
        """Count readings whose flags were `old` and are `new`."""
        self.changed += count
        for flag in OWNED:
            if new & flag and not old & flag:
                self.set[flag] += count
            if old & flag and not new & flag:
                self.cleared[flag] += count


def run_quality(database_url: str, wanted: Wanted, watch: Watch = lambda *_: None) -> Tally:
    """Judge stored readings again.

    Parameters
    ----------
    database_url
        PostgreSQL connection string.
    wanted
        Which readings, and whether only to look.
    watch
        Called after every series with the figures so far, how many series are done, how many there are, and its name.

    Raises
    ------
    QualityRunError
        When nothing fits what is wanted, or another run is at work.
    psycopg.Error
        When the store goes away; what is done is done, and a second run goes over it again.
    """
    with connect(database_url, name="hedgerow quality") as connection:
        connection.execute("SET statement_timeout = '10min'")
        _lead(connection)
        filters = {"series": list(wanted.series), "sites": list(wanted.sites), "metrics": list(wanted.metrics)}
        series = [Series(*row) for row in connection.execute(query("list_series_to_judge"), filters)]
        if not series:
            raise QualityRunError("no series fits: look at /api/v1/series for those there are")
        registry = load_registry(connection)
        tally = Tally()
        for done, one in enumerate(series, 1):
            run_series(connection, registry, one, _us(wanted.start), _us(wanted.end), tally, dry_run=wanted.dry_run)
            watch(tally, done, len(series), one.name)
        return tally


def run_due(connection: psycopg.Connection) -> bool:
    """Judge series again that have readings which came past the path, for some seconds; tell whether there were any.

    One with which anything goes wrong is left for later, and logged: the others, and rollups, go on.

    Raises
    ------
    psycopg.Error
        When the store goes away.
    """
    enough = time.monotonic() + _AT_ONCE_S
    due = connection.execute(query("list_quality_due"), {"most": _SERIES_AT_ONCE}).fetchall()
    if not due:
        return False
    registry = load_registry(connection)  # only after that look: every series that is due is in it
    for series_id, marks, from_us, to_us in due:
        try:
            _judge_due(connection, registry, series_id, from_us, to_us)
            connection.execute(query("end_quality_due"), {"marks": marks})
        except Exception:
            if connection.closed:
                raise
            log.exception(
                "the rules for series %d are run again in %.0f minutes, for this went wrong", series_id, _AGAIN_S / 60
            )
            connection.execute(query("set_quality_due_behind"), {"series": series_id, "seconds": _AGAIN_S})
        if time.monotonic() >= enough:
            break
    return True


def _judge_due(
    connection: psycopg.Connection, registry: Registry, series_id: int, from_us: int | None, to_us: int | None
) -> None:
    filters = {"series": [series_id], "sites": [], "metrics": []}
    for one in connection.execute(query("list_series_to_judge"), filters).fetchall():
        run_series(connection, registry, Series(*one), from_us, to_us, Tally())


def mark_due(connection: psycopg.Connection, batch: Batch) -> None:
    """Say that readings come past the path, where they are held against no others: the rules run over their times soon."""
    ordered = in_order(batch)
    first = np.flatnonzero(np.append(True, ordered.series[1:] != ordered.series[:-1])[: len(ordered)])
    last = np.append(first[1:], len(ordered)) - 1
    values = {
        "series": ordered.series[first].tolist(),
        "first_us": ordered.time_us[first].tolist(),
        "last_us": ordered.time_us[last[: len(first)]].tolist(),
    }
    if len(first):
        connection.execute(query("add_quality_due"), values)


def run_series(
    connection: psycopg.Connection,
    registry: Registry,
    series: Series,
    from_us: int | None,
    to_us: int | None,
    tally: Tally,
    *,
    dry_run: bool = False,
) -> None:
    """Judge one series again, from `from_us` up to `to_us` [µs since 1970], and count into `tally`."""
    line = Line(series, registry)
    tally.series += 1
    for stored, flags in _judged(connection, registry, line, from_us, to_us):
        is_asked = np.ones(len(stored), bool)
        if from_us is not None:
            is_asked &= stored.time_us >= from_us
        if to_us is not None:
            is_asked &= stored.time_us < to_us
        tally.readings += int(np.count_nonzero(is_asked))
        new = (stored.flags & ~np.int16(OWNED)) | flags
        rows = np.flatnonzero((new != stored.flags) & stored.is_open & is_asked)
        if len(rows):
            for old, now, count in (
                _changes(stored.flags[rows], new[rows]) if dry_run else _put(connection, series, stored, new, rows)
            ):
                tally.add(old, now, count)


def _judged(
    connection: psycopg.Connection, registry: Registry, line: Line, from_us: int | None, to_us: int | None
) -> Iterator[tuple[Stored, NDArray[np.int16]]]:
    """Give stored readings with their flags, portion by portion; one that may turn out to be a spike waits for the next."""
    at = _look_back(connection, registry, line, from_us)
    known, last, last_flags = nothing_known(1), NOTHING, np.zeros(0, np.int16)
    while at is not None and len(stored := _next(connection, line.series.series_id, at, to_us)):
        flags, is_spike, known = _flags_of(connection, registry, line, stored, known)
        if is_spike and len(last):
            last_flags |= np.int16(Flag.SPIKE)
        whole, whole_flags = joined([last, stored]), np.concatenate([last_flags, flags])
        good = np.flatnonzero(whole_flags & np.int16(NO_NEIGHBOUR) == 0)
        waits = good[-1:]
        is_over = len(stored) < PORTION
        sure = np.ones(len(whole), bool)
        sure[waits] = is_over
        yield _part(whole, sure), whole_flags[sure]
        if is_over:
            return
        last, last_flags = _part(whole, ~sure), whole_flags[~sure]
        at = int(stored.time_us[-1]) + 1
    if len(last):
        yield last, last_flags


def _next(connection: psycopg.Connection, series_id: int, at: int, to_us: int | None) -> Stored:
    """Read a portion from `at` on; fewer readings than that, and a few beyond the end, where it is the last one."""
    stored = read_stored(connection, series_id, at, to_us, PORTION)
    if to_us is None or len(stored) == PORTION:
        return stored
    return joined([stored, read_stored(connection, series_id, max(at, to_us), None, _AFTER)])


def _flags_of(
    connection: psycopg.Connection, registry: Registry, line: Line, stored: Stored, known: Known
) -> tuple[NDArray[np.int16], bool, Known]:
    alone = line.alone(stored)
    neighbours, is_spike, known = line.judge(stored, alone, known)
    first_us, last_us = int(stored.time_us[0]), int(stored.time_us[-1])
    humidity = _humidity(connection, registry, line, first_us - HUMID_FOR_US, last_us + 1)
    beside = line.beside(stored, humidity, _bound(connection, registry, line, first_us, last_us + 1))
    return alone | neighbours | beside, is_spike, known


def _humidity(connection: psycopg.Connection, registry: Registry, line: Line, from_us: int, to_us: int) -> Stored:
    if np.isinf(registry.rules.humid_above[line.metric]):
        return NOTHING
    rows = connection.execute(query("list_humidity_series"), {"site": line.series.site_id}).fetchall()
    parts = [Line(Series(*row), registry).good(read_stored(connection, row[0], from_us, to_us)) for row in rows]
    return joined([NOTHING, *parts])


def _bound(connection: psycopg.Connection, registry: Registry, line: Line, from_us: int, to_us: int) -> Stored:
    bound = int(registry.series_bound[line.series.series_id])
    if bound == NONE:
        return NOTHING
    metric_id = int(registry.metric_ids[registry.rules.not_above[line.metric]])
    other = Series(bound, line.series.site_id, metric_id, line.series.channel, "")
    return Line(other, registry).good(read_stored(connection, bound, from_us, to_us))


def _look_back(connection: psycopg.Connection, registry: Registry, line: Line, from_us: int | None) -> int | None:
    """Tell from when on readings must be read [µs since 1970]: as far back as any rule looks; None: there are none."""
    series = {"series": line.series.series_id}
    if from_us is None:
        return _number(connection, "find_first_reading", series)
    rules = registry.rules
    many = int(min(rules.flat_count[line.metric], 10_000)) + 2
    long_us = max(int(rules.flat_for_us[line.metric]), int(rules.warm_up_us.max(initial=0)))
    return _number(connection, "find_look_back", {**series, "from_us": from_us, "many": many, "long_us": long_us})


def _part(stored: Stored, rows: NDArray[np.bool_]) -> Stored:
    return Stored(stored.time_us[rows], stored.value[rows], stored.flags[rows], stored.is_open[rows])


def _put(
    connection: psycopg.Connection, series: Series, stored: Stored, new: NDArray[np.int16], rows: NDArray[np.intp]
) -> list[tuple[int, int, int]]:
    """Write flags in one transaction; gives old flags, new flags and how many readings had them."""
    values = {
        "series": series.series_id,
        "time_us": stored.time_us[rows].tolist(),
        "value": stored.value[rows].tolist(),
        "old": stored.flags[rows].tolist(),
        "new": new[rows].tolist(),
        "first_us": int(stored.time_us[rows[0]]),
        "last_us": int(stored.time_us[rows[-1]]),
    }
    for left in reversed(range(_TRIES)):
        try:
            with connection.transaction():
                connection.execute(query("allow_decompression"))
                return connection.execute(query("put_flags"), values).fetchall()
        except errors.DeadlockDetected:
            if not left:
                raise
    raise AssertionError


def _changes(old: NDArray[np.int16], new: NDArray[np.int16]) -> Iterator[tuple[int, int, int]]:
    for (before, after), count in Counter(zip(old.tolist(), new.tolist(), strict=True)).items():
        yield before, after, count


def _us(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1_000_000)


def _number(connection: psycopg.Connection, name: str, values: dict[str, int]) -> int | None:
    row = connection.execute(query(name), values).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _lead(connection: psycopg.Connection) -> None:
    """Become the one run of the database; one that has just ended may hold its lock for some moments more."""
    give_up = time.monotonic() + _PATIENCE_S
    while not next(connection.execute(query("lead_quality_run")))[0]:
        if time.monotonic() >= give_up:
            raise QualityRunError("another quality run is at work on this database: wait for its end")
        time.sleep(0.1)
