"""Store: takes what a group has become, gives one transaction; tries again for ever where that helps, and sets poison aside."""

from __future__ import annotations

import logging
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from ingest.latest import Latest
from ingest.rollups import late_marks
from ingest.watchdog import Watchdog
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ingest.batch import Batch
    from ingest.prepared import Prepared

log = logging.getLogger(__name__)

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
"""Between two tries [s]: whatever the outage, a second after the store is back writing goes on."""

_QUARANTINE = {
    "received_us": "int8",
    "digest": "int8",
    "item": "int4",
    "device_uid": "text",
    "topic": "text",
    "payload": "bytea",
    "reason": "text",
    "detail": "text",
}
"""Columns of rows for quarantine and their types."""

_FORGOTTEN_AT_ONCE = 8
"""Old deliveries are forgotten an eighth at a time: to find them all are counted, and at low rates each has its own row."""

_CAREFUL_BATCHES = 8
"""After a batch with stored keys the next ones take the careful way at once: repeats come in runs."""


class Stopped(Exception):  # noqa: N818 - not an error: the program is asked to end
    """The store was told to stop while it could not write."""


class Overtaken(Exception):  # noqa: N818 - not an error: the work is done
    """Another process has stored some of these held messages meanwhile."""


class Outdated(Exception):  # noqa: N818 - a state of affairs
    """Deployments have changed since these readings were resolved: resolve them again."""


class Refused(Exception):  # noqa: N818 - not the program's error: the data's
    """The database refuses some of the data itself; trying again cannot help."""


class Store:
    """The one writer of a worker. Not thread-safe: one thread owns it."""

    def __init__(self, database_url: str, worker: str, *, deliveries: int, is_stopping: Callable[[], bool]) -> None:
        self._database_url = database_url
        self._worker = worker
        self._deliveries = deliveries
        self._remembered = deliveries  # since old deliveries were forgotten last
        self._is_stopping = is_stopping
        self._connection: psycopg.Connection | None = None
        self._watchdog = Watchdog(is_stopping)
        self._latest = Latest()
        self._registry_version = 0  # of the last batch
        self._is_away = False  # as far as the last try has shown
        self._repair_is_due = True  # a crash may have left last values behind
        self._careful_left = 0
        self._days_with_partition: dict[str, set[int]] = {"reading": set(), "uplink": set()}

    def write(self, prepared: Prepared) -> int:
        """Write a group in one transaction and return how many readings were new.

        Lost connections, shutdowns and deadlocks are tried again for ever; nothing is acknowledged meanwhile.

        Raises
        ------
        Refused
            When the database refuses the data: halve the group until the culprit stands alone.
        Overtaken
            When some held messages are held no more: halve the group; one that stands alone is done.
        Outdated
            When deployments have changed since the readings were resolved.
        Stopped
            When the program ends before the store could be reached.
        """
        if self._is_given_up():
            raise Stopped
        pause_s = _SHORTEST_PAUSE_S
        looked_again = tried = False
        while True:
            try:
                stored = self._write_once(prepared, tried=tried)
            except errors.CheckViolation as error:
                # A partition we know of was dropped meanwhile: look again, once.
                if looked_again:
                    raise Refused(str(error)) from error
                looked_again = True
                self._forget_partitions()
                continue
            except errors.UniqueViolation:
                # On the careful way every key may be there: only the row of the delivery can clash.
                log.warning("another process writes as %s, trying again", self._worker)
            except (errors.DataError, errors.IntegrityError) as error:
                raise Refused(str(error)) from error
            except psycopg.Error as error:
                log.warning("store is not available, trying again: %s", str(error).strip().replace("\n", " "))
                self._is_away = True
                self.close()
            else:
                self._is_away = False
                is_same_registry = prepared.registry_version in (None, self._registry_version)
                self._latest.add(prepared.latest, as_sent=is_same_registry and stored == prepared.reading_count)
                self._registry_version = prepared.registry_version or self._registry_version
                return stored
            tried = True
            if self._is_stopping():
                raise Stopped
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter needs no secrecy
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def write_latest(self, *, all_of_it: bool = False) -> None:
        """Write the last values that wait, if it is time; where the store is away, `repair_latest` sees to them later."""
        if not (self._latest.is_due() or (all_of_it and self._latest.is_waiting())) or self._is_given_up():
            return
        began = time.monotonic()
        rows, as_sent = self._latest.take()
        try:
            with self._connected() as connection, connection.transaction():
                as_sent &= self._hold_registry(connection) == self._registry_version  # else some may have moved
                _copy(connection, "copy_latest_to_staging", rows)
                connection.execute(query("store_staged_latest" if as_sent else "store_staged_latest_as_stored"))
        except psycopg.Error as error:
            log.warning("last values are behind: %s", str(error).strip().replace("\n", " "))
            self._repair_is_due = True
            self.close()
        self._latest.wrote(time.monotonic() - began)

    def close(self) -> None:
        """Let go of the connection; the next write makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_given_up(self) -> bool:
        """Tell whether nothing more is tried: every try at a store that hangs takes seconds, and we are to end."""
        return self._is_away and self._is_stopping()

    def _write_once(self, prepared: Prepared, *, tried: bool) -> int:
        with self._connected() as connection:
            if tried and self._is_written(connection, prepared):
                return 0
            return self._write_to(connection, prepared)

    def _write_to(self, connection: psycopg.Connection, prepared: Prepared) -> int:
        self._ensure_partitions(connection, "reading", prepared.reading_days)
        self._ensure_partitions(connection, "uplink", prepared.uplink_days)
        if not self._careful_left:
            try:
                with connection.transaction():
                    return self._write_rows(connection, prepared, careful=False)
            except errors.UniqueViolation:
                self._careful_left = _CAREFUL_BATCHES
        with connection.transaction():
            stored = self._write_rows(connection, prepared, careful=True)
        self._careful_left = _CAREFUL_BATCHES if stored < prepared.reading_count else self._careful_left - 1
        return stored

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        """Give the connection, a new one where it is lost, and cut it should the store hang."""
        connection = self._connection
        is_new = connection is None or connection.closed
        if connection is None or connection.closed:
            connection = self._connection = connect(self._database_url, name=f"hedgerow {self._worker}")
        with self._watchdog.watching(connection):
            if is_new:
                self._set_up(connection)
            yield connection

    def _set_up(self, connection: psycopg.Connection) -> None:
        if self._repair_is_due:
            with connection.transaction():
                self._hold_registry(connection)  # else readings may move away between the look and the write
                connection.execute(query("repair_latest"))
            self._repair_is_due = False
        for name in ("make_reading_staging", "make_latest_staging", "make_quarantine_staging"):
            connection.execute(query(name))

    def _ensure_partitions(self, connection: psycopg.Connection, parent: str, days_s: NDArray[np.int64]) -> None:
        known = self._days_with_partition[parent]
        new = [day for day in days_s.tolist() if day not in known]
        if new:
            connection.execute(query("ensure_partitions"), {"parent": parent, "days_s": new})
            known.update(new)

    def _write_rows(self, connection: psycopg.Connection, prepared: Prepared, *, careful: bool) -> int:
        if prepared.registry_version not in (None, self._hold_registry(connection)):
            raise Outdated
        _release(connection, prepared.released)
        stored, conflicting = self._write_readings(connection, prepared, careful=careful)
        if prepared.spikes.series:
            connection.execute(query("flag_spikes"), prepared.spikes._asdict())
        if prepared.uplinks:
            _copy(connection, "copy_uplinks", prepared.uplinks)
        with connection.cursor() as cursor:
            _set_aside(cursor, prepared.quarantine)
            _execute_all(cursor, "hold", prepared.held)
        if prepared.radio is not None:
            connection.execute(query("store_radio"), prepared.radio)
        if prepared.events is not None:
            connection.execute(query("store_device_events"), prepared.events)
        self._remember(connection, prepared)
        connection.execute(query("count_batch"), self._counts(prepared, stored, conflicting))
        return stored

    def _hold_registry(self, connection: psycopg.Connection) -> int:
        """Keep deployments as they are until the transaction ends; gives the version of the registry."""
        row = connection.execute(query("hold_registry_version")).fetchone()
        return row[0] if row else 0

    def _write_readings(self, connection: psycopg.Connection, prepared: Prepared, *, careful: bool) -> tuple[int, int]:
        """Write readings; gives the rows stored and those that conflict with stored ones."""
        if not prepared.reading_count:
            return 0, 0
        _mark_late_hours(connection, prepared.batch)
        if careful:
            _copy(connection, "copy_readings_to_staging", prepared.readings)
            stored = connection.execute(query("store_staged_readings")).rowcount
        else:
            _copy(connection, "copy_readings", prepared.readings)
            stored = prepared.reading_count
        if stored == prepared.reading_count and not prepared.conflicts["series"]:
            return stored, 0
        row = connection.execute(query("note_conflicts"), prepared.conflicts).fetchone()
        return stored, row[0] if row else 0

    def _remember(self, connection: psycopg.Connection, prepared: Prepared) -> None:
        if prepared.delivery is None:
            return
        connection.execute(query("remember_delivery"), {"worker": self._worker, **prepared.delivery})
        self._remembered += len(prepared.group)
        if self._remembered >= self._deliveries // _FORGOTTEN_AT_ONCE:
            connection.execute(query("forget_old_deliveries"), {"worker": self._worker, "enough": self._deliveries})
            self._remembered = 0

    def _counts(self, prepared: Prepared, stored: int, conflicting: int) -> dict[str, object]:
        counts = dict(prepared.counts)
        counts["readings_stored"] = stored
        counts["readings_duplicate"] += prepared.reading_count - stored
        counts["readings_conflicting"] += conflicting
        lag_ms = max(0.0, time.time() * 1e3 - prepared.oldest_received_us / 1e3)
        return {**counts, "lag_ms": lag_ms, "worker": self._worker}

    def _is_written(self, connection: psycopg.Connection, prepared: Prepared) -> bool:
        """Tell whether a COMMIT whose answer was lost has come through after all; one still under way is waited for."""
        connection.execute(query("wait_for_own_commit"), {"worker": self._worker})
        if prepared.delivery is None:
            return bool(prepared.released) and connection.execute(query("find_held"), prepared.released[0]).fetchone() is None
        values = {"worker": self._worker, "received_us": prepared.delivery["received_us"]}
        return connection.execute(query("find_delivery"), values).fetchone() is not None

    def _forget_partitions(self) -> None:
        for days in self._days_with_partition.values():
            days.clear()


def _mark_late_hours(connection: psycopg.Connection, batch: Batch) -> None:
    """Mark the hours of a batch that are closed already, so that their rollups are made again."""
    row = connection.execute(query("hold_closed_hours")).fetchone()
    marks = late_marks(batch, row[0]) if row and row[0] else []
    if marks:
        with connection.cursor() as cursor, cursor.copy(query("mark_hours")) as copy:
            for mark in marks:
                copy.write_row(mark)


def _copy(connection: psycopg.Connection, name: str, data: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(query(name)) as copy:
        copy.write(data)


def _release(connection: psycopg.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Take back held messages, all or none: who takes them back stores them."""
    with connection.cursor() as cursor:
        _execute_all(cursor, "release_held", rows)
        if rows and cursor.rowcount < len(rows):
            raise Overtaken


def _set_aside(cursor: psycopg.Cursor, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    with cursor.copy(query("copy_quarantine_to_staging")) as copy:
        copy.set_types([*_QUARANTINE.values()])
        for row in rows:
            copy.write_row([row[name] for name in _QUARANTINE])
    cursor.execute(query("store_staged_quarantine"))


def _execute_all(cursor: psycopg.Cursor, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        cursor.executemany(query(name), rows)
