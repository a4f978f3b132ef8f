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
_GROUP = 4_000
_ROUNDS = 10
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
    messages = sized(8_000, 200_000)
    name = "A3 unsorted" if tampering else "A3 sorted"
    trial_of = running_trial(name, plain_database, mosquitto.url, tmp_path, *tampering, group_messages=_GROUP)
    with trial_of as trial, ExitStack() as stack:
        register_load(plain_database, _DEVICES)
        for number in range(1, _WRITERS):
            who = {"mqtt_client_id": f"writer-{number}", "group_messages": _GROUP}
            writer = ingest_program(plain_database, mosquitto.url, tmp_path, *tampering, **who)
            writer.start()
            stack.callback(writer.stop)
        wait_until(lambda: trial.count("count(*) FROM ingest_status WHERE connected") == _WRITERS, "all writers connect")
        rounds = 0
        while rounds == 0 or (tampering and rounds < _ROUNDS and not _deadlocks(trial)):
            start_s = int(time.time()) - (rounds + 1) * messages
            with trial.load(Load(mosquitto.host, mosquitto.port, messages, _DEVICES, start_s)):
                pass
            rounds += 1
            stored = _WRITERS * messages * rounds
            wait_until(lambda: trial.messages_stored() >= stored, "all writers have stored everything")  # noqa: B023
        stack.close()
        trial.ingest.stop()  # a session's statistics are complete when it has ended
        deadlocks = _deadlocks(trial)
        figures = trial.settle(deadlocks=deadlocks)

    trial.assert_clean(figures)
    assert figures.stored == rounds * messages * _READINGS
    assert (deadlocks > 0) == bool(tampering)


def _deadlocks(trial: Trial) -> int:
    return trial.count("deadlocks FROM pg_stat_database WHERE datname = current_database()")
