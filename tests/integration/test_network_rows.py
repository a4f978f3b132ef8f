"""Radio and events in the store: written with the readings, and once when the same group is written again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg

from devices.registry import load_registry
from devices.topics import chirpstack_topic
from ingest.check import check
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.prepared import prepare
from ingest.resolve import resolve
from ingest.store import Store
from sql.queries import query
from tests.unit.devices.chirpstack_events import GOLDEN
from tests.unit.devices.network_examples import APPLICATION, EUI, TIME_US

if TYPE_CHECKING:
    from ingest.prepared import Prepared

_ARCHIVED = """
    SELECT count(*) FROM uplink_radio
    JOIN (SELECT DISTINCT device_id, received_at, digest FROM uplink) AS u USING (device_id, received_at, digest)
"""
_RADIO = "SELECT session, f_cnt, gateway, rssi, spreading_factor, time FROM uplink_radio"


def _prepared(database: str) -> Prepared:
    """Prepare an uplink and a join of a device that is registered and has its series."""
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO site (code, name) VALUES ('s', 'S')")
        connection.execute("INSERT INTO device (uid, name, profile_id) VALUES (%s, 'D', 1)", (EUI,))
        connection.execute("INSERT INTO deployment (device_id, site_id, during) SELECT device_id, 1, '(,)' FROM device")
        connection.execute("INSERT INTO series (site_id, metric_id) SELECT 1, metric_id FROM metric")
        connection.execute(query("start_worker"), {"worker": "w", "state": "working", "restarted": False})
        connection.commit()
        registry = load_registry(connection)
    messages = [
        Message(chirpstack_topic(APPLICATION, EUI, event), json.dumps(GOLDEN[event]).encode(), TIME_US + i, i + 1, 1, False)
        for i, event in enumerate(("up", "join"))
    ]
    group = group_of(messages)
    found = resolve(decode(group, registry), group, registry)
    return prepare(group, found, check(found.batch, registry))


def _rows(database: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_store_group_with_radio_written_again_keeps_one_row_of_each(database: str) -> None:
    """The fast way and, once its keys are there, the careful one: the same rows, once."""
    prepared = _prepared(database)
    store = Store(database, "w", deliveries=100, is_stopping=lambda: False)
    first, again = store.write(prepared), store.write(prepared)
    store.close()

    assert (first, again) == (6, 0)
    assert [row[:5] for row in _rows(database, _RADIO)] == [("01ab23cd", 1042, "b827ebfffe3d4e5f", -97.0, 7)]
    assert [int(row[5].timestamp() * 1_000_000) for row in _rows(database, _RADIO)] == [TIME_US]
    assert _rows(database, "SELECT kind, detail FROM device_event") == [("join", "joined as device address 01ab23cd")]
    assert _rows(database, _ARCHIVED) == [(1,)]
