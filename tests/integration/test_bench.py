"""The commands `hedgerow bench …`: each runs from start to end at a tiny size, and what it prints adds up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from hedgerow.bench.database import BenchError, Database, commit_ms
from hedgerow.bench.raw_copy import check_archive, compare_with_stored, copy, encode, readings_of
from sql.queries import query

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.databases import Databases, MakePostgres

_SERVERS = {"PostgreSQL", "broker", "ingest"}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hedgerow", "bench", *arguments]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, check=False, timeout=300)


def _lines(*arguments: str) -> list[dict[str, Any]]:
    """Run a command and read its lines of JSON; it says on standard error how far it is."""
    done = _run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("[")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["bench"] for line in lines} == {arguments[0]}
    assert all("cores" in line["where"]["machine"] for line in lines)
    return lines


def _relations(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(query("list_some_relations"))]


def _assert_columns_add_up(lines: list[dict[str, Any]], messages: int) -> None:
    assert [(line["archive"], line["commit_slowed_ms"]) for line in lines] == [
        (True, 0.0),
        (False, 0.0),
        (True, 1.0),
        (False, 1.0),
    ]
    assert [line["ratio_to_reach"] for line in lines] == [0.8, 0.9, 0.75, 0.75]
    for line in lines:
        assert line["messages"] == messages
        assert line["readings_stored"] == 5 * messages
        rounding = 0.001 / line["seconds"]
        assert line["readings_per_s"] == pytest.approx(line["readings_stored"] / line["seconds"], rel=0.01 + rounding)
        assert len(line["copy_rows_per_s_each"]) == 4
        assert line["copy_rows_per_s"] == pytest.approx(median(line["copy_rows_per_s_each"]), abs=1)
        assert line["ratio"] == pytest.approx(line["readings_per_s"] / line["copy_rows_per_s"], rel=0.02)
        assert line["commit_ms"] >= line["commit_slowed_ms"]
        assert set(line["cpu_s"]) == {*_SERVERS, "load generator", "this benchmark"}
        assert all(used is not None for used in line["cpu_s"].values())
        each = [used for name, used in line["cpu_us_per_message"].items() if name != "all"]
        assert line["cpu_us_per_message"]["all"] == pytest.approx(sum(each), rel=0.01)
        assert line["broker_messages_per_s_each"]
        assert line["ingest_peak_mib"] > 0


@pytest.mark.mosquitto
def test_bench_ingest_every_column_adds_up() -> None:
    """Archive on and off, commits as they are and slowed: all that was sent is stored, and the ratio is that of its parts."""
    lines = _lines("ingest", "--messages", "1000", "--devices", "100", "--warm-up", "100")

    _assert_columns_add_up(lines, 1000)
    assert "fsync on" in lines[0]["where"]["database"]
    assert "Mosquitto" in lines[0]["where"]["broker"]


def test_bench_in_a_database_that_is_not_empty_is_refused(make_postgres: MakePostgres) -> None:
    """Somebody's data is never emptied: the command says what it found, and does nothing."""
    url = make_postgres("plain").url()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 1 AS one")

    done = _run("ingest", "--database-url", url)

    assert done.returncode == 1
    assert "is not empty: it has public.precious" in done.stderr
    assert _relations(url) == ["public.precious"]


def test_bench_on_a_server_that_forgets_is_refused(plain_databases: Databases) -> None:
    """Without fsync the figures would be worth nothing (the servers of most tests run without)."""
    with plain_databases.empty() as url:
        done = _run("ingest", "--database-url", url)

    assert done.returncode == 1
    assert "fsync" in done.stderr


def test_bench_without_a_database_says_so() -> None:
    """A server that cannot be reached is told in one line."""
    done = _run("latency", "--database-url", "postgresql://nobody@127.0.0.1:1/nothing")

    assert done.returncode == 1
    assert "hedgerow bench latency: the database cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.mosquitto
def test_bench_stopped_in_between_leaves_the_database_empty(make_postgres: MakePostgres) -> None:
    """A benchmark that is told to stop takes away what it made, and its programs end."""
    url = make_postgres("plain").url()
    arguments = _command("latency", "--rate", "50", "--seconds", "60", "--devices", "10", "--database-url", url)
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        assert running.stderr is not None
        while "messages/s" not in running.stderr.readline():
            assert running.poll() is None
        time.sleep(3)  # into the run
        running.send_signal(signal.SIGTERM)
        rest = running.stderr.read()
        code = running.wait(60)

    assert code == 130, rest
    assert _relations(url) == []
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hedgerow%'").fetchone()
    assert row == (0,)


@pytest.mark.mosquitto
def test_bench_drain_stores_the_backlog_and_what_came_meanwhile() -> None:
    """Every message that waited is stored, live ones besides, and each live one was seen through the API."""
    (line,) = _lines("drain", "--sensors", "10", "--hours", "1")

    assert line["messages"] == 10 * 12
    assert line["readings_stored"] == 6 * line["messages"]
    assert 0 <= line["first_stored_seconds"] <= line["seconds"]
    assert line["seconds_to_reach"] is None  # only a day of 5,000 sensors has a goal
    assert line["live_messages"] > 0
    assert 0 < line["visible_p50_ms"] <= line["visible_p95_ms"] <= line["visible_p99_ms"] <= line["visible_max_ms"]
    assert line["poll_ms"] == 50
    assert line["ingest_peak_mib"] >= max(mib for _, mib in line["ingest_mib_over_time"]) - 1
    assert set(line["cpu_s"]) == {*_SERVERS, "API"}


@pytest.mark.mosquitto
def test_bench_latency_times_every_live_message() -> None:
    """With commits as they are and slowed, all that was sent is stored, and probes have times in order."""
    lines = _lines("latency", "--rate", "50", "--seconds", "1", "--devices", "10")

    assert [line["commit_slowed_ms"] for line in lines] == [0.0, 1.0]
    for line in lines:
        assert line["readings_stored"] == 5 * line["messages"] + line["live_messages"]
        assert line["live_messages"] > 0
        assert 0 < line["visible_p50_ms"] <= line["visible_p99_ms"] <= line["visible_max_ms"]
        assert line["poll_ms"] == 5
        assert set(line["cores_busy"]) == {*_SERVERS, "API"}


@pytest.mark.mosquitto
@pytest.mark.parametrize("flavour", ["plain", pytest.param("timescaledb", marks=pytest.mark.timescaledb)])
def test_bench_growth_in_a_given_database_leaves_it_empty(make_postgres: MakePostgres, flavour: str) -> None:
    """The store is filled with as many rows as asked for and each flood stored whole; afterwards nothing is left of it."""
    url = make_postgres(flavour).url()
    arguments = ("--rows", "20000", "--messages", "1000", "--devices", "100", "--months", "3", "--database-url", url)

    (line,) = _lines("growth", *arguments)

    empty, full = line["empty"], line["full"]
    assert (empty["rows"], full["rows"]) == (0, 20_000)
    assert empty["readings_stored_each"] == full["readings_stored_each"] == [5000] * 3
    assert line["wall_ratio"] == pytest.approx(full["wall_us_per_reading"] / empty["wall_us_per_reading"], rel=0.01)
    assert line["cpu_ratio"] == pytest.approx(full["cpu_us_per_reading"] / empty["cpu_us_per_reading"], rel=0.01)
    assert line["copy_ratio"] == pytest.approx(full["copy_us_per_row"] / empty["copy_us_per_row"], rel=0.02)
    assert full["postgres_cpu_us_per_reading"] is not None  # found on this machine, though not started by us
    assert ("TimescaleDB" in line["where"]["database"]) is (flavour == "timescaledb")
    assert _relations(url) == []


def test_bench_steps_measures_every_step() -> None:
    """All formats and all steps are there, and rates are those of their times."""
    lines = _lines("steps", "--seconds", "0")

    names = " ".join(line["step"] for line in lines)
    for word in (
        "scan",
        "digest",
        "SenML JSON",
        "SenML CBOR",
        "fixed layout",
        "channels and types",
        "Cayenne LPP",
        "ChirpStack",
    ):
        assert word in names
    for word in ("resolve", "check", "sort", "encode readings", "encode uplinks", "prepare"):
        assert word in names
    for line in lines:
        if line["readings"]:
            seconds = line["us_per_message"] * line["messages"] / 1e6
            assert line["readings_per_s"] == pytest.approx(line["readings"] / seconds, rel=0.05)
        if line["readings_per_s_to_reach"]:
            assert line["reached"] == pytest.approx(line["readings_per_s"] / line["readings_per_s_to_reach"], abs=0.01)


def test_bench_steps_as_a_table_names_units_and_goals() -> None:
    """A person reads the machine, the units and what is to be reached."""
    done = _run("steps", "--seconds", "0")

    assert done.returncode == 0, done.stderr
    assert "machine: " in done.stdout
    assert "readings/s" in done.stdout
    assert "≥ 1.5" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 128


@pytest.mark.mosquitto
def test_bench_naive_sets_two_programs_beside_ingest() -> None:
    """Each of the three stores what it says, with commits as they are and slowed."""
    lines = _lines("naive", "--messages", "200", "--seconds", "10", "--devices", "20")

    assert [line["way"] for line in lines] == ["insert", "batch", "hedgerow"] * 2
    assert [line["commit_slowed_ms"] for line in lines] == [0.0] * 3 + [1.0] * 3
    for line in lines:
        assert line["readings_stored"] == 5 * line["messages_stored"]
        assert 0 < line["messages_stored"] <= 200
        assert line["messages_per_s"] == pytest.approx(line["messages_stored"] / line["seconds"], rel=0.05)
    assert all(line["messages_stored"] == 200 for line in lines if line["way"] != "insert")


def test_bench_slowed_commits_touch_no_other_connection(plain_database: str) -> None:
    """Only connections that were to be slowed are, by the millisecond; there is nothing that could be left behind."""
    database = Database(plain_database, "", None)

    with database.connect(1.0) as slowed, database.connect() as other:
        assert slowed.execute("SHOW commit_delay").fetchone() == ("1000",)
        assert slowed.execute("SHOW commit_siblings").fetchone() == ("0",)
        assert other.execute("SHOW commit_delay").fetchone() == ("0",)
        assert slowed.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert commit_ms(slowed) >= 0


def test_bench_yardstick_finds_a_reading_that_is_missing_or_wrong(database: str) -> None:
    """What is compared to the bit is refused when a single value differs, and the archive when it holds nothing."""
    import numpy as np

    from simulators.load import Load

    load = Load("", 0, 20, 4, 1_700_000_000)
    readings = readings_of(load, np.arange(1, 21, dtype=np.int32).reshape(4, 5), 1_700_000_100)
    found = Database(database, "", None)
    with found.connect() as connection:
        days = np.unique(readings.time_us // 86_400_000_000) * 86_400
        connection.execute(query("ensure_partitions"), {"parent": "reading", "days_s": days.tolist()})
        copied = copy(connection, found, encode(readings))
        assert copied.rows == len(readings) == 100

        compare_with_stored(connection, readings)
        connection.execute(
            "UPDATE reading SET value = value + 1e-9 WHERE series_id = 7 AND time = (SELECT min(time) FROM reading)"
        )
        with pytest.raises(BenchError, match="not those that were sent"):
            compare_with_stored(connection, readings)
        with pytest.raises(BenchError, match="archive was to hold 20 messages, and holds 0"):
            check_archive(connection, 20)


def test_bench_aggregate_keeps_its_store_and_finds_it_again(tmp_path: Path) -> None:
    """Every question is answered alike by API and bare SQL; a second run finds the store, one of another size is refused."""
    arguments = ("--series", "20", "--days", "2", "--requests", "2", "--keep", str(tmp_path / "store"))

    lines = _lines("aggregate", "--readings", "2000", *arguments)
    again = _lines("aggregate", "--readings", "2000", *arguments)
    other = _run("aggregate", "--readings", "3000", *arguments)

    rows = {line["question"]: line["rows"] for line in lines}
    assert rows["one series, 2 days of hours"] == 48
    assert rows["4 sites, 30 days of hours"] == 4 * 48
    assert rows["last values of all series"] == 20
    assert rows["all sites with their state"] == 4
    assert [line["api_p95_ms_to_reach"] for line in lines] == [15.0, None, 80.0, 60.0, 60.0, None]
    for line in lines:
        assert 0 < line["api_p50_ms"] <= line["api_p95_ms"]
        assert line["ratio"] == pytest.approx(line["api_p50_ms"] / line["sql_p50_ms"], rel=0.02)
        assert line["readings_in_store"] == pytest.approx(2000, rel=0.1)
    assert [line["readings_in_store"] for line in again] == [line["readings_in_store"] for line in lines]
    assert {line["question"]: line["rows"] for line in again} == rows
    assert other.returncode == 1
    assert "holds 2000 readings of 20 series" in other.stderr


@pytest.mark.mosquitto
def test_bench_dashboards_stores_all_while_they_are_looked_at() -> None:
    """Alone and looked at, every message is stored; dashboards got answers meanwhile."""
    (line,) = _lines(
        "dashboards", "--messages", "1000", "--pairs", "1", "--viewers", "2", "--every", "1", "--readings", "2000",
        "--series", "100", "--days", "1",
    )  # fmt: skip

    assert line["readings_stored"] == [5000, 5000]
    (alone,), (looked_at,) = line["readings_per_s_alone"], line["readings_per_s_looked_at"]
    assert line["loss"] == pytest.approx(1 - looked_at / alone, abs=0.01)
    assert line["refreshes"] >= line["dashboards"] == 2
    assert line["questions"] > 2 * line["dashboards"]
