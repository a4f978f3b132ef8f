"""The ingest program: settings → store → session → path, and a clean stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from ingest.deliveries import Deliveries
from ingest.pipeline import Pipeline
from ingest.receive import PahoSession
from ingest.registrar import Registrar
from ingest.store import Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from types import FrameType

    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)


def run(settings: IngestSettings) -> None:
    """Ingest until SIGTERM or SIGINT; what is not acknowledged by then stays at the broker."""
    worker = settings.mqtt_client_id
    if settings.auto_acknowledge:
        log.error("TEST ONLY: messages are acknowledged before they are stored and will be lost in a crash")
    session = PahoSession(settings)
    registrar = Registrar(settings.database_url, worker, session)
    enough = 2 * settings.receive_maximum
    deliveries = _start_when_store_is_there(settings, registrar, enough)
    stopping = threading.Event()
    store = Store(settings.database_url, worker, deliveries=enough, is_stopping=stopping.is_set)
    pipeline = Pipeline(settings, session, registrar, store, deliveries, stopping)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    session.open()
    try:
        pipeline.run()
    finally:
        session.close()
        registrar.stop()


def _start_when_store_is_there(settings: IngestSettings, registrar: Registrar, enough: int) -> Deliveries:
    while True:
        try:
            registrar.start()
            return _read_deliveries(settings, enough)
        except psycopg.OperationalError as error:
            log.warning("waiting for the store: %s", str(error).strip().replace("\n", " "))
            time.sleep(0.5)


def _read_deliveries(settings: IngestSettings, enough: int) -> Deliveries:
    deliveries = Deliveries(enough)
    with connect(settings.database_url, name=f"hedgerow {settings.mqtt_client_id} start") as connection:
        for keys, received_us in connection.execute(query("list_deliveries"), {"worker": settings.mqtt_client_id}):
            deliveries.remember(np.frombuffer(keys, np.int64), np.frombuffer(received_us, np.int64))
    return deliveries
