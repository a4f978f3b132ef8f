"""A3, the negative controls: with a safeguard taken away the same harness must report the damage, or it proves nothing."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest

from simulators.load import Load
from tests.faults.fleet import register_load
from tests.faults.harness import ingest_program, running_trial, sized, tampered, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.harness import Trial
    from tests.servers.mosquitto import Mosquitto

_WRITERS = 3
_DEVICES = 200
_READINGS = 5
_MESSAGES = 8_000
_MOST_ROUNDS = 10
"""Writers in no order must meet at the wrong moment; where they do not, they are given another chance."""


def test_control_acknowledged_on_arrival_loses_messages(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A3: with acknowledgement on arrival, what ingest held when it was killed is lost, and the harness says so."""
    with running_trial("A3 auto-acknowledge", plain_database, mosquitto.url, tmp_path, auto_acknowledge=True) as trial:
        with trial.flood(1_000):
            trial.ingest.stop()
            trial.ingest.command = tampered("die:decoded:3")
            trial.ingest.start()
            assert trial.ingest.wait(30) == -signal.SIGKILL
            trial.ingest.command = ()
            trial.ingest.start()
        figures = trial.settle(patience_s=2)

    assert not figures.ok
    assert figures.lost > 0
    assert (figures.duplicate, figures.phantom, figures.wrong) == (0, 0, 0)


def test_control_without_unique_key_stores_duplicates(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A3: killed between COMMIT and acknowledgement, a store without its key takes a batch twice, and the harness says so."""
    with psycopg.connect(plain_database) as connection:
        connection.execute("ALTER TABLE reading DROP CONSTRAINT reading_pkey")
    with running_trial("A3 no key", plain_database, mosquitto.url, tmp_path) as trial:
        with trial.flood(1_000):
            trial.ingest.stop()
            trial.ingest.command = tampered("no-key", "die:committed:3")
            trial.ingest.start()
            assert trial.ingest.wait(30) == -signal.SIGKILL
            trial.ingest.command = tampered("no-key")
            trial.ingest.start()
        figures = trial.settle()

    assert not figures.ok
    assert figures.duplicate > 0
    assert (figures.lost, figures.phantom, figures.wrong) == (0, 0, 0)


@pytest.mark.parametrize("tampering", [(), ("shuffle",)], ids=["sorted", "shuffled"])
def test_control_three_writers_of_the_same_rows_deadlock_only_when_unsorted(
    tampering: tuple[str, ...], plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A3: three ingesters that each store every message never deadlock; with rows in no order they do, and it is counted."""
    name = "A3 unsorted" if tampering else "A3 sorted"
    with running_trial(name, plain_database, mosquitto.url, tmp_path, *tampering) as trial, ExitStack() as stack:
        register_load(plain_database, _DEVICES)
        for number in range(1, _WRITERS):
            writer = ingest_program(plain_database, mosquitto.url, tmp_path, *tampering, mqtt_client_id=f"writer-{number}")
            writer.start()
            stack.callback(writer.stop)
        wait_until(lambda: trial.count("count(*) FROM ingest_status WHERE connected") == _WRITERS, "all writers connect")
        _write_together(trial, mosquitto, int(time.time()) - _MESSAGES)  # makes partition and series
        rounds = 1
        while rounds < sized(2, 25) or (tampering and rounds < _MOST_ROUNDS and not _deadlocks(trial)):
            _write_together(trial, mosquitto, int(time.time()) - (rounds + 1) * _MESSAGES)
            rounds += 1
            stored = _WRITERS * _MESSAGES * rounds
            wait_until(lambda: trial.messages_stored() >= stored, "all writers have stored everything")  # noqa: B023
        stack.close()
        trial.ingest.stop()  # a session's statistics are complete when it has ended
        deadlocks = _deadlocks(trial)
        figures = trial.settle(rounds=rounds, deadlocks=deadlocks)

    trial.assert_clean(figures)
    assert figures.stored == rounds * _MESSAGES * _READINGS
    assert (deadlocks > 0) == bool(tampering)


def _write_together(trial: Trial, broker: Mosquitto, start_s: int) -> None:
    """Send a load while nobody may write, and let all writers begin at the same moment: drifted apart they never meet."""
    with psycopg.connect(trial.database) as gate:
        gate.execute("LOCK TABLE reading IN SHARE MODE")
        with trial.load(Load(broker.host, broker.port, _MESSAGES, _DEVICES, start_s)):
            pass
        waiting = "count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: trial.count(waiting) >= _WRITERS, "all writers wait", 10)


def _deadlocks(trial: Trial) -> int:
    return trial.count("deadlocks FROM pg_stat_database WHERE datname = current_database()")
