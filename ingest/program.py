"""The ingest program: settings → store → session → path, and a clean stop."""

from __future__ import annotations

import gc
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from ingest.deliveries import Deliveries
from ingest.pipeline import Pipeline
from ingest.receive import MqttSession
from ingest.receive_paho import PahoSession
from ingest.registrar import Registrar
from ingest.store import Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from types import FrameType

    from ingest.session import Session
    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_ALLOCATIONS_BETWEEN_COLLECTIONS = 200_000


def run(settings: IngestSettings) -> None:
    """Ingest until SIGTERM or SIGINT; what is not acknowledged by then stays at the broker."""
    worker = settings.mqtt_client_id
    if settings.auto_acknowledge:
        log.error("TEST ONLY: messages are acknowledged before they are stored and will be lost in a crash")
    session: Session = MqttSession(settings) if settings.mqtt_version == "5" else PahoSession(settings)
    registrar = Registrar(settings.database_url, worker, session)
    enough = 2 * settings.receive_maximum
    deliveries = _load_when_store_is_there(settings, registrar, enough)
    # Messages die with their group: looking for cycles among them costs a third of parsing and finds none.
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    stopping = threading.Event()
    failed = _stop_when_a_thread_fails(stopping)
    store = Store(settings.database_url, worker, deliveries=enough, is_stopping=stopping.is_set)
    pipeline = Pipeline(settings, session, registrar, store, deliveries, stopping)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        registrar.start()
        session.open()
        if not pipeline.run():
            failed.set()
    finally:
        session.close()
        registrar.stop()
    if failed.is_set():
        raise SystemExit(1)


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


def _load_when_store_is_there(settings: IngestSettings, registrar: Registrar, enough: int) -> Deliveries:
    while True:
        try:
            registrar.load()
            return _read_deliveries(settings, enough)
        except psycopg.OperationalError as error:
            log.warning("waiting for the store: %s", str(error).strip().replace("\n", " "))
            time.sleep(0.5)


def _read_deliveries(settings: IngestSettings, enough: int) -> Deliveries:
    deliveries = Deliveries(enough, packet_ids_last=settings.mqtt_keeps_packet_ids)
    with connect(settings.database_url, name=f"hedgerow {settings.mqtt_client_id} start") as connection:
        rows = connection.execute(query("list_deliveries"), {"worker": settings.mqtt_client_id})
        for digests, packet_ids, received_us in rows:
            deliveries.remember(
                np.frombuffer(digests, np.int64), np.frombuffer(packet_ids, np.uint16), np.frombuffer(received_us, np.int64)
            )
    return deliveries
