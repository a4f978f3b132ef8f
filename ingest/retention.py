"""Retention: what is older than it is to be kept goes, once rollups have all they need of it; partitions are made ahead.

Why no statistics are lost: `series.raw_from` is raised in a transaction in which nobody stores or changes readings, and only
where all hours before it are rolled up and no mark of them waits. From then on late readings of that time are refused, and only
then are readings deleted. Whatever is in the way is left for later: who stores or asks waits for us no longer than a moment.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

_BEAT_S = 60.0
_EVERY_S = 3600.0
"""Between two runs [s]; after one in whose way something stood, the next beat."""

_PATIENCE = "200ms"
"""How long to wait for a lock: whoever comes meanwhile waits behind us."""

_ROWS_AT_ONCE = 10_000
_LONG_PAST = timedelta(days=2)
"""An empty partition is of no more use when its time has been over for so long."""


@dataclass(slots=True)
class Outcome:
    """What one run did, or a dry run would do."""

    series: int = 0
    """Of which readings are no longer kept from here on."""
    readings: int = 0
    """Deleted one by one; in a dry run: about so many go, however they go."""
    partitions: list[str] = field(default_factory=list)
    """Taken away whole."""
    partition_rows: int = 0
    """In them, as the planner estimates."""
    bytes: int = 0
    """Of partitions: what the disk gets back."""
    rows: Counter[str] = field(default_factory=Counter)
    """Deleted, by table."""
    postponed: list[str] = field(default_factory=list)
    """What stood in the way."""

    def counts(self) -> dict[str, object]:
        """Give what went, for the table retention_run."""
        return {
            "series": self.series,
            "readings": self.readings,
            "partitions": self.partitions,
            "bytes": self.bytes,
            "rows": {name: count for name, count in self.rows.items() if count},
        }

    @property
    def is_idle(self) -> bool:
        """Whether nothing was to be done."""
        return not (self.series or self.readings or self.partitions or sum(self.rows.values()))


def run(connection: psycopg.Connection, now: datetime, is_stopping: Callable[[], bool] = lambda: False) -> Outcome:
    """Take away what is no longer to be kept, make partitions ahead, and note what was done.

    Parameters
    ----------
    connection
        Autocommit, of the owner of the tables.
    now
        Time from which ages are counted.
    is_stopping
        Asked between portions; what is left is for the next run.
    """
    maintenance = _Maintenance(connection, now, is_stopping)
    maintenance.run()
    outcome = maintenance.outcome
    values = {"started_at": now, "counts": Jsonb(outcome.counts()), "postponed": "; ".join(outcome.postponed)}
    connection.execute(query("note_retention_run"), values)
    return outcome


def look(connection: psycopg.Connection, now: datetime) -> Outcome:
    """Tell what a run would do, and do nothing. Numbers of readings are those of the rollups."""
    outcome = Outcome(
        series=_first(connection, "count_series_due", {"now": now}),
        readings=_first(connection, "count_readings_due", {"now": now}),
    )
    for parent, before in _limits(connection, now, is_next=True):
        asked = {"parent": parent, "before": before, "name": None}
        for name, rows, size in connection.execute(query("list_old_partitions"), asked):
            outcome.partitions.append(name)
            outcome.partition_rows += rows
            outcome.bytes += size
    for name, before in connection.execute(query("list_what_ages"), {"now": now}).fetchall():
        outcome.rows[name] = _first(connection, "count_old_rows", {"name": name, "before": before})
    return outcome


class Retention:
    """Runs in the background, in whichever process comes to lead."""

    def __init__(self, database_url: str, worker: str) -> None:
        self._database_url = database_url
        self._name = f"hedgerow {worker} retention"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; what is left is for the next run."""
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.wait(_BEAT_S):
            try:
                with connect(self._database_url, name=self._name) as connection:
                    self._lead(connection)
            except psycopg.Error as error:
                log.warning("retention waits for the store: %s", _plain(error))

    def _lead(self, connection: psycopg.Connection) -> None:
        while not _first(connection, "lead_retention"):
            if self._stopping.wait(_BEAT_S):
                return
        while not self._stopping.is_set():
            if is_due(connection):
                outcome = run(connection, datetime.now(UTC), self._stopping.is_set)
                if not outcome.is_idle:
                    log.info("retention: %s", outcome.counts())
            self._stopping.wait(_BEAT_S)


def is_due(connection: psycopg.Connection) -> bool:
    """Tell whether it is time for a run."""
    row = connection.execute(query("last_retention_run")).fetchone()
    return row is None or row[0] >= _EVERY_S or bool(row[1])


class _Maintenance:
    """One run."""

    def __init__(self, connection: psycopg.Connection, now: datetime, is_stopping: Callable[[], bool]) -> None:
        self._connection = connection
        self._now = now
        self._is_stopping = is_stopping
        self.outcome = Outcome()

    def run(self) -> None:
        self._connection.execute(query("be_brief"), {"patience": _PATIENCE})
        with self._or_later("partitions of the time to come"):
            self._connection.execute(query("ensure_partitions_ahead"), {"now": self._now})
        with self._or_later("readings to be kept no longer"):
            self._raise_raw_from()
        for parent, before in _limits(self._connection, self._now):
            with self._or_later(f"old partitions of {parent}"):
                self._drop_old(parent, before)
        with self._or_later("old readings"):
            self._delete_readings()
        with self._or_later("empty partitions"):
            self._drop_empty()
        for name, before in self._connection.execute(query("list_what_ages"), {"now": self._now}).fetchall():
            with self._or_later(f"old rows of {name}"):
                self._forget(name, before)
        self._compress()

    @contextmanager
    def _or_later(self, what: str) -> Iterator[None]:
        """Leave for the next run what cannot have its locks soon enough, or takes too long: the rest is done all the same."""
        try:
            yield
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled):
            self.outcome.postponed.append(what)

    def _raise_raw_from(self) -> None:
        due = _first(self._connection, "count_series_due", {"now": self._now})
        if not due:
            return
        with self._connection.transaction():
            if not _first(self._connection, "try_keep_redecode_away"):
                self.outcome.postponed.append("readings to be kept no longer: a redecode is at work")
                return
            self._hold_readings()
            raised = _first(self._connection, "raise_raw_from", {"now": self._now})
            if raised:
                self._connection.execute(query("outdate_registry"))
        self.outcome.series = raised
        if raised < due:
            self.outcome.postponed.append(f"readings of {due - raised} series: their rollups are still being made")

    def _drop_old(self, parent: str, before: datetime | None) -> None:
        asked: dict[str, object] = {"parent": parent, "before": before, "name": None}
        for name, rows, size in self._rows("list_old_partitions", asked):
            with self._or_later(f"partition {name}"):
                if self._drop_if_old(parent, name):
                    self.outcome.partitions.append(name)
                    self.outcome.partition_rows += rows
                    self.outcome.bytes += size

    def _drop_if_old(self, parent: str, name: str) -> bool:
        """Drop a partition if it is old still: a series may have come since of which all is kept."""
        with self._connection.transaction():
            self._hold_readings()
            asked = {"parent": parent, "before": dict(_limits(self._connection, self._now)).get(parent), "name": name}
            is_old = _first(self._connection, "list_old_partitions", asked) is not None
            if is_old:
                self._connection.execute(query("drop_partition"), {"parent": parent, "name": name})
        return is_old

    def _hold_readings(self) -> None:
        """Let nobody store or change readings until the transaction ends."""
        self._connection.execute(query("lock_registry"))
        self._connection.execute(query("keep_readings_as_they_are"))

    def _compress(self) -> None:
        try:
            self._connection.execute(query("use_columnstore"))
        except psycopg.Error as error:  # whatever it is, the next run must not wait for it
            log.warning("old partitions are not compressed: %s", _plain(error))

    def _drop_empty(self) -> None:
        asked: dict[str, object] = {"before": self._now - _LONG_PAST, "name": None}
        for (name,) in self._rows("list_empty_partitions", asked):
            with self._or_later(f"empty partition {name}"), self._connection.transaction():
                self._hold_readings()
                if _first(self._connection, "list_empty_partitions", {**asked, "name": name}):
                    self._connection.execute(query("drop_partition"), {"parent": "reading", "name": name})
                    self.outcome.partitions.append(name)

    def _delete_readings(self) -> None:
        asked: dict[str, object] = {"from_series": 0, "horizon": _horizon(self._connection, self._now), "most": _ROWS_AT_ONCE}
        while not self._is_stopping():
            found = self._connection.execute(query("find_unkept_readings"), asked).fetchone()
            if found is None:
                return
            asked["from_series"], until = found
            deleted = self._connection.execute(query("delete_unkept_readings"), {"series": found[0], "until": until})
            self.outcome.readings += deleted.rowcount

    def _forget(self, name: str, before: datetime) -> None:
        values = {"name": name, "before": before, "most": _ROWS_AT_ONCE}
        while not self._is_stopping():
            gone = _first(self._connection, "forget_rows", values)
            self.outcome.rows[name] += gone
            if gone < _ROWS_AT_ONCE:
                return

    def _rows(self, name: str, values: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
        for row in self._connection.execute(query(name), values).fetchall():
            if self._is_stopping():
                return
            yield row


def _limits(connection: psycopg.Connection, now: datetime, *, is_next: bool = False) -> list[tuple[str, datetime | None]]:
    """Before when partitions go, by parent."""
    limits = [("reading", _horizon(connection, now, is_next=is_next))]
    kept = _first(connection, "find_kept_from", {"name": "uplink", "now": now})
    return limits if kept is None else [*limits, ("uplink", kept)]


def _horizon(connection: psycopg.Connection, now: datetime, *, is_next: bool = False) -> datetime | None:
    row = connection.execute(query("find_horizon"), {"now": now}).fetchone()
    return row[is_next] if row else None


def _plain(error: psycopg.Error) -> str:
    return str(error).strip().replace("\n", " ")


def _first(connection: psycopg.Connection, name: str, values: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - any column
    row = connection.execute(query(name), values).fetchone()
    return row[0] if row else None
