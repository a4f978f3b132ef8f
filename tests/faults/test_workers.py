"""Several workers, and one identity twice: killed, kept dead, doubled, with nothing lost and nothing counted twice."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.harness import flavour_of, report, running_trial, sized
from tests.servers.path import Program, running_path
from tests.servers.workers import (
    Flood,
    assert_each_held_once,
    claimed,
    counter,
    held_numbers,
    kill_worker,
    starts_of,
    wait_until,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.servers.databases import Databases
    from tests.servers.mosquitto import Mosquitto


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_killed_at_random_moments_are_clean(workers: int, database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A1 with several workers: kill -9 of one after the other under load; the ledger is clean."""
    kills = sized(12 if flavour_of(database) == "plain" else 5, 60)
    dead: dict[str, datetime] = {}
    with running_trial(f"A1 {workers} workers", database, mosquitto.url, tmp_path, workers=workers) as trial:
        wait_until(lambda: trial.count("count(*) FROM ingest_status WHERE connected") == workers, "not all connect")
        with trial.flood(sized(1_000, 3_000)):
            for _ in range(kills):
                time.sleep(trial.random.uniform(0.1, sized(0.6, 2)))
                wait_until(lambda: bool(_risen(database, dead)), "all stay dead")
                name = trial.random.choice(_risen(database, dead))
                dead[name] = starts_of(database)[name]
                kill_worker(trial.ingest, name)
        figures = trial.settle(kills=kills, restarts=counter(database, "restarts"))

    trial.assert_clean(figures)
    assert counter(database, "restarts") >= kills - workers


def _risen(database: str, dead: dict[str, datetime]) -> list[str]:
    """Name the workers that have begun to work since they were last killed."""
    return [name for name, started_at in sorted(starts_of(database).items()) if dead.get(name) != started_at]


def test_workers_of_which_one_stays_dead_its_share_waits_and_the_others_go_on(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A16: one of four is dead for a while: a quarter waits in its session, the rest is stored; then it completes."""
    with running_path(plain_database, mosquitto, tmp_path, workers="4") as path:
        with Flood(mosquitto, per_second=500) as flood:
            wait_until(lambda: flood.count > 200, "no flood")
            kill_worker(path.ingest, "hedgerow-ingest-2")
            with claimed(plain_database, "hedgerow-ingest-2"):
                before = flood.count
                wait_until(lambda: flood.count > before + sized(1_200, 300_000), "no flood", sized(30, 900))
                others = [number for number in held_numbers(plain_database) if number > before]
                newest = max(others)
            behind = flood.count - newest
        assert_each_held_once(plain_database, flood.count)
    share = 1 - len(others) / (newest - before)
    report(test="A16", sent=flood.count, share_that_waited=round(share, 3), others_behind=behind, lost=0)

    assert 0.2 < share < 0.3
    assert behind < 1_000  # seconds' worth, where the others go on
    assert "hedgerow-ingest-2 was ended by SIGKILL; starting again in 0.0 s" in path.ingest.log.read_text(encoding="utf-8")


def test_second_ingest_with_the_same_identity_waits_and_is_an_alarm(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A15: two by mistake; the second waits, says so within ten seconds and is counted; it takes over when it can."""
    with running_path(plain_database, mosquitto, tmp_path) as path:
        second = Program("ingest", path.ingest.environment, tmp_path / "second.log")
        second.start()
        try:
            with Flood(mosquitto, per_second=500) as flood:
                wait_until(lambda: counter(plain_database, "identity_conflicts") == 1, "no alarm", within_s=10)
                connections = counter(plain_database, "connections")
                path.ingest.kill()
                before = flood.count
                wait_until(lambda: flood.count > before + 1_000, "no flood")
            assert_each_held_once(plain_database, flood.count)
            with path.client as client:
                status, metrics = client.get("/status").json(), client.get(f"{path.http_url}/metrics").text
        finally:
            second.stop()

    report(test="A15", sent=flood.count, lost=0, identity_conflicts=status["identity_conflicts"])
    assert connections == 1
    assert status["identity_conflicts"] == 1
    assert "hedgerow_identity_conflicts_total 1" in metrics
    assert "another process uses our identity hedgerow-ingest-0" in second.log.read_text(encoding="utf-8")


def test_same_identity_of_two_databases_is_an_alarm(plain_databases: Databases, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A15 over two databases: they know nothing of each other and push each other out; both say so within ten seconds."""
    with plain_databases.migrated() as one, plain_databases.migrated() as two:
        programs = [
            Program("ingest", {"HEDGEROW_DATABASE_URL": url, "HEDGEROW_MQTT_URL": mosquitto.url}, tmp_path / f"{number}.log")
            for number, url in enumerate((one, two))
        ]
        for program in programs:
            program.start()
        try:
            wait_until(lambda: counter(one, "connections") > 0 or counter(two, "connections") > 0, "no connection")
            with Flood(mosquitto, per_second=200) as flood:
                flood.send(1)
                for url in (one, two):
                    wait_until(partial(_is_alarmed, url), "no alarm", within_s=10)
        finally:
            for program in programs:
                program.stop()
        last = Program("ingest", programs[0].environment, tmp_path / "last.log")
        last.start()
        try:
            wait_until(lambda: set(range(flood.count)) == set(held_numbers(one)) | set(held_numbers(two)), "lost")
        finally:
            last.stop()


def _is_alarmed(database: str) -> bool:
    return counter(database, "identity_conflicts") > 0
