"""The store against the real database: what a lost answer, a race or a dropped partition must not change."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from devices.registry import load_registry
from ingest.check import check
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.prepared import prepare
from ingest.resolve import resolve
from ingest.store import Overtaken, Refused, Stopped, Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from devices.registry import Registry
    from ingest.batch import Batch
    from ingest.message import Group
    from ingest.prepared import Prepared
    from ingest.resolve import Resolved

_NOW_US = int(time.time() * 1e6)
_TIME_S = 1_700_000_000


@pytest.fixture
def registry(database: str) -> Registry:
    """Give a registry with one device that speaks of any time, and its series."""
    return _registry_of(database)


def _prepared(registry: Registry, *payloads: bytes, at_us: int = _NOW_US) -> Prepared:
    messages = [Message("hedgerow/v1/d1/up", payload, at_us + i, i + 1, 1, False) for i, payload in enumerate(payloads)]
    group = group_of(messages)
    found = resolve(decode(group), group, registry)
    assert not found.missing
    return prepare(group, found, check(found.batch, registry))


def _temperature(time_s: int, value: float) -> bytes:
    return b'{"time":%d,"temperature":%f}' % (time_s, value)


def _store(database: str, worker: str = "w", *, stopping: bool = False) -> Store:
    return Store(database, worker, deliveries=100, is_stopping=lambda: stopping)


def _row(database: str, statement: str) -> tuple[object, ...]:
    with psycopg.connect(database) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return tuple(row)


def test_store_answer_to_commit_lost_counts_the_group_once(
    database: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after COMMIT came through: the group is found again by its delivery, not written twice."""
    store = _store(database)
    write = store._write_to  # noqa: SLF001
    broken: list[bool] = []

    def break_after_commit(connection: psycopg.Connection, prepared: Prepared) -> int:
        stored = write(connection, prepared)
        if not broken:
            broken.append(True)
            raise psycopg.OperationalError("the answer to COMMIT was lost")
        return stored

    monkeypatch.setattr(store, "_write_to", break_after_commit)
    store.write(_prepared(registry, _temperature(_TIME_S, 1), b"nonsense"))
    store.close()

    counted = _row(
        database, "SELECT messages, readings, readings_stored, readings_duplicate FROM ingest_status WHERE worker = 'w'"
    )
    assert counted == (2, 1, 1, 0)
    assert _row(database, "SELECT count(*) FROM delivery") == (1,)
    assert _row(database, "SELECT count(*) FROM quarantine") == (1,)


def test_store_old_deliveries_are_forgotten_now_and_then(database: str, registry: Registry) -> None:
    """Of a hundred deliveries to know at least a hundred stay and never many more, however small the groups."""
    store = _store(database)
    for i in range(150):
        store.write(_prepared(registry, _temperature(_TIME_S + i, 1), at_us=_NOW_US + i))
    store.close()

    (kept,) = _row(database, "SELECT count(*) FROM delivery")
    assert isinstance(kept, int)
    assert 100 <= kept <= 112


def test_store_commit_still_under_way_is_waited_for(database: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is given up while its COMMIT hangs: the group is not written beside it, archived twice and counted twice."""
    store = _store(database)
    write = store._write_to  # noqa: SLF001
    hanging = psycopg.connect(database)
    timer = threading.Timer(1.0, hanging.commit)

    def hang_at_commit(connection: psycopg.Connection, prepared: Prepared) -> int:
        if timer.is_alive():
            return write(connection, prepared)
        store._ensure_partitions(connection, "reading", prepared.reading_days)  # noqa: SLF001
        store._ensure_partitions(connection, "uplink", prepared.uplink_days)  # noqa: SLF001
        for name in ("make_reading_staging", "make_quarantine_staging"):
            hanging.execute(query(name))
        store._write_rows(hanging, prepared, careful=False)  # noqa: SLF001
        timer.start()
        raise psycopg.OperationalError("given up")

    monkeypatch.setattr(store, "_write_to", hang_at_commit)
    store.write(_prepared(registry, _temperature(_TIME_S, 1)))
    store.close()
    timer.join()
    hanging.close()

    assert _row(database, "SELECT messages, readings FROM ingest_status WHERE worker = 'w'") == (1, 1)
    assert _row(database, "SELECT count(*) FROM uplink") == (1,)
    assert _row(database, "SELECT count(*) FROM delivery") == (1,)


def test_store_held_message_that_another_has_stored_is_not_stored_again(database: str, registry: Registry) -> None:
    """Two processes may have released the same message: who takes it back first stores it, and the other leaves it."""
    messages = [Message("hedgerow/v1/d1/up", _temperature(_TIME_S + i, 1), _NOW_US + i, 0, 0, False) for i in range(2)]
    group = group_of(messages, held_uids=["d1", "d1"])
    found = resolve(decode(group), group, registry)
    made = prepare(group, found, check(found.batch, registry))
    with psycopg.connect(database) as connection:
        for row, message in zip(made.released, messages, strict=True):
            connection.execute(query("hold"), {**row, "topic": message.topic, "payload": message.payload})
        connection.execute(query("release_held"), made.released[1])

    store = _store(database)
    with pytest.raises(Overtaken):
        store.write(made)
    assert _row(database, "SELECT count(*) FROM reading") == (0,)
    store.write(prepare(group.halves()[0], *_found(group.halves()[0], registry)))
    store.close()

    assert _row(database, "SELECT count(*) FROM reading") == (1,)
    assert _row(database, "SELECT count(*) FROM held") == (0,)


def _found(group: Group, registry: Registry) -> tuple[Resolved, Batch]:
    found = resolve(decode(group), group, registry)
    return found, check(found.batch, registry)


def test_store_three_writers_of_one_name_refuse_no_message(database: str, registry: Registry) -> None:
    """Two processes with one identity are a mistake of the operator, not of the data."""
    refused: list[Refused] = []

    def write(number: int) -> None:
        store = _store(database)
        for i in range(40):
            time_s = _TIME_S + 1_000 * number + i
            try:
                store.write(_prepared(registry, _temperature(time_s, i), at_us=_NOW_US + 10**9 * number + 1_000 * i))
            except Refused as error:
                refused.append(error)
        store.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert refused == []
    assert _row(database, "SELECT count(*) FROM reading") == (120,)


def test_store_key_stored_with_another_value_keeps_the_first_and_latest_shows_it(database: str, registry: Registry) -> None:
    """The value that was refused is counted as conflicting and shown nowhere."""
    store = _store(database)
    store.write(_prepared(registry, _temperature(_TIME_S, 1)))
    store.write(_prepared(registry, _temperature(_TIME_S, 2), at_us=_NOW_US + 1_000))
    store.write_latest(all_of_it=True)
    store.close()

    assert _row(database, "SELECT value FROM reading") == (1.0,)
    assert _row(database, "SELECT value FROM latest") == (1.0,)
    assert _row(database, "SELECT readings_duplicate, readings_conflicting FROM ingest_status WHERE worker = 'w'") == (1, 1)
    assert _row(database, "SELECT conflicts, kept_value, refused_value FROM reading_conflict") == (1, 1.0, 2.0)


def test_store_key_twice_in_one_group_notes_the_conflict_and_adds_up(database: str, registry: Registry) -> None:
    """Values that lose to the first of their group are noted too, one row a series and day, and not counted twice."""
    store = _store(database)
    store.write(_prepared(registry, *(_temperature(_TIME_S, value) for value in (1, 2, 1, 3))))
    store.write(_prepared(registry, *(_temperature(_TIME_S, value) for value in (4, 5)), at_us=_NOW_US + 1_000))
    store.close()

    assert _row(database, "SELECT value FROM reading") == (1.0,)
    assert _row(database, "SELECT readings_duplicate, readings_conflicting FROM ingest_status WHERE worker = 'w'") == (5, 4)
    assert _row(database, "SELECT conflicts, kept_value FROM reading_conflict") == (4, 1.0)


def test_store_latest_left_behind_by_a_crash_is_repaired_at_the_next_start(database: str, registry: Registry) -> None:
    """Last values are derived: a new writer brings them up to the readings, and never back."""
    store = _store(database)
    store.write(_prepared(registry, _temperature(_TIME_S, 1), _temperature(_TIME_S + 60, 2)))
    store.close()  # last values were still waiting
    assert _row(database, "SELECT count(*) FROM latest") == (0,)

    store = _store(database)
    store.write(_prepared(registry, _temperature(_TIME_S + 30, 3), at_us=_NOW_US + 1_000))
    store.write_latest(all_of_it=True)
    store.close()

    assert _row(database, "SELECT value, extract(epoch FROM time)::int8 FROM latest") == (2.0, _TIME_S + 60)


def test_store_partition_dropped_meanwhile_is_made_again(plain_database: str) -> None:
    """An operator who drops a month while ingest runs loses that month, not the readings that come for it."""
    registry = _registry_of(plain_database)
    store = _store(plain_database)
    store.write(_prepared(registry, _temperature(_TIME_S, 1)))
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("DROP TABLE reading_202311")

    store.write(_prepared(registry, _temperature(_TIME_S + 1, 2), at_us=_NOW_US + 1_000))
    store.close()

    assert _row(plain_database, "SELECT array_agg(value) FROM reading") == ([2.0],)


def test_store_partition_that_cannot_be_made_refuses_once(plain_database: str) -> None:
    """Where the month's table stands beside the parent the data is refused, not tried for ever."""
    registry = _registry_of(plain_database)
    store = _store(plain_database)
    store.write(_prepared(registry, _temperature(_TIME_S, 1)))
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading DETACH PARTITION reading_202311")

    with pytest.raises(Refused, match="no partition"):
        store.write(_prepared(registry, _temperature(_TIME_S + 1, 2), at_us=_NOW_US + 1_000))
    store.close()


def test_store_away_while_stopping_gives_up(registry: Registry) -> None:
    """A program that is asked to end does not wait for a store that is away; the broker keeps the messages."""
    store = _store("postgresql://nobody@127.0.0.1:1/nothing", stopping=True)

    with pytest.raises(Stopped):
        store.write(_prepared(registry, _temperature(_TIME_S, 1)))


def test_store_frozen_while_stopping_is_let_go(database: str, registry: Registry) -> None:
    """A store that hangs cannot keep a program from ending: its connection is cut after a few seconds."""
    stopping = threading.Event()
    store = Store(database, "w", deliveries=100, is_stopping=stopping.is_set)
    store.write(_prepared(registry, _temperature(_TIME_S, 1)))
    with psycopg.connect(database) as blocker:
        blocker.execute("LOCK TABLE delivery IN ACCESS EXCLUSIVE MODE")
        ended: list[BaseException] = []

        def write() -> None:
            try:
                store.write(_prepared(registry, _temperature(_TIME_S + 1, 2), at_us=_NOW_US + 1_000))
            except Stopped as stopped:
                ended.append(stopped)

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.5)
        stopping.set()
        writer.join(20)
        blocker.rollback()

    assert len(ended) == 1
    assert _row(database, "SELECT count(*) FROM reading") == (1,)


def _registry_of(database: str) -> Registry:
    with connect(database, name="test") as connection:
        connection.execute(query("start_worker"), {"worker": "w", "state": "working", "restarted": False})
        connection.execute(query("register_load_devices"), {"uids": ["d1"]})
        connection.execute(query("make_load_series"), {"metrics": ["temperature"]})
        connection.execute("UPDATE device SET profile_id = (SELECT profile_id FROM device_profile WHERE key = 'historical')")
        return load_registry(connection)
