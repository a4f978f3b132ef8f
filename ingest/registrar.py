"""Registrar: keeps the registry in memory current, releases held messages, makes new series and tells that we are alive."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

import psycopg

from devices.registry import Registry, load_registry
from ingest.message import Group, Message, group_of
from ingest.store import Stopped
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.session import Session

log = logging.getLogger(__name__)

_BEAT_S = 1.0
_MOST_HELD = 2_000
_MOST_HELD_BYTES = 8 * 2**20


class Registrar:
    """Watches the registry from a thread of its own, with a connection of its own."""

    def __init__(self, database_url: str, worker: str, session: Session) -> None:
        self._database_url = database_url
        self._worker = worker
        self._session = session
        self._stopping = threading.Event()
        self._released: queue.SimpleQueue[Group] = queue.SimpleQueue()
        self._held_away = threading.Event()  # set while released messages are on their way to the store
        self._reported = {"connections": 0, "sessions_lost": 0}
        self._load_lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="registrar")
        self.registry: Registry

    def load(self) -> None:
        """Read the registry once; before `start`."""
        with connect(self._database_url, name=f"hedgerow {self._worker} registrar") as connection:
            connection.execute(query("start_worker"), {"worker": self._worker})
            self._load(connection)

    def start(self) -> None:
        """Go on in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the background work."""
        self._stopping.set()
        self._thread.join()

    def released_groups(self) -> list[Group]:
        """Held messages whose devices are registered by now, ready for the path."""
        groups = []
        while not self._released.empty():
            groups.append(self._released.get())
        return groups

    def held_are_stored(self) -> None:
        """Say that the released messages are committed: the next ones may follow."""
        self._held_away.clear()

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
                with connect(self._database_url, name=f"hedgerow {self._worker} series") as connection:
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

    def _reload(self) -> None:
        with connect(self._database_url, name=f"hedgerow {self._worker} series") as connection:
            self._load(connection)

    def _load(self, connection: psycopg.Connection) -> None:
        with self._load_lock:
            self.registry = load_registry(connection)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._database_url, name=f"hedgerow {self._worker} registrar") as connection:
                    connection.execute("LISTEN hedgerow_registry")
                    self._load(connection)
                    self._watch_connected(connection)
            except psycopg.Error as error:
                log.warning("registrar lost the store, trying again: %s", str(error).strip().replace("\n", " "))
                self._stopping.wait(_BEAT_S)

    def _watch_connected(self, connection: psycopg.Connection) -> None:
        while not self._stopping.is_set():
            self._report(connection)
            self._release(connection)
            changed = list(connection.notifies(timeout=_BEAT_S, stop_after=1))
            if changed:
                began = time.monotonic()
                self._load(connection)
                self._release(connection)
                # Registering thousands one by one must not keep us reading the registry all the time.
                self._stopping.wait(2 * (time.monotonic() - began))

    def _release(self, connection: psycopg.Connection) -> None:
        if self._held_away.is_set():
            return
        leads = connection.execute(query("lead_release")).fetchone()
        if leads is None or not leads[0]:
            return
        rows = connection.execute(
            query("list_releasable_held"), {"most": _MOST_HELD, "most_bytes": _MOST_HELD_BYTES}
        ).fetchall()
        if rows:
            self._held_away.set()
            messages = [
                Message(topic, bytes(payload), received_us, 0, 0, may_be_repeated=False)
                for _, topic, payload, received_us in rows
            ]
            self._released.put(group_of(messages, held_uids=[row[0] for row in rows]))

    def _report(self, connection: psycopg.Connection) -> None:
        seen = {"connections": self._session.connections, "sessions_lost": self._session.sessions_lost}
        connection.execute(
            query("report_worker"),
            {
                "worker": self._worker,
                "connected": self._session.connected,
                "queue_messages": self._session.arrivals.unacknowledged,
                **{name: count - self._reported[name] for name, count in seen.items()},
            },
        )
        self._reported = seen
