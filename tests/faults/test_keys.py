"""Readings that meet: several writers with the same keys, readings of last year, one key with two values."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import psycopg

from devices.registry import load_registry
from ingest.check import check
from ingest.decode import decode
from ingest.message import Message as Arrived
from ingest.message import group_of
from ingest.prepared import prepare
from ingest.resolve import resolve
from ingest.store import Store
from sql.pool import connect
from sql.queries import query
from tests.faults.harness import SEED, report, running_trial, sized, wait_until
from tests.faults.published import assert_all_accounted_for, publish, temperature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from devices.registry import Registry
    from ingest.prepared import Prepared
    from tests.servers.mosquitto import Mosquitto

_WRITERS = 3
_DEVICES, _DEEP = 50, 40
_BELIEVED_S = 390 * 86_400
_NOW_S = int(time.time())


def _registered(database: str, worker_names: Sequence[str]) -> Registry:
    """Register devices and series, and the workers."""
    with connect(database, name="test") as connection:
        for worker in worker_names:
            connection.execute(query("start_worker"), {"worker": worker, "state": "working", "restarted": False})
        connection.execute(query("register_load_devices"), {"uids": [f"d{i}" for i in range(_DEVICES)]})
        connection.execute(query("make_load_series"), {"metrics": ["temperature"]})
        return load_registry(connection)


def _prepared(registry: Registry, keys: Sequence[tuple[int, int]], arrival_us: int) -> Prepared:
    """Prepare a group of messages of one reading: its key is device and time, its value follows from them."""
    messages = [
        Arrived(
            f"hedgerow/v1/d{device}/up",
            b'[{"bt":%d,"n":"temperature","v":%d}]' % (time_s, (device + time_s) % 40),
            arrival_us + i,
            i % 65_535 + 1,
            1,
            False,
        )
        for i, (device, time_s) in enumerate(keys)
    ]
    group = group_of(messages)
    resolved = resolve(decode(group), group, registry)
    return prepare(group, resolved, check(resolved.batch, registry))


def _deadlocks(database: str) -> int:
    """Count deadlocks, when the writers' sessions have ended: only then their statistics are complete."""
    with psycopg.connect(database, autocommit=True) as connection:

        def ended() -> bool:
            return not connection.execute("SELECT FROM pg_stat_activity WHERE application_name LIKE 'hedgerow w%'").fetchall()

        wait_until(ended, "the writers' sessions end")
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_writers_of_the_same_keys_in_random_order_never_deadlock(database: str) -> None:
    """B7: three writers store overlapping keys in random order, into ever new partitions: no deadlock, every key once."""
    rounds = sized(12, 1_500)
    names = [f"writer-{number}" for number in range(_WRITERS)]
    registry = _registered(database, names)
    stored: list[int] = []
    together = threading.Barrier(_WRITERS)
    keys_of = [
        [(device, _NOW_S - turn * _BELIEVED_S // rounds - i) for device in range(_DEVICES) for i in range(_DEEP)]
        for turn in range(rounds)
    ]

    def write(number: int) -> None:
        random = Random(SEED + number)
        store = Store(database, names[number], deliveries=100, is_stopping=lambda: False)
        for turn, keys in enumerate(keys_of):
            mine = random.sample(keys, len(keys))
            prepared = _prepared(registry, mine, (_NOW_S + turn * _WRITERS + number) * 1_000_000)
            together.wait(60)
            stored.append(store.write(prepared))
        store.close()

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, range(_WRITERS)))

    deadlocks = _deadlocks(database)
    keys = {key for keys in keys_of for key in keys}
    report(test="B7", seed=SEED, writers=_WRITERS, sent=_WRITERS * len(keys), stored=sum(stored), deadlocks=deadlocks)
    assert deadlocks == 0
    assert sum(stored) == len(keys)
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE value <> (substr(s.code, 2)::int + extract(epoch FROM time)::int8) % 40)"
            " FROM reading JOIN series USING (series_id) JOIN site s USING (site_id)"
        ).fetchall()
    assert rows == [(len(keys), 0)]


def test_deadlock_with_a_stranger_is_tried_again_and_clean(database: str) -> None:
    """B7: a transaction of somebody else that locks in another order costs a second, not a reading."""
    registry = _registered(database, ["w"])
    group = _prepared(registry, [(0, _NOW_S), (1, _NOW_S)], _NOW_S * 1_000_000)
    store = Store(database, "w", deliveries=100, is_stopping=lambda: False)
    store.write(
        _prepared(registry, [(2, _NOW_S)], _NOW_S * 1_000_000 - 10)
    )  # the partition is there: rows alone are fought for
    with psycopg.connect(database) as connection:
        low, high = connection.execute(
            "SELECT series_id FROM series JOIN site USING (site_id) WHERE code IN ('d0', 'd1') ORDER BY series_id"
        ).fetchall()
    insert = "INSERT INTO reading VALUES (%s, to_timestamp(%s), 0, 0)"
    with connect(database, name="stranger") as stranger:
        stranger.execute("SET deadlock_timeout = '60s'")  # so that the writer is the one who is thrown out
        with ThreadPoolExecutor(1) as pool, stranger.transaction(force_rollback=True):
            stranger.execute(insert, (*high, _NOW_S))
            writing = pool.submit(store.write, group)
            wait_until(lambda: _waits(database), "the writer waits for the stranger's row")
            stranger.execute(insert, (*low, _NOW_S))  # has it once the writer was thrown out
    stored = writing.result()
    store.close()

    deadlocks = _deadlocks(database)
    report(test="B7 injected", stored=stored, deadlocks=deadlocks)
    assert deadlocks == 1
    assert stored == 2


def _waits(database: str) -> bool:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'hedgerow w' AND wait_event_type = 'Lock'"
        ).fetchall()
    return bool(rows)


def test_readings_of_last_year_among_live_ones_are_stored_once(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """B8: one reading in ten is 13 months old, and all are sent twice: each is stored once; live ones do not wait for them."""
    count = sized(4_000, 100_000)
    random = Random(SEED)
    with running_trial("B8", database, mosquitto.url, tmp_path) as trial:
        uids = _uids(database)
        messages = []
        for i in range(count):
            is_late = random.random() < 0.1
            time_s = _NOW_S - count + i - (395 * 86_400 if is_late else 0)
            messages.append(temperature(uids[i % len(uids)], time_s, i % 40))
        publish(trial, messages)
        publish(trial, messages)
        wait_until(lambda: trial.messages_stored() >= 2 * count, "everything is stored")
        late = trial.count("count(*) FROM reading WHERE time < now() - interval '390 days'")
        lag_ms = trial.count("max(lag_ms)::int8 FROM ingest_status")
        duplicate = trial.count("sum(readings_duplicate) FROM ingest_status")
        figures = trial.settle(late=late, lag_ms=lag_ms)

    assert_all_accounted_for(trial, figures)
    assert figures.stored == count
    assert duplicate == count
    assert 0.05 * count < late < 0.15 * count


def test_key_sent_again_with_another_value_keeps_the_first_and_leaves_an_audit_entry(
    database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """B9: the value that came first stays; the others are counted, and one entry a series and day names the last of them."""
    count = sized(500, 20_000)
    with running_trial("B9", database, mosquitto.url, tmp_path) as trial:
        uids = _uids(database)
        first = [temperature(uids[i % len(uids)], _NOW_S - i, i % 40) for i in range(count)]
        other = [temperature(uids[i % len(uids)], _NOW_S - i, i % 40 + 1) for i in range(count)]
        publish(trial, first)
        wait_until(lambda: trial.messages_stored() >= count, "the first values are stored")
        ledgers = list(trial.ledgers)
        publish(trial, other)
        wait_until(lambda: trial.messages_stored() >= 2 * count, "the others have come")
        trial.ledgers = ledgers  # what came first is what must be there
        conflicting = trial.count("sum(readings_conflicting) FROM ingest_status")
        figures = trial.settle(conflicting=conflicting)
        noted = trial.row(
            "SELECT sum(conflicts), count(*), count(*) FILTER (WHERE refused_value = kept_value + 1) FROM reading_conflict"
        )

    assert_all_accounted_for(trial, figures)
    assert figures.stored == conflicting == count
    assert noted[0] == count
    assert noted[1] == noted[2] >= len(uids)


def _uids(database: str) -> list[str]:
    """Name devices that are registered."""
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("SELECT uid FROM device ORDER BY uid LIMIT 50").fetchall()]
