"""What the registrar tells of its worker while the writer stands still."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from ingest.receive import MqttSession
from ingest.registrar import Registrar
from ingest.settings import IngestSettings


def test_report_while_a_message_waits_says_until_when_all_is_stored(plain_database: str) -> None:
    """The worker goes on to speak, and what it received first stays the bound until that is stored."""
    session = MqttSession(IngestSettings(database_url=plain_database, mqtt_client_id="w"))
    registrar = Registrar(plain_database, "w", session)
    session.arrivals.put([b"t"], [b"x"], np.array([1], np.uint16), np.array([False]))
    received = datetime.fromtimestamp(session.arrivals.stored_until_us / 1e6, UTC)
    registrar.load(lambda: False)
    registrar.start()
    try:
        with psycopg.connect(plain_database, autocommit=True) as connection:
            first = _next_word(connection, datetime.now(UTC))
            assert abs(first - received) < timedelta(milliseconds=1)
            assert _next_word(connection, datetime.now(UTC)) == first
            session.arrivals.stored(1)
            stored = datetime.now(UTC)
            _next_word(connection, stored)  # it may have looked before
            assert _next_word(connection, datetime.now(UTC)) >= stored
    finally:
        registrar.stop()


def _next_word(connection: psycopg.Connection, after: datetime) -> datetime:
    """Wait for what the worker says next, and give until when it says all is stored."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        found = connection.execute("SELECT stored_until FROM ingest_status WHERE updated_at > %s", (after,)).fetchone()
        if found is not None and found[0] is not None:
            until: datetime = found[0]
            return until
        time.sleep(0.02)
    raise AssertionError("the worker says nothing")
