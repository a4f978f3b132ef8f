"""Workers: the processes that one `hedgerow ingest` is made of; one that dies is started again, said and counted."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import psycopg

from ingest.assignment import Form, gone_sources, plan
from ingest.program import run
from ingest.settle import settle
from ingest.sources import read_sources
from ingest.worker import Worker
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.assignment import Assignment
    from ingest.settings import IngestSettings
    from ingest.sources import SourceSettings

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_LOOK_EVERY_S = 0.05
_LOOK_AGAIN_S = 0.5
_STOP_WITHIN_S = 9.0
"""Below the ten seconds after which Docker kills; a store that hangs is given up after five."""


def ingest(settings: IngestSettings) -> None:
    """Ingest with as many processes as the settings and the sources ask for, until SIGTERM or SIGINT.

    Raises
    ------
    ingest.sources.SourcesError, ingest.assignment.AssignmentError
        When it cannot start; the text says what to do.
    SystemExit
        With the exit code of a worker that failed.
    """
    sources = read_sources(settings.sources_file) if settings.sources_file else []
    plan(settings, sources)  # what cannot be had is said before the store is asked
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    known = _when_store_is_there(stopping, lambda: _known_workers(settings, sources))
    if known is None:
        return
    assignments = plan(settings, sources, known)
    if len(assignments) == 1:
        run(assignments[0])
    else:
        code = Supervisor(assignments, stopping).run()
        if code:
            raise SystemExit(code)


class Supervisor:
    """Starts the workers in an order in which nothing is dealt twice, and watches over them."""

    def __init__(self, assignments: Sequence[Assignment], stopping: threading.Event) -> None:
        self._first = next(assignment for assignment in assignments if not assignment.drains)
        self._workers = [Worker(one, may_leave_share=one.form is Form.SHARED and one is not self._first) for one in assignments]
        self._stopping = stopping

    def run(self) -> int:
        """Work until told to stop; gives the exit code: that of a worker that failed to stop well, else 0."""
        ours = [worker for worker in self._workers if not worker.assignment.is_source]
        for worker in self._workers:
            if worker not in ours:  # other brokers wait for nobody
                worker.start()
        self._settle()
        for worker in ours:
            if not self._stopping.is_set():
                worker.start()
        while not self._stopping.wait(_LOOK_EVERY_S):
            for worker in list(self._workers):
                if worker.watch(self._stopping.is_set):
                    self._workers.remove(worker)
        return self._stop()

    def _settle(self) -> None:
        """Bring subscriptions from their old form to the new before anybody works, each message being dealt once throughout.

        Retired workers leave their share when the first worker is in it, for with nobody there messages would be dealt to
        nobody, and lost. Then the first worker, which may be alone from now on, takes what it is to have; only then do the
        others come in. One that may have been alone comes into the share before another does.
        """
        if self._first.settings.mqtt_version != "5":
            return
        retired = [worker.assignment for worker in self._workers if worker.assignment.drains]
        joining = [one.sharing() for one in retired] if self._first.settings.live_first else []
        before = [*joining, self._first.sharing()] if retired else []
        for assignment in [*before, *retired, self._first]:
            while not self._settle_one(assignment) and not self._stopping.wait(_LOOK_AGAIN_S):
                log.warning("waiting for the broker, or for the process that was %s before us", assignment.worker)

    def _settle_one(self, assignment: Assignment) -> bool:
        return bool(_when_store_is_there(self._stopping, lambda: settle(assignment, self._stopping.is_set)))

    def _stop(self) -> int:
        for worker in self._workers:
            worker.ask_to_stop()
        give_up = time.monotonic() + _STOP_WITHIN_S
        codes = [worker.stopped(give_up) for worker in self._workers]
        return max(codes, default=0)


def _known_workers(settings: IngestSettings, sources: Sequence[SourceSettings]) -> list[str]:
    """Name the workers that have a session at a broker; those of sources that are gone are retired, as nobody can ask them."""
    with connect(settings.database_url, name=f"hedgerow {settings.mqtt_client_id} workers") as connection:
        known = [str(row[0]) for row in connection.execute(query("list_worker_names"))]
        for name in gone_sources(sources, known):
            log.warning("%s is in the sources file no more; what may wait for it at its broker is not fetched", name)
            connection.execute(query("retire_worker"), {"worker": name})
    return known


def _when_store_is_there(stopping: threading.Event, do: Callable[[], _T]) -> _T | None:
    """Do something that needs the store, as soon as it answers; None when told to stop before."""
    while not stopping.is_set():
        try:
            return do()
        except psycopg.OperationalError as error:
            log.warning("waiting for the store: %s", str(error).strip().replace("\n", " "))
        stopping.wait(_LOOK_AGAIN_S)
    return None
