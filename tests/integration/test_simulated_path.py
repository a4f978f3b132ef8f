"""Tests of simulate, replay and verify through the whole of Hedgerow: API, broker, ingest and store."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from api.people import add_api_key, add_person
from simulators.faults import Faults
from simulators.publish import Broker
from simulators.register import Api, RegistrationError
from simulators.replay import Options as ReplayOptions
from simulators.replay import replay
from simulators.simulate import Options, simulate
from simulators.stream import Course
from simulators.table import columns_by_name, read_header
from simulators.verify import verify
from tests.integration.simulating import quiet, run
from tests.servers.console import running_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
EXTRACT = ROOT / "tests" / "data" / "uk_no2_met_2002_hourly.csv.gz"
CELLS = 8_628 + 8_700 + 8_675 + 8_699
"""Non-empty cells of the extract: NO2, wind speed, wind direction, temperature."""


@contextmanager
def running_ingest(database: str, broker: str) -> Iterator[None]:
    """Run the real ingest program, and end it in order."""
    program = subprocess.Popen(
        [sys.executable, "-m", "hedgerow", "ingest"],
        cwd=ROOT,
        env={**os.environ, "HEDGEROW_DATABASE_URL": database, "HEDGEROW_MQTT_URL": broker},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for_ingest(database)
        yield
    finally:
        program.terminate()
        program.wait(timeout=30)


def wait_for_ingest(database: str) -> None:
    """Wait until ingest is subscribed: a broker keeps nothing for a session it has never seen."""
    give_up = time.monotonic() + 30
    with psycopg.connect(database, autocommit=True) as connection:
        while time.monotonic() < give_up:
            row = connection.execute("SELECT bool_or(connected) FROM ingest_status").fetchone()
            if row is not None and row[0]:
                return
            time.sleep(0.05)
    raise RuntimeError("ingest did not connect to the broker")


def api_key(database: str) -> str:
    """Give a key with which devices can be registered."""
    with psycopg.connect(database) as connection:
        return add_api_key(connection, add_person(connection, "some manager", "manager"), "test")


def readings_in(database: str) -> int:
    """Count the stored readings."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
        assert row is not None
        return int(row[0])


def test_simulate_whole_path_every_reading_ends_where_it_should(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Registered over HTTP, published with all faults, ingested, compared: nothing lost, duplicate, phantom or wrong."""
    ledger = tmp_path / "a.ledger"
    course = Course(rate=1_000, most_messages=3_000, history_h=1, faults=Faults(0.03, 0.03, 0.03, 0.03, 0.2))
    with running_console(database, filled=False) as console, running_ingest(database, mosquitto.url):
        api = Api(console.url, api_key(database))
        summary = run(Options(Broker(mosquitto.url), api, devices=30, course=course, ledger=ledger))
        figures, examples = verify([ledger], database, wait_s=30)

    assert examples == []
    assert figures.ok
    assert figures.messages == figures.acknowledged == summary.acknowledged
    assert figures.malformed > 400
    assert figures.stored == figures.readings > 8_000
    assert figures.stored_by_arrival > 150


def test_simulate_killed_in_the_middle_leaves_a_ledger_that_adds_up(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Killed with signal 9 while publishing: whatever reached the store is in the ledger."""
    ledger = tmp_path / "a.ledger"
    program = (
        "import asyncio, sys, pathlib\n"
        "from simulators.simulate import Options, simulate\n"
        "from simulators.publish import Broker\n"
        "from simulators.register import Api\n"
        "from simulators.stream import Course\n"
        "mqtt, http, key, ledger = sys.argv[1:]\n"
        "options = Options(Broker(mqtt), Api(http, key), course=Course(rate=1500), ledger=pathlib.Path(ledger))\n"
        "asyncio.run(simulate(options, asyncio.Event()))\n"
    )
    with running_console(plain_database, filled=False) as console, running_ingest(plain_database, mosquitto.url):
        command = [sys.executable, "-c", program, mosquitto.url, console.url, api_key(plain_database), str(ledger)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + 30
        while not (ledger.exists() and ledger.stat().st_size > 300_000) and time.monotonic() < give_up:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        figures, examples = verify([ledger], plain_database, wait_s=30)

    assert examples == []
    assert figures.ok
    assert figures.acknowledged > 500


def test_simulate_devices_registered_later_get_what_was_held(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Sent before registration it is held, not lost; registered, it is stored, and nothing is held any more."""
    ledger = tmp_path / "a.ledger"
    broker = Broker(mosquitto.url)
    course = Course(rate=500, most_messages=500, faults=Faults(duplicate=0.1, malformed=0.1, skewed=0.05))
    with running_console(plain_database, filled=False) as console, running_ingest(plain_database, mosquitto.url):
        run(Options(broker, devices=10, course=course, ledger=ledger))
        before, _examples = verify([ledger], plain_database, wait_s=30)
        run(Options(broker, Api(console.url, api_key(plain_database)), devices=10, course=Course(duration_s=0)))
        give_up = time.monotonic() + 30
        after, examples = verify([ledger], plain_database)
        while (after.messages_held or after.lost) and time.monotonic() < give_up:
            after, examples = verify([ledger], plain_database)

    assert before.lost == 0
    assert before.messages_held > 400
    assert before.stored == 0
    assert examples == []
    assert after.ok
    assert (after.messages_held, after.stored) == (0, after.readings)


def test_simulate_registering_twice_changes_nothing_and_strangers_are_refused(
    plain_database: str, mosquitto: Mosquitto
) -> None:
    """The second time all devices are there, one of them renamed meanwhile; a wrong key registers none."""
    said: list[str] = []
    course = Course(duration_s=0)
    with running_console(plain_database, filled=False) as console:
        api = Api(console.url, api_key(plain_database))
        options = Options(Broker(mosquitto.url), api, devices=14, course=course)
        asyncio.run(simulate(options, asyncio.Event(), said.append))
        with psycopg.connect(plain_database) as connection:
            connection.execute("UPDATE device SET name = 'renamed' WHERE device_id = 3")
        asyncio.run(simulate(options, asyncio.Event(), said.append))
        with pytest.raises(RegistrationError, match="401"):
            run(Options(Broker(mosquitto.url), Api(console.url, "hr_stranger"), course=course))
    with pytest.raises(RegistrationError, match="cannot be reached"):
        run(Options(Broker(mosquitto.url), api, course=course))

    assert said == ["14 devices are registered, 14 of them new", "14 devices are registered, 0 of them new"]


def test_replay_every_cell_of_the_file_is_a_row_and_a_second_time_adds_none(
    database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A year of real hours from long ago: each non-empty cell once, times of 2002 believed, repeated without a trace."""
    ledgers = [tmp_path / "first.ledger", tmp_path / "second.ledger"]
    counts = []
    with running_console(database, filled=False) as console, running_ingest(database, mosquitto.url):
        api = Api(console.url, api_key(database))
        for ledger in ledgers:
            options = ReplayOptions(
                Broker(mosquitto.url),
                EXTRACT,
                columns_by_name(read_header(EXTRACT)),
                "date",
                "uk-no2",
                "UK hourly NO2",
                api,
                ledger=ledger,
            )
            summary, tally = asyncio.run(replay(options, asyncio.Event(), quiet))
            figures, examples = verify([ledger], database, wait_s=60)
            assert examples == []
            assert figures.ok
            assert (tally.readings, figures.readings, figures.stored) == (CELLS, CELLS, CELLS)
            assert summary.acknowledged == figures.messages
            counts.append(readings_in(database))

    assert counts == [CELLS, CELLS]
