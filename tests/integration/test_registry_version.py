"""Readings on their way while deployments of times that have passed change: none comes to the line of before."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.deliveries import Deliveries
from ingest.message import Message, group_of
from ingest.pipeline import Pipeline
from ingest.receive import MqttSession
from ingest.registrar import Registrar
from ingest.settings import IngestSettings
from ingest.store import Outdated, Store
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.message import Group

_NOW_US = int(time.time() * 1e6)
_LINES = (
    "SELECT code, value FROM {} JOIN series USING (series_id) JOIN site USING (site_id) JOIN metric USING (metric_id)"
    " WHERE key = 'air_temperature' ORDER BY code, value"
)


@pytest.fixture
def path(database: str) -> Iterator[tuple[Pipeline, Store]]:
    """Give the path behind the broker, with one device at a site, and another site."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO site (code, name) VALUES ('mill', 'Mill'), ('weir', 'Weir')")
        connection.execute("INSERT INTO device (uid, name, profile_id) VALUES ('d1', 'd1', 1)")
        connection.execute("INSERT INTO deployment (device_id, site_id, during) VALUES (1, 1, '(,)')")
    settings = IngestSettings(database_url=database)
    stopping = threading.Event()
    session = MqttSession(settings)
    registrar = Registrar(database, "w", session)
    registrar.load(stopping.is_set)
    store = Store(database, "w", deliveries=100, is_stopping=stopping.is_set)
    yield Pipeline(settings, session, registrar, store, Deliveries(100, packet_ids_last=True), stopping), store
    store.close()
    registrar.start()
    registrar.stop()


def _group(value: int) -> Group:
    payload = b'{"temperature":%d}' % value
    return group_of([Message("hedgerow/v1/d1/up", payload, _NOW_US + value, value, 1, False)])


def _move(connection: psycopg.Connection) -> None:
    """Find out, as an action does, that the device was at the other site all the time."""
    connection.execute("UPDATE deployment SET site_id = 2")
    connection.execute("INSERT INTO series (site_id, metric_id) SELECT 2, metric_id FROM series")
    connection.execute("UPDATE reading SET series_id = (SELECT max(series_id) FROM series)")
    connection.execute("DELETE FROM latest")
    connection.execute(query("outdate_registry"))


def _lines(database: str, table: str) -> list[tuple[str, float]]:
    with psycopg.connect(database) as connection:
        return [(code, value) for code, value in connection.execute(_LINES.format(table).encode())]


def test_readings_resolved_before_an_action_are_resolved_again(database: str, path: tuple[Pipeline, Store]) -> None:
    """What was resolved by the registry of before is not stored by it: the path reads the registry again and stores rightly."""
    pipeline, store = path
    pipeline._write(pipeline.process(_group(1)))  # noqa: SLF001
    late = pipeline.process(_group(2))
    with psycopg.connect(database) as connection:
        _move(connection)

    with pytest.raises(Outdated):
        store.write(late)
    assert _lines(database, "reading") == [("weir", 1.0)]
    pipeline._write(late)  # noqa: SLF001

    assert _lines(database, "reading") == [("weir", 1.0), ("weir", 2.0)]


def test_readings_stored_while_an_action_is_under_way_wait_for_it(database: str, path: tuple[Pipeline, Store]) -> None:
    """An action that is not committed yet keeps readings waiting, and then they come to the new line."""
    pipeline, _ = path
    pipeline._write(pipeline.process(_group(1)))  # noqa: SLF001
    with psycopg.connect(database) as action, psycopg.connect(database, autocommit=True) as look:
        action.execute(query("lock_registry"))
        writing = threading.Thread(target=lambda: pipeline._write(pipeline.process(_group(2))))  # noqa: SLF001
        writing.start()
        while look.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() != (1,):
            assert writing.is_alive(), "it was stored by the registry of before"
            time.sleep(0.01)
        _move(action)
        action.commit()
        writing.join(30)

    assert _lines(database, "reading") == [("weir", 1.0), ("weir", 2.0)]


def test_last_values_that_wait_while_readings_move_are_not_written(database: str, path: tuple[Pipeline, Store]) -> None:
    """A last value whose reading came to another line meanwhile is not the last value of the line it has left."""
    pipeline, store = path
    pipeline._write(pipeline.process(_group(1)))  # noqa: SLF001
    with psycopg.connect(database) as connection:
        _move(connection)

    store.write_latest(all_of_it=True)

    assert _lines(database, "latest") == []
