"""Registrar: keeps the registry in memory current, releases held messages, makes new series and tells that we are alive.

It also holds the worker's claim, an advisory lock on its name: one process at a time is a worker.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from devices.registry import Registry, load_registry
from ingest.arrivals import Arrivals
from ingest.clocks import Clocks
from ingest.errand_process import ErrandProcess
from ingest.message import Group, Message, group_of
from ingest.store import Stopped
from ingest.watchdog import Watchdog
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.broker import BrokerDrops
    from ingest.session import Session

log = logging.getLogger(__name__)

_BEAT_S = 1.0
_RELEASE_S = 0.02
"""How soon to look again whether released messages are stored [s]: those that were held meanwhile wait for them."""
_MOST_HELD = 2_000
_MOST_HELD_BYTES = 8 * 2**20
_STOP_WITHIN_S = 2.0
_CLAIM_EVERY_S = 0.2
_CLAIM_PATIENCE_S = 5.0
"""How long the process before us may take to end [s] until two of them are taken for a mistake."""


class IdentityTaken(Exception):  # noqa: N818 - a state of affairs
    """Another process has become this worker while we had lost the store."""


class Registrar:
    """Watches the registry from a thread of its own, with a connection of its own."""

    def __init__(self, database_url: str, worker: str, session: Session, drops: BrokerDrops | None = None) -> None:
        self._database_url = database_url
        self._worker = worker
        self._session = session
        self._drops = drops
        self._stopping = threading.Event()
        self._connection: psycopg.Connection | None = None
        self._ends: Callable[[], bool] = self._stopping.is_set
        self._watchdog = Watchdog(self._program_ends)
        self._was_claimed = False
        self._released: queue.SimpleQueue[Group] = queue.SimpleQueue()
        self._held_away = 0  # released messages that are on their way to the store
        self._reported = {"connections": 0, "sessions_lost": 0, "identity_conflicts": 0}
        self._load_lock = threading.Lock()
        self._errands = ErrandProcess(database_url)
        self._thread = threading.Thread(target=self._watch, name="registrar", daemon=True)
        self.registry: Registry
        self.clocks = Clocks()
        self.arrivals = Arrivals()

    def load(self, is_stopping: Callable[[], bool], *, drains: bool = False, restarted: bool = False) -> None:
        """Become the worker, as soon as no other process is it, and read the registry; before `start`.

        Raises
        ------
        Stopped
            When the program ends before.
        psycopg.OperationalError
            When the store is away.
        """
        self._ends = is_stopping
        if self._connection is not None:
            self._connection.close()  # else it would hold our own claim against us
        self._connection = connection = connect(self._database_url, name=f"hedgerow {self._worker} registrar")
        self._claim(connection, is_stopping)
        state = "draining" if drains else "working"
        with self._watchdog.watching(connection):
            connection.execute(query("end_leftovers"), {"name": f"hedgerow {self._worker}"})
            connection.execute(query("start_worker"), {"worker": self._worker, "state": state, "restarted": restarted})
            self._load(connection)
        self._was_claimed = True

    def start(self) -> None:
        """Go on in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the background work and give up the worker's name; a store that hangs keeps nobody from ending."""
        self._stopping.set()
        self._thread.join(_STOP_WITHIN_S)
        self._errands.stop()

    def released_groups(self) -> list[Group]:
        """Held messages whose devices are registered by now, ready for the path."""
        groups = []
        while not self._released.empty():
            groups.append(self._released.get())
        return groups

    def held_are_stored(self, count: int) -> None:
        """Say that so many released messages are committed: when all are, the next ones may follow."""
        self._held_away -= count

    def with_series(self, registry: Registry, missing: Sequence[tuple[int, int]], is_stopping: Callable[[], bool]) -> Registry:
        """Make the series of (place, metric) positions of `registry`, and give the registry that has them.

        Tries until it succeeds: without them the readings could not be stored.

        Raises
        ------
        Stopped
            When the program ends before the store could be reached.
        """
        places = [registry.places[place] for place, _ in missing]
        values = {
            "sites": [site for site, _ in places],
            "metrics": [int(registry.metric_ids[metric]) for _, metric in missing],
            "channels": [channel for _, channel in places],
        }
        while not is_stopping():
            try:
                with self._watched() as connection:
                    connection.execute(query("add_series"), values)
                    self._load(connection)
                    return self.registry
            except psycopg.IntegrityError:
                self._reload()  # a site or metric has gone meanwhile: look at the registry as it is now
                return self.registry
            except psycopg.Error as error:
                log.warning("cannot make series, trying again: %s", str(error).strip())
                self._stopping.wait(_BEAT_S)
        raise Stopped

    def reload(self, is_stopping: Callable[[], bool]) -> None:
        """Read the registry again at once: what was resolved by the one we have may not be stored.

        Raises
        ------
        Stopped
            When the program ends before the store could be reached.
        """
        while not is_stopping():
            try:
                return self._reload()
            except psycopg.Error as error:
                log.warning("cannot read the registry, trying again: %s", str(error).strip())
                self._stopping.wait(_BEAT_S)
        raise Stopped

    def _reload(self) -> None:
        with self._watched() as connection:
            self._load(connection)

    @contextmanager
    def _watched(self) -> Iterator[psycopg.Connection]:
        """Give a connection for one purpose, and cut it should the store hang."""
        with (
            connect(self._database_url, name=f"hedgerow {self._worker} series") as connection,
            self._watchdog.watching(connection),
        ):
            yield connection

    def _program_ends(self) -> bool:
        return self._ends()

    def _load(self, connection: psycopg.Connection) -> None:
        with self._load_lock:
            self.registry = load_registry(connection)

    def _open(self) -> psycopg.Connection:
        """Give the connection that `load` made; a new one once that is lost."""
        connection, self._connection = self._connection, None
        return connection or connect(self._database_url, name=f"hedgerow {self._worker} registrar")

    def _claim(self, connection: psycopg.Connection, is_stopping: Callable[[], bool]) -> None:
        began, told = time.monotonic(), False
        while not _is_ours(connection, self._worker):
            if is_stopping():
                raise Stopped
            if not told and time.monotonic() - began > _CLAIM_PATIENCE_S:
                log.error("another process uses our identity %s: we wait until it ends", self._worker)
                connection.execute(query("count_identity_conflict"), {"worker": self._worker})
                if self._was_claimed:
                    raise IdentityTaken
                told = True
            time.sleep(_CLAIM_EVERY_S)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._open() as connection:
                    self._claim(connection, self._stopping.is_set)
                    connection.execute("LISTEN hedgerow_registry")
                    connection.execute("LISTEN hedgerow_held")
                    self._load(connection)
                    self._watch_connected(connection)
            except Stopped:
                return
            except psycopg.Error as error:
                log.warning("registrar lost the store, trying again: %s", str(error).strip().replace("\n", " "))
                self._stopping.wait(_BEAT_S)

    def _watch_connected(self, connection: psycopg.Connection) -> None:
        next_report = 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= next_report:
                self._report(connection)
                self._errands.look(connection)
                next_report = time.monotonic() + _BEAT_S
            if self.clocks.is_due():
                self._note_clocks(connection)
            if self.arrivals.is_due():
                self._note_arrivals(connection)
            self._release(connection)
            pause_s = _RELEASE_S if self._held_away else _BEAT_S
            channels = {notice.channel for notice in connection.notifies(timeout=pause_s, stop_after=1)}
            if "hedgerow_registry" in channels:
                began = time.monotonic()
                self._load(connection)
                self._release(connection)
                # Registering thousands one by one must not keep us reading the registry all the time.
                self._stopping.wait(2 * (time.monotonic() - began))
        self._note_clocks(connection)
        self._note_arrivals(connection)

    def _note_arrivals(self, connection: psycopg.Connection) -> None:
        rows = self.arrivals.take()
        try:
            connection.execute(query("note_arrivals"), rows)
        except psycopg.Error:
            self.arrivals.put_back(rows)
            raise

    def _note_clocks(self, connection: psycopg.Connection) -> None:
        for rows in self.clocks.take():
            connection.execute(query("note_clocks"), rows)

    def _release(self, connection: psycopg.Connection) -> None:
        if self._held_away:
            return
        leads = connection.execute(query("lead_release")).fetchone()
        if leads is None or not leads[0]:
            return
        rows = connection.execute(
            query("list_releasable_held"), {"most": _MOST_HELD, "most_bytes": _MOST_HELD_BYTES}
        ).fetchall()
        if rows:
            self._held_away = len(rows)  # nothing is away now, so the writer does not touch it
            messages = [
                Message(topic, bytes(payload), received_us, 0, 0, may_be_repeated=False)
                for _, topic, payload, received_us in rows
            ]
            self._released.put(group_of(messages, held_uids=[row[0] for row in rows]))
            self._session.arrivals.wake()

    def _report(self, connection: psycopg.Connection) -> None:
        seen = {name: getattr(self._session, name) for name in self._reported}
        connection.execute(
            query("report_worker"),
            {
                "worker": self._worker,
                "connected": self._session.connected,
                "queue_messages": self._session.arrivals.unacknowledged,
                "stored_until_us": self._session.arrivals.stored_until_us,
                "broker_dropped": self._drops.dropped if self._drops else None,
                **{name: count - self._reported[name] for name, count in seen.items()},
            },
        )
        self._reported = seen


def _is_ours(connection: psycopg.Connection, worker: str) -> bool:
    row = connection.execute(query("claim_worker"), {"worker": worker}).fetchone()
    return bool(row and row[0])
