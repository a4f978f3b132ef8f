"""Several ingest workers over a real broker and store: shared, scaled up and down, one identity twice."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import psutil
import psycopg

from tests.servers.path import running_path
from tests.servers.workers import Flood, assert_each_held_once, claimed, counter, held_numbers, kill_worker, pids_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath


def _states(database: str) -> dict[str, str]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT worker, state FROM ingest_status").fetchall())


def _restart(path: WholePath, workers: int, flood: Flood) -> None:
    assert path.ingest.stop() == 0
    flood.send(2_000)
    path.ingest.environment["HEDGEROW_WORKERS"] = str(workers)
    path.ingest.start()


def _wait_for_states(path: WholePath, *states: str) -> None:
    expected = {f"hedgerow-ingest-{number}": state for number, state in enumerate(states)}
    wait_until(lambda: _states(path.database) == expected, f"never {expected}")


def test_workers_scaled_up_and_down_in_a_flood_lose_and_double_nothing(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """1 → 4 → 2 → 1 → 2 workers with messages on their way and waiting: each is stored once, and who is retired is drained."""
    with running_path(plain_database, mosquitto, tmp_path, workers="1") as path:
        with Flood(mosquitto, per_second=200) as flood:
            for workers, states in (
                (4, ["working"] * 4),
                (2, ["working"] * 2 + ["retired"] * 2),
                (1, ["working"] + ["retired"] * 3),
                (2, ["working"] * 2 + ["retired"] * 2),
            ):
                time.sleep(0.5)
                _restart(path, workers, flood)
                _wait_for_states(path, *states)
        assert_each_held_once(path.database, flood.count, within_s=60)


def test_worker_that_keeps_dying_leaves_its_share_to_the_others(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Killed whenever it comes up, a worker is dealt nothing more; what it was dealt before it stores when it is let live."""
    with running_path(plain_database, mosquitto, tmp_path, workers="2") as path:

        def has_left() -> bool:
            if "hedgerow-ingest-1" in pids_of(path.ingest):
                kill_worker(path.ingest, "hedgerow-ingest-1")
            return "has left its share" in path.ingest.log.read_text(encoding="utf-8")

        wait_until(has_left, "it keeps its share")
        with claimed(plain_database, "hedgerow-ingest-1"), Flood(mosquitto, per_second=1_000) as flood:
            flood.send(500)
            wait_until(lambda: len(held_numbers(plain_database)) > 400, "the other does not get everything")
            flooded = flood.count
            wait_until(lambda: set(range(flooded)) <= set(held_numbers(plain_database)), "something waits for the dead")
        wait_until(lambda: len(pids_of(path.ingest)) == 2, "it never came back")
        assert_each_held_once(plain_database, flood.count)
        wait_until(lambda: counter(plain_database, "restarts") > 0, "no restart was counted")


def test_ingest_with_workers_stops_at_once_and_passes_a_failure_on(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """SIGTERM in a flood ends every worker within five seconds, with code 0; what is not stored waits for the next start."""
    with running_path(plain_database, mosquitto, tmp_path, workers="4") as path:
        with Flood(mosquitto, per_second=2_000) as flood:
            wait_until(lambda: flood.count > 1_000, "no flood")
            workers = [psutil.Process(pid) for pid in pids_of(path.ingest).values()]
            began = time.monotonic()
            code = path.ingest.stop()
            took_s = time.monotonic() - began
            path.ingest.start()
        assert_each_held_once(plain_database, flood.count)

    assert code == 0
    assert took_s < 5
    assert len(workers) == 4
    assert not any(worker.is_running() for worker in workers)


def test_ingest_killed_takes_its_workers_along(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Workers whose supervisor was killed end by themselves, and those of the next one are alone with their identities."""
    with running_path(plain_database, mosquitto, tmp_path, workers="2") as path:
        workers = [psutil.Process(pid) for pid in pids_of(path.ingest).values()]
        path.ingest.kill()
        path.ingest.start()
        wait_until(lambda: not any(worker.is_running() for worker in workers), "orphans", within_s=10)
        with Flood(mosquitto, per_second=500) as flood:
            flood.send(100)
        assert_each_held_once(plain_database, flood.count)
        conflicts = counter(plain_database, "identity_conflicts")

    assert conflicts == 0


def test_new_messages_first_are_stored_before_what_has_gathered(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """After an outage what is sent now is stored at once, the rest beside it; nothing is lost or taken twice by anybody."""
    with running_path(plain_database, mosquitto, tmp_path) as path:
        path.ingest.environment |= {"HEDGEROW_LIVE_FIRST": "true", "HEDGEROW_RECEIVE_MAXIMUM": "1"}  # slow enough to see it
        for names in ({"hedgerow-ingest-1"}, {"hedgerow-ingest-0", "hedgerow-ingest-2"}, {"hedgerow-ingest-1"}):
            assert path.ingest.stop() == 0
            with Flood(mosquitto, per_second=20) as flood:
                flood.count = len(held_numbers(plain_database))
                flood.send(4_000)
                path.ingest.environment["HEDGEROW_WORKERS"] = str(len(names))
                path.ingest.start()
                wait_until(partial(_are_working, plain_database, names), f"never {names}")
                newest = flood.count
                flood.send(1)
                wait_until(partial(_is_held, plain_database, newest), "the newest message is not stored")
                stored = len(held_numbers(plain_database))
            assert stored < newest, "the newest message came last"
            assert_each_held_once(plain_database, flood.count)
            wait_until(lambda: "draining" not in _states(plain_database).values(), "never drained")


def _are_working(database: str, names: set[str]) -> bool:
    return {name for name, state in _states(database).items() if state == "working"} == names


def _is_held(database: str, number: int) -> bool:
    return number in held_numbers(database)
