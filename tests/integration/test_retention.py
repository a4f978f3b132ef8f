"""Retention on both flavours: what is to go goes, statistics stay, and nobody waits for it."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from devices.registry import load_registry
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.prepared import prepare
from ingest.replay_quarantine import Wanted, replay
from ingest.resolve import resolve
from ingest.retention import Retention, is_due, look, run
from ingest.store import Outdated, Store
from sql.migrate import migrate
from sql.queries import query
from tests.integration.retention_store import A_DAY, AIR, BEGIN, DO_NOT_GROW, FOR_EVER, NOW, TABLES, TRAFFIC, OldStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.message import Group
    from ingest.prepared import Prepared

_LIMIT = datetime(2026, 5, 1, tzinfo=UTC)
"""From when on readings are kept with a policy of six months: the month that has begun then is whole."""


@pytest.fixture
def store(database: str) -> Iterator[OldStore]:
    """Give a store with old readings."""
    found = OldStore(database)
    yield found
    found.close()


@pytest.fixture
def plain_store(plain_database: str) -> Iterator[OldStore]:
    """Give the same on plain PostgreSQL: for what no flavour changes."""
    found = OldStore(plain_database)
    yield found
    found.close()


def test_run_all_readings_for_six_months_statistics_stay(store: OldStore) -> None:
    """With one policy for all, whole partitions go, no reading is deleted singly, and every statistic is what it was."""
    before = store.statistics()
    store.keep(6)

    outcome = run(store.connection, NOW)

    assert len(before) > 3 * A_DAY * 280
    assert store.statistics() == before
    assert outcome.series == 3
    assert (outcome.readings, outcome.postponed) == (0, [])
    assert len(outcome.partitions) >= 2
    assert outcome.bytes > 0
    assert [lower for lower, upper in store.partitions() if upper <= _LIMIT] == []
    oldest = store.oldest(AIR)
    assert oldest is not None
    assert _LIMIT - timedelta(days=30) < oldest <= _LIMIT + timedelta(hours=1)  # chunks end where they end
    assert store.one("SELECT count(*) FROM rollup_dirty") == 0
    assert run(store.connection, NOW).is_idle


def test_run_policies_by_metric_and_domain_the_most_specific_counts(store: OldStore) -> None:
    """A metric's policy wins over its domain's, that over the one for all; rows of others in the same partitions stay."""
    before = store.statistics()
    store.keep(None)
    store.keep(3, domain=store.one("SELECT domain FROM metric WHERE key = %s", TRAFFIC))
    store.keep(1, domain=store.one("SELECT domain FROM metric WHERE key = %s", AIR))
    store.keep(6, metric=AIR)
    store.keep(None, metric=FOR_EVER)

    outcome = run(store.connection, NOW)

    assert store.statistics() == before
    assert store.oldest(AIR) == _LIMIT + timedelta(minutes=30)
    assert store.oldest(TRAFFIC) == datetime(2026, 8, 1, 0, 30, tzinfo=UTC)
    assert store.oldest(FOR_EVER) == BEGIN + timedelta(minutes=30)
    assert outcome.readings == A_DAY * ((_LIMIT - BEGIN).days + (datetime(2026, 8, 1, tzinfo=UTC) - BEGIN).days)
    assert outcome.partitions == []
    assert store.one("SELECT count(*) FROM rollup_dirty") == 0


def test_run_series_marked_as_a_whole_afterwards_keep_their_old_statistics(store: OldStore) -> None:
    """When other flags come to exclude, every series is marked: what is aggregated again is what has readings still."""
    before = store.statistics()
    store.keep(6, metric=AIR)
    run(store.connection, NOW)

    store.connection.execute("INSERT INTO rollup_dirty (series_id) SELECT series_id FROM series")
    store.roll()

    assert store.statistics() == before


def test_run_a_series_with_a_waiting_mark_is_left_until_it_is_rolled(store: OldStore) -> None:
    """A late reading that is not in the rollups yet keeps its series as it is; once it is rolled up the next run goes on."""
    late = BEGIN + timedelta(minutes=40)
    store.add([(store.series[AIR], late, 1e6)])
    store.mark(store.series[AIR], BEGIN)
    with_late = store.statistics()
    store.keep(6)

    outcome = run(store.connection, NOW)

    assert store.one("SELECT value FROM reading WHERE series_id = %s AND time = %s", store.series[AIR], late) == 1e6
    assert (outcome.series, len(outcome.postponed), outcome.partitions) == (2, 1, [])
    assert is_due(store.connection)
    store.roll()
    assert run(store.connection, NOW).series == 1
    assert store.oldest(AIR) is not None
    assert store.one("SELECT count(*) FROM reading WHERE time = %s", late) == 0
    assert store.statistics() == with_late
    assert not is_due(store.connection)


def test_run_hours_not_rolled_up_yet_nothing_goes(plain_store: OldStore) -> None:
    """While rollups lag behind the limit of a policy no reading goes."""
    plain_store.connection.execute("UPDATE rollup_state SET rolled_until = %s", (_LIMIT - timedelta(hours=1),))
    plain_store.keep(6)

    outcome = run(plain_store.connection, NOW)

    assert (outcome.series, outcome.partitions, outcome.readings) == (0, [], 0)
    assert outcome.postponed == ["readings of 3 series: their rollups are still being made"]


def test_run_somebody_stores_meanwhile_it_is_left_for_later(store: OldStore, database: str) -> None:
    """Who is going to store readings, by the registry as it was, is not waited for; the next run does the work."""
    store.keep(6)
    with psycopg.connect(database) as writer:
        writer.execute(query("hold_registry_version"))

        outcome = run(store.connection, NOW)

        assert outcome.series == 0
        assert outcome.postponed == ["readings to be kept no longer"]
    assert run(store.connection, NOW).series == 3


def test_run_somebody_changes_readings_meanwhile_the_change_is_in_the_statistics(store: OldStore, database: str) -> None:
    """Readings that are being changed stay until the change is committed and rolled up."""
    store.keep(6)
    with psycopg.connect(database) as writer:
        writer.execute(
            "UPDATE reading SET value = 1e6 WHERE series_id = %s AND time < %s", (store.series[AIR], BEGIN + timedelta(1))
        )
        assert run(store.connection, NOW).series == 0
        writer.commit()

    assert run(store.connection, NOW).series == 2  # what was changed is marked
    store.roll()
    assert run(store.connection, NOW).series == 1

    assert max(row[5] for row in store.statistics() if row[0] == store.series[AIR]) == A_DAY * 1e6


def test_run_a_reader_keeps_a_partition_until_the_next_run(store: OldStore, database: str) -> None:
    """A partition somebody reads from is not waited for long, and goes with the next run."""
    store.keep(6)
    with psycopg.connect(database) as reader:
        reader.execute("SELECT count(*) FROM reading WHERE time < %s", (BEGIN + timedelta(days=40),))

        held = run(store.connection, NOW)

    assert any(line.startswith("partition ") for line in held.postponed)
    assert run(store.connection, NOW).postponed == []
    assert [lower for lower, upper in store.partitions() if upper <= _LIMIT] == []


def test_retention_of_two_workers_one_runs_and_not_again_within_the_hour(
    plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the background the work is done by one of the workers, soon after its start, and then once an hour."""
    monkeypatch.setattr("ingest.retention._BEAT_S", 0.02)
    both = [Retention(plain_database, name) for name in ("w-0", "w-1")]
    for one in both:
        one.start()
    with psycopg.connect(plain_database, autocommit=True) as connection:
        while not connection.execute("SELECT FROM retention_run").fetchall():
            time.sleep(0.02)
        time.sleep(0.2)  # ten beats
        for one in both:
            one.stop()

        assert connection.execute("SELECT count(*), max(postponed) FROM retention_run").fetchone() == (1, "")


def test_run_registry_ingest_knows_from_when_readings_are_kept(plain_store: OldStore) -> None:
    """The registry of before is outdated by a run, and the new one has the limits."""
    before = load_registry(plain_store.connection)
    plain_store.keep(6, metric=AIR)

    run(plain_store.connection, NOW)

    after = load_registry(plain_store.connection)
    assert after.version > before.version
    assert after.kept_from_us[plain_store.series[AIR]] == _LIMIT.timestamp() * 1_000_000
    assert after.kept_from_us[plain_store.series[TRAFFIC]] < 0


def test_late_reading_of_a_time_no_longer_kept_waits_in_quarantine(store: OldStore, database: str) -> None:
    """Whoever resolved it before the run resolves it again; it is refused, a replay says the same, and statistics stay."""
    store.connection.execute("INSERT INTO device (uid, name, profile_id) VALUES ('d1', 'd1', 1)")
    store.connection.execute("INSERT INTO deployment (device_id, site_id, during) VALUES (1, 1, '(,)')")
    store.keep(6, metric=AIR)
    before = store.statistics()
    late = _LIMIT - timedelta(days=3)
    payload = f'{{"time": {late.timestamp()}, "{AIR}": 7, "{FOR_EVER}": 8}}'.encode()
    group = group_of([Message("hedgerow/v1/d1/up", payload, int(NOW.timestamp() * 1e6), 1, 1, False)])
    writer = Store(database, "w", deliveries=100, is_stopping=lambda: False)
    early = _prepared(group, store)

    run(store.connection, NOW)
    with pytest.raises(Outdated):
        writer.write(early)
    writer.write(_prepared(group, store))
    writer.close()

    refused = "SELECT reason, replayed_at FROM quarantine"
    assert store.connection.execute(refused).fetchall() == [("not_kept", None)]
    assert store.one("SELECT value FROM reading WHERE series_id = %s AND time = %s", store.series[FOR_EVER], late) == 8
    replayed = replay(database, Wanted(newest=store.one("SELECT max(quarantine_id) FROM quarantine")))
    assert replayed.refused == {"not_kept": 1}
    assert store.connection.execute(refused).fetchall() == [("not_kept", None)]
    store.roll()
    mine = store.series[AIR]
    assert [row for row in store.statistics() if row[0] == mine] == [row for row in before if row[0] == mine]


def _prepared(group: Group, store: OldStore) -> Prepared:
    registry = load_registry(store.connection)
    resolved = resolve(decode(group), group, registry)
    return prepare(group, resolved, resolved.batch, registry_version=registry.version)


def test_run_tables_their_old_rows_go_and_what_waits_stays(plain_store: OldStore) -> None:
    """Rows older than their table's policy go; quarantine that waits never does, however old it is."""
    plain_store.connection.execute(
        "INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail, replayed_at)"
        " SELECT %s, i, 0, 't', '', 'not_json', '', CASE WHEN i > 2 THEN %s::timestamptz END FROM generate_series(1, 5) i",
        (BEGIN, NOW - timedelta(days=91)),
    )
    plain_store.connection.execute(
        "INSERT INTO device_clock (device_id, day, messages, unbelievable) VALUES (1, %s, 1, 0), (1, %s, 1, 0)",
        ((NOW - timedelta(days=402)).date(), (NOW - timedelta(days=399)).date()),
    )
    due = look(plain_store.connection, NOW)

    outcome = run(plain_store.connection, NOW)

    assert outcome.rows == due.rows
    assert outcome.rows["quarantine"] == 3
    assert plain_store.one("SELECT count(*) FROM quarantine WHERE replayed_at IS NULL") == 2
    assert outcome.rows["device_clock"] == 1
    assert plain_store.one("SELECT count(*) FROM device_clock") == 1


def test_run_archive_partitions_older_than_its_policy_go(store: OldStore) -> None:
    """Raw messages go by whole partitions, and only when every message in one is old enough."""
    for days in (40, 31, 29, 0):
        at = NOW - timedelta(days=days)
        store.connection.execute("SELECT ensure_partition('uplink', %s)", (at,))
        store.connection.execute("INSERT INTO uplink VALUES (1, %s, 1, 't', '')", (at,))

    outcome = run(store.connection, NOW)

    assert len(outcome.partitions) == 2
    assert store.one("SELECT min(received_at) FROM uplink") == NOW - timedelta(days=29)


def test_run_while_readings_are_stored_all_the_time_both_get_on(store: OldStore, database: str) -> None:
    """Whoever stores meets no error and no deadlock, and what is due goes all the same."""
    store.keep(6)
    stored: list[int] = []
    is_done = threading.Event()

    def write() -> None:
        with psycopg.connect(database) as writer:
            while not is_done.is_set():
                with writer.transaction(), writer.cursor() as cursor:
                    cursor.execute(query("hold_registry_version"))
                    cursor.execute(query("hold_closed_hours"))
                    with cursor.copy("COPY reading (series_id, time, value, flags) FROM STDIN") as copy:
                        for series in store.series.values():
                            copy.write_row((series, NOW + timedelta(milliseconds=len(stored)), 1.0, 0))
                stored.append(len(stored))

    store.connection.execute("SELECT ensure_partition('reading', %s)", (NOW,))
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            while not stored and not writing.done():
                time.sleep(0.01)
            is_idle = any(run(store.connection, NOW).is_idle and not is_due(store.connection) for _ in range(50))
        finally:
            is_done.set()
        writing.result()

    assert is_idle
    assert [lower for lower, upper in store.partitions() if upper <= _LIMIT] == []
    assert store.one("SELECT count(*) FROM reading WHERE time >= %s", NOW) == 3 * len(stored)
    assert stored


def test_tables_every_one_that_grows_has_a_policy(plain_database: str) -> None:
    """A new table has a row in retention_table that says how long its rows are kept, or is known not to grow."""
    with psycopg.connect(plain_database) as connection:
        tables = {name for (name,) in connection.execute(TABLES)}
        policies = {name for (name,) in connection.execute("SELECT name FROM retention_table")}

    assert tables - DO_NOT_GROW == policies


def test_look_says_what_a_run_then_does(store: OldStore) -> None:
    """A dry run names the partitions and numbers that go, and changes nothing."""
    store.keep(6)
    before = store.one("SELECT count(*) FROM reading")

    due = look(store.connection, NOW)

    assert store.one("SELECT count(*) FROM reading") == before
    assert store.one("SELECT count(*) FROM retention_run") == 0
    assert due.readings == 3 * A_DAY * (_LIMIT - BEGIN).days
    assert run(store.connection, NOW).partitions == due.partitions


def test_partitions_ahead_plain_the_next_month_and_days_are_there(plain_database: str) -> None:
    """On plain PostgreSQL nobody has to make a partition while storing; empty ones of long ago go."""
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("SELECT ensure_partition('reading', %s)", (BEGIN,))

        outcome = run(connection, NOW)

        names = [name for (name,) in connection.execute("SELECT name FROM partitions_of('reading')").fetchall()]
        assert names == ["reading_202611", "reading_202612"]
        assert outcome.partitions == ["reading_202602"]
        days = connection.execute("SELECT count(*), max(upper) FROM partitions_of('uplink')").fetchone()
        assert days == (4, datetime(2026, 11, 26, tzinfo=UTC))


def test_run_empty_partitions_of_long_ago_go_and_others_stay(database: str) -> None:
    """A partition whose last reading was deleted goes; one that holds a single reading, however old, stays."""
    with psycopg.connect(database, autocommit=True) as connection:
        for at in (BEGIN, BEGIN + timedelta(days=100)):
            connection.execute("SELECT ensure_partition('reading', %s)", (at,))
            connection.execute("INSERT INTO reading VALUES (1, %s, 1, 0)", (at,))
        connection.execute("DELETE FROM reading WHERE time = %s", (BEGIN,))

        outcome = run(connection, NOW)

        assert len(outcome.partitions) == 1
        assert connection.execute("SELECT time FROM reading").fetchall() == [(BEGIN + timedelta(days=100),)]
        assert connection.execute("SELECT min(upper) > %s FROM partitions_of('reading')", (BEGIN,)).fetchone() == (True,)


def test_use_columnstore_apache_edition_is_not_offered(timescale_database: str) -> None:
    """Nothing is switched on where the licence does not allow it."""
    with psycopg.connect(timescale_database, autocommit=True) as connection:
        found = connection.execute(query("use_columnstore")).fetchall()

    assert found == [("reading", "not offered"), ("uplink", "not offered")]


@pytest.mark.skipif("HEDGEROW_TEST_COMMUNITY_URL" not in os.environ, reason="HEDGEROW_TEST_COMMUNITY_URL is not set")
def test_use_columnstore_community_edition_old_readings_are_compressed() -> None:
    """On the Community edition the server compresses by itself, ten times or more, and answers stay the same."""
    url = os.environ["HEDGEROW_TEST_COMMUNITY_URL"]
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO reading SELECT s, %s + i * interval '5 minutes', round(20 + 5 * sin(i / 30.0) + s)::float8 / 4, 0"
            " FROM generate_series(1, 50) s, generate_series(1, 5000) i ON CONFLICT DO NOTHING",
            (BEGIN,),
        )
        before = connection.execute("SELECT count(*), sum(value) FROM reading").fetchone()

        assert connection.execute(query("use_columnstore")).fetchall()[0] in {("reading", "set"), ("reading", "in force")}
        assert connection.execute(query("use_columnstore")).fetchall()[0] == ("reading", "in force")
        connection.execute("SELECT compress_chunk(c, true) FROM show_chunks('reading') c")

        sizes = connection.execute(
            "SELECT sum(before_compression_total_bytes) / sum(after_compression_total_bytes)"
            " FROM hypertable_compression_stats('reading')"
        ).fetchone()
        assert sizes is not None
        assert sizes[0] >= 10
        assert connection.execute("SELECT count(*), sum(value) FROM reading").fetchone() == before
