"""What fault tests share: a seeded fleet publishes with a ledger while something breaks, then everything must add up."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from simulators.verify import verify
from tests.faults.fleet import DEVICES, Flood, make_fleets, register_fleets
from tests.servers.path import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from simulators.load import Load
    from simulators.verify import Figures
    from tests.servers.mosquitto import Mosquitto

FULL = os.environ.get("HEDGEROW_FAULTS") == "full"
"""Whether the tests run at the size of `make faults`; else in the short form of `make test`."""

SEED = int(os.environ.get("HEDGEROW_FAULTS_SEED", "1"))
LINES = Path(__file__).parents[2] / "test-artefacts" / "faults.jsonl"

_ALL_WITHIN_S = 120.0


def sized(short: float, full: float) -> int:
    """Choose a number by the size of the run."""
    return int(full if FULL else short)


def report(**line: object) -> None:
    """Print the figures of a test as one line of JSON, and keep them."""
    text = json.dumps(line)
    print(text)
    LINES.parent.mkdir(exist_ok=True)
    with LINES.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@dataclass
class Trial:
    """One fault test under way: an ingest over a database and a broker, what was published, and what it took."""

    name: str
    database: str
    mqtt_url: str
    ingest: Program
    folder: Path
    devices: int = DEVICES
    random: Random = field(default_factory=lambda: Random(SEED))
    ledgers: list[Path] = field(default_factory=list)
    peak_memory_mib: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def row(self, statement: str) -> tuple[int, ...]:
        """Ask the database for one row."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row

    def count(self, statement: str) -> int:
        """Ask the database for one number."""
        return int(self.row(f"SELECT {statement}")[0])

    def messages_stored(self) -> int:
        """Messages whose transactions are committed, each delivery counted."""
        return self.count("coalesce(sum(messages), 0) FROM ingest_status")

    def crash(self) -> None:
        """Kill ingest and start it again."""
        self.ingest.kill()
        self.ingest.start()

    def wait_until_connected(self) -> None:
        """Wait until ingest is subscribed: a broker keeps nothing for a session it has never seen."""

        def connected() -> bool:
            assert self.ingest.running, self.ingest.log.read_text(encoding="utf-8")
            return bool(self.count("count(*) FROM ingest_status WHERE connected"))

        wait_until(connected, "ingest connects")

    def wait_until_storing(self) -> None:
        """Wait until ingest stores what comes."""
        before = self.messages_stored()
        wait_until(lambda: self.messages_stored() > before, "ingest stores")

    @contextmanager
    def flood(self, rate: float) -> Iterator[Flood]:
        """Publish while the block runs, and until ingest stores again: order then makes the last message the last stored."""
        flood = Flood()
        fleets = make_fleets(SEED, self.devices, rate, self.mqtt_url, (self._new_ledger(), self._new_ledger()))
        thread = threading.Thread(target=flood.publish, args=(fleets,), name="flood")
        thread.start()
        try:
            wait_until(lambda: flood.acknowledged > 0 or flood.error is not None, "the flood begins")
            yield flood
            self.wait_until_storing()
        finally:
            flood.stop()
            thread.join(_ALL_WITHIN_S)
        assert flood.error is None, flood.error
        assert not thread.is_alive()

    def _new_ledger(self) -> Path:
        self.ledgers.append(self.folder / f"{len(self.ledgers)}.ledger")
        return self.ledgers[-1]

    @contextmanager
    def load(self, load: Load) -> Iterator[Flood]:
        """Publish a load, far faster than a flood, from devices of `register_load`; the block may look on meanwhile."""
        flood = Flood()
        thread = threading.Thread(target=flood.send, args=(load, self._new_ledger()), name="load")
        thread.start()
        try:
            yield flood
        finally:
            thread.join()
        assert flood.error is None, flood.error

    def settle(self, patience_s: float = _ALL_WITHIN_S, **more: object) -> Figures:
        """Wait until everything published is stored, compare, and report the line of this test with `more` figures."""
        began = time.monotonic()
        figures, examples = verify(self.ledgers, self.database, wait_s=patience_s)
        drain_s = time.monotonic() - began
        report(
            test=self.name,
            flavour=self.flavour,
            seed=SEED,
            sent=figures.messages,
            acknowledged=figures.acknowledged,
            stored=figures.stored,
            duplicate=figures.duplicate,
            held=figures.messages_held,
            quarantined=figures.quarantined,
            lost=figures.lost,
            phantom=figures.phantom,
            wrong=figures.wrong,
            drain_s=round(drain_s, 1),
            peak_memory_mib=round(self.peak_memory_mib, 1),
            **more,
        )
        for example in examples:
            print(example)
        return figures

    @property
    def flavour(self) -> str:
        """Of the database: plain or timescaledb."""
        return flavour_of(self.database)

    def assert_clean(self, figures: Figures) -> None:
        """Nothing lost, doubled, invented or changed, and the counters add up to what the tables hold."""
        assert figures.ok, figures
        assert figures.stored > 0
        received, accounted, stored, rows = self.row(
            "SELECT sum(readings), sum(readings_stored + readings_duplicate + readings_quarantined), sum(readings_stored),"
            " (SELECT count(*) FROM reading) FROM ingest_status"
        )
        assert received == accounted
        assert stored == rows

    def watch_memory(self) -> None:
        """Keep the peak of the memory of ingest, whichever process it is."""
        while not self._over.wait(0.1):
            self.peak_memory_mib = max(self.peak_memory_mib, self.memory_mib("VmHWM"))

    def memory_mib(self, name: str = "VmRSS") -> float:
        """Read the memory of ingest [MiB]; 0 while it does not run."""
        with suppress(AssertionError, FileNotFoundError, ProcessLookupError, StopIteration):
            status = Path(f"/proc/{self.ingest.pid}/status").read_text(encoding="ascii")
            return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name))) / 1024
        return 0.0

    def end(self) -> None:
        """Stop watching."""
        self._over.set()


def wait_until(holds: Callable[[], bool], what: str, within_s: float = 60.0) -> float:
    """Wait until something holds; gives how long it took [s]. A database that is away does not hold."""
    began = time.monotonic()
    while time.monotonic() < began + within_s:
        with suppress(psycopg.OperationalError):
            if holds():
                return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s:g} s: {what}")


def flavour_of(database: str) -> str:
    """Tell a database's flavour: plain or timescaledb."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT max(flavour) FROM migration").fetchone()
    assert row is not None
    return str(row[0])


class BrokerFigures(NamedTuple):
    """What a broker says of itself."""

    waiting: int
    """Messages that wait in it."""
    dropped: int
    """Messages it has dropped."""


@contextmanager
def watched_broker(broker: Mosquitto) -> Iterator[Callable[[], BrokerFigures]]:
    """Give a function that tells what a broker said last, as often as its `sys_interval`; listen from the start of it.

    A figure that does not change is said once, and forgotten by the broker after a minute.
    """
    topics = ["$SYS/broker/store/messages/count", "$SYS/broker/publish/messages/dropped"]
    said: dict[str, int] = {}
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _userdata, message: said.update({message.topic: int(message.payload)})
    client.connect(broker.host, broker.port)
    client.subscribe([(topic, 0) for topic in topics])
    client.loop_start()
    try:
        wait_until(lambda: len(said) == len(topics), "the broker says its figures")
        yield lambda: BrokerFigures(*(said[topic] for topic in topics))
    finally:
        client.disconnect()
        client.loop_stop()


def ingest_program(database: str, mqtt_url: str, folder: Path, *tampering: str, **settings: object) -> Program:
    """Give an ingest program, not started yet; with tampering, words of tests/faults/tampered.py."""
    environment = {f"HEDGEROW_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {"HEDGEROW_DATABASE_URL": database, "HEDGEROW_MQTT_URL": mqtt_url}
    return Program("ingest", environment, folder / "ingest.log", command=tampered(*tampering))


def tampered(*tampering: str) -> Sequence[str]:
    """Give the command line of a tampered ingest; empty for the real one."""
    return [sys.executable, "-m", "tests.faults.tampered", *tampering] if tampering else ()


@contextmanager
def running_trial(
    name: str,
    database: str,
    mqtt_url: str,
    folder: Path,
    *tampering: str,
    ingest_database: str = "",
    ingest_mqtt_url: str = "",
    devices: int = DEVICES,
    **settings: object,
) -> Iterator[Trial]:
    """Run ingest over a database and a broker, connected when the block begins; other ways there lead through a proxy."""
    register_fleets(database, SEED, devices)
    ingest = ingest_program(ingest_database or database, ingest_mqtt_url or mqtt_url, folder, *tampering, **settings)
    trial = Trial(name, database, mqtt_url, ingest, folder, devices)
    watcher = threading.Thread(target=trial.watch_memory, name="memory")
    watcher.start()
    try:
        ingest.start()
        trial.wait_until_connected()
        yield trial
    finally:
        trial.end()
        watcher.join()
        ingest.stop()
