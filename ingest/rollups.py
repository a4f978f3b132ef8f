"""Rollups: hours that have ended are aggregated once, and exactly those again that a late reading or a correction touches.

Why nothing is missed: a reading of a closed hour is stored together with a mark, in one transaction. Marks are only ever added,
and only visible ones taken away, by the statement that aggregates their hours from what is visible with them. An hour is closed
at a moment when nobody stores readings who could not know it (`hold_closed_hours`); docs/adr/0010. Local days are made again in
the transaction that changes one of their hours (`roll_pieces`); docs/adr/0012.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from psycopg import errors

from ingest.quality_run import run_due
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.batch import Batch

log = logging.getLogger(__name__)

_HOUR_US = 3_600_000_000
_BEAT_S = 5.0
_GRACE = timedelta(minutes=2)
"""After the end of an hour until it is closed: most of its last readings have come by then, and need no mark."""

_PATIENCE_BEATS = 60
"""While marks still come, a backlog is being stored: its hours are aggregated when all of it is there, or after so long."""

STEPS = ("roll_next_hours", "roll_marked_series", "roll_marked_whole_hours", "roll_marked_hours", "roll_days_of_zones")
"""What there may be to do, the most pressing first; named queries."""

_MARKS_AT_ONCE = 5_000
_MOST_AT_ONCE_S = 30.0
"""Of work on marks, until it is seen to again that hours which have ended meanwhile are closed [s]."""

_MOST_MARKS = 4_096
_FEW_HOURS = 48


def late_marks(batch: Batch, closed_until: datetime) -> list[tuple[int | None, datetime]]:
    """Tell which hours of a batch are closed and must be marked: (series id, start of the hour).

    A backlog that touches a few hours of very many series marks these hours of all series (series id None): a pass over an hour
    costs less than thousands of marks.

    Parameters
    ----------
    batch
        Readings sorted by series and time.
    closed_until
        Hours before are closed.
    """
    late = batch.time_us < int(closed_until.timestamp()) * 1_000_000
    if not late.any():
        return []
    series, hours = batch.series[late].astype(np.int64), batch.time_us[late] // _HOUR_US
    is_first = np.ones(len(series), bool)
    is_first[1:] = (series[1:] != series[:-1]) | (hours[1:] != hours[:-1])
    series, hours = series[is_first], hours[is_first]
    if len(series) > _MOST_MARKS and len(whole := np.unique(hours)) <= _FEW_HOURS:
        return [(None, start) for start in _starts(whole)]
    return list(zip(series.tolist(), _starts(hours), strict=True))


def _starts(hours: NDArray[np.int64]) -> list[datetime]:
    return [datetime.fromtimestamp(hour * 3600, UTC) for hour in hours.tolist()]


class Rollups:
    """Makes rollups in the background, in whichever process comes to lead."""

    def __init__(self, database_url: str, worker: str) -> None:
        self._database_url = database_url
        self._name = f"hedgerow {worker} rollups"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rollups", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; what is under way is undone by the database."""
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._database_url, name=self._name) as connection:
                    self._lead(connection)
            except psycopg.Error as error:
                log.warning("rollups wait for the store: %s", str(error).strip().replace("\n", " "))
            self._stopping.wait(_BEAT_S)

    def _lead(self, connection: psycopg.Connection) -> None:
        while not _first(connection, "lead_rollups"):
            if self._stopping.wait(_BEAT_S):
                return
        connection.execute(query("be_patient"))
        seen = waited = 0
        while not self._stopping.wait(_BEAT_S):
            begin(connection)
            close_hours(connection, datetime.now(UTC) - _GRACE)
            marks = _first(connection, "count_marks")
            waited = waited + 1 if marks > seen else _PATIENCE_BEATS
            steps = STEPS if waited >= _PATIENCE_BEATS else STEPS[:1]
            enough = time.monotonic() + _MOST_AT_ONCE_S
            while not self._stopping.is_set() and time.monotonic() < enough:
                if not work_once(connection, steps):
                    break
                waited = 0
            seen = _first(connection, "count_marks")


def work_once(connection: psycopg.Connection, steps: Sequence[str] = STEPS) -> bool:
    """Roll once and judge one series again, neither waits for the end of the other; tell whether there was anything to do."""
    is_rolled = roll_one(connection, steps)
    return run_due(connection) or is_rolled


def begin(connection: psycopg.Connection) -> None:
    """Hold what the rollups were made with against what counts now."""
    connection.execute(query("use_excluding_flags"))


def close_hours(connection: psycopg.Connection, now: datetime, patience: str = "1s") -> bool:
    """Close the hours that have ended by `now`; tell whether that went, for where writers are slow it is left for later.

    Parameters
    ----------
    patience
        How long to wait for writers, as PostgreSQL writes it: new ones wait behind us.
    """
    row = connection.execute(query("find_hours_to_close"), {"now": now}).fetchone()
    if row is None:
        return True
    until, is_first = row
    try:
        with connection.transaction():
            connection.execute(query("wait_for_open_hours"), {"patience": patience})
            connection.execute(query("close_hours"), {"until": until})
            if is_first:
                connection.execute(query("mark_all_series"))
    except errors.LockNotAvailable:
        return False
    return True


def roll_one(connection: psycopg.Connection, steps: Sequence[str] = STEPS) -> bool:
    """Aggregate the next closed hour, what is marked, or days of another time zone; tell whether there was anything to do."""
    return any(_first(connection, step, {"most": _MARKS_AT_ONCE}) is not None for step in steps)


def _first(connection: psycopg.Connection, name: str, values: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - any column
    row = connection.execute(query(name), values).fetchone()
    return row[0] if row else None
