"""One ingest process: assignment → store → session → path, and a clean stop.

Alone it is the program itself; the processes of several workers are started by `ingest/workers.py`, which writes the assignment
to their standard input and keeps that open: when it closes, whoever started us is gone, and we end too.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from psycopg.errors import QueryCanceled

from ingest.assignment import Assignment
from ingest.broker import BrokerDrops
from ingest.deliveries import Deliveries, enough
from ingest.pipeline import Pipeline
from ingest.receive import MqttSession
from ingest.receive_paho import PahoSession
from ingest.recent import Recent
from ingest.registrar import Registrar
from ingest.retention import Retention
from ingest.rollups import Rollups
from ingest.store import Stopped, Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from types import FrameType

    from ingest.session import Session
    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_ALLOCATIONS_BETWEEN_COLLECTIONS = 200_000


def run(assignment: Assignment) -> None:
    """Ingest until SIGTERM or SIGINT, or until the session is empty where that is all there is to do.

    What is not acknowledged by then stays at the broker.
    """
    settings, worker = assignment.settings, assignment.worker
    stopping = _stop_when_told()
    failed = _stop_when_a_thread_fails(stopping)
    if settings.auto_acknowledge:
        log.error("TEST ONLY: messages are acknowledged before they are stored and will be lost in a crash")
    session = _session(assignment)
    drops = BrokerDrops(settings)
    registrar = Registrar(settings.database_url, worker, session, drops)
    known = enough(settings.receive_maximum, packet_ids_last=settings.mqtt_keeps_packet_ids)
    try:
        deliveries, recent = _load_when_store_is_there(assignment, registrar, stopping, known)
    except Stopped:
        log.info("stopped before there was anything to do")
        return
    # Messages die with their group: looking for cycles among them costs a third of parsing and finds none.
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    store = Store(settings.database_url, worker, deliveries=known, is_stopping=stopping.is_set)
    pipeline = Pipeline(settings, session, registrar, store, deliveries, stopping, recent)
    rollups, retention = Rollups(settings.database_url, worker), Retention(settings.database_url, worker)
    try:
        registrar.start()
        rollups.start()
        retention.start()
        session.open()
        drops.start()
        if assignment.drains and isinstance(session, MqttSession):
            _stop_when_empty(session, stopping)
        if not pipeline.run():
            failed.set()
    finally:
        drops.stop()
        session.close(ends_session=assignment.drains)
        if session.is_ended:
            _retire(settings.database_url, worker)
        rollups.stop()
        retention.stop()
        registrar.stop()
    if failed.is_set():
        raise SystemExit(1)


def main() -> None:
    """Do what standard input says, until it closes."""
    assignment = Assignment.from_json(sys.stdin.buffer.readline())
    log_to_stdout(assignment.worker)
    threading.Thread(target=end_with_input, name="input", daemon=True).start()
    run(assignment)


def log_to_stdout(worker: str) -> None:
    """Log lines to standard output, each with the name of who writes it."""
    form = f"%(asctime)s %(levelname)s {worker} %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stdout)


def end_with_input() -> None:
    """End this process when its standard input closes: whoever started it is gone."""
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: a buffer's lock held at the end of the process would abort it
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _retire(database_url: str, worker: str) -> None:
    with connect(database_url, name=f"hedgerow {worker} end") as connection:
        connection.execute(query("retire_worker"), {"worker": worker})
    log.info("%s is retired: its session was empty and is ended", worker)


def _session(assignment: Assignment) -> Session:
    kind = MqttSession if assignment.settings.mqtt_version == "5" else PahoSession
    return kind(assignment.settings, assignment.subscription)


def _stop_when_told() -> threading.Event:
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def _stop_when_empty(session: MqttSession, stopping: threading.Event) -> None:
    """End a program that only drains, as soon as the session holds nothing and everything is taken from it."""

    def look() -> None:
        while not stopping.wait(0.1):
            if session.is_empty and not session.arrivals.waiting_bytes:
                stopping.set()

    threading.Thread(target=look, name="drain", daemon=True).start()


def _stop_when_a_thread_fails(stopping: threading.Event) -> threading.Event:
    """End the program when a thread ends by a defect: a part that works no more must not look alive."""
    failed = threading.Event()

    def fail(arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread else "?"
        log.critical("the thread %s failed; the program ends", name, exc_info=arguments.exc_value)
        failed.set()
        stopping.set()

    threading.excepthook = fail
    return failed


def _load_when_store_is_there(
    assignment: Assignment, registrar: Registrar, stopping: threading.Event, known: int
) -> tuple[Deliveries, Recent]:
    while True:
        try:
            registrar.load(stopping.is_set, drains=assignment.drains, restarted=assignment.restarted)
            return _read_deliveries(assignment.settings, known), _read_recent(assignment.settings)
        except psycopg.OperationalError as error:
            log.warning("waiting for the store: %s", str(error).strip().replace("\n", " "))
        if stopping.wait(0.5):
            raise Stopped


def _read_deliveries(settings: IngestSettings, known: int) -> Deliveries:
    deliveries = Deliveries(known, packet_ids_last=settings.mqtt_keeps_packet_ids)
    with connect(settings.database_url, name=f"hedgerow {settings.mqtt_client_id} start") as connection:
        rows = connection.execute(query("list_deliveries"), {"worker": settings.mqtt_client_id})
        for digests, packet_ids, received_us in rows:
            deliveries.remember(
                np.frombuffer(digests, np.int64), np.frombuffer(packet_ids, np.uint16), np.frombuffer(received_us, np.int64)
            )
    return deliveries


def _read_recent(settings: IngestSettings) -> Recent:
    """Read what readings are held against; a store that takes too long over it keeps nobody from ingesting."""
    recent = Recent()
    with connect(settings.database_url, name=f"hedgerow {settings.mqtt_client_id} start") as connection:
        try:
            recent.fill(connection.execute(query("list_recent")), connection.execute(query("list_recent_humidity")))
        except QueryCanceled:
            log.warning("the store takes too long to say what came last: the first readings are held against none before them")
    return recent


if __name__ == "__main__":
    main()
