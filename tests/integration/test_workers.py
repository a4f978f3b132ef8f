"""Several ingest workers over a real broker and store: shared, scaled up and down, one identity twice."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import psycopg

from tests.servers.path import Program, running_path
from tests.servers.workers import Flood, assert_each_held_once, claimed, held_numbers, kill_worker, pids_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath


def _states(database: str) -> dict[str, str]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT worker, state FROM ingest_status").fetchall())


def _restart(path: WholePath, workers: int) -> None:
    assert path.ingest.stop() == 0
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
        with Flood(mosquitto, per_second=1_000) as flood:
            for workers, states in (
                (4, ["working"] * 4),
                (2, ["working"] * 2 + ["retired"] * 2),
                (1, ["working"] + ["retired"] * 3),
                (2, ["working"] * 2 + ["retired"] * 2),
            ):
                time.sleep(0.5)
                _restart(path, workers)
                _wait_for_states(path, *states)
        assert_each_held_once(path.database, flood.count)
        print(f"{flood.count} messages")
