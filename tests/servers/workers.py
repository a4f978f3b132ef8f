"""Several ingest workers to test: which process is which, and messages that show each loss and each repeat."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as mqtt
import psutil
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from devices.topics import device_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import Program

_DEVICES = 20


def pids_of(ingest: Program) -> dict[str, int]:
    """Process ids of the workers of a running `hedgerow ingest`, by name."""
    found = {}
    for process in psutil.Process(ingest.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has just died
            command = process.cmdline()
            if "ingest.program" in command:
                found[command[-1]] = process.pid
    return found


def kill_worker(ingest: Program, name: str) -> None:
    """Kill a worker as a crash does."""
    os.kill(pids_of(ingest)[name], signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], what: str, within_s: float = 30) -> None:
    """Wait for something that must come."""
    give_up = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


class Flood:
    """Messages of devices nobody knows, numbered and without a time of their own.

    Each is held, under the time of its arrival: one that is lost is missing there, one that is taken twice stands there twice.
    """

    def __init__(self, broker: Mosquitto, per_second: int) -> None:
        self.count = 0
        self._pause_s = 1 / per_second
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._last: mqtt.MQTTMessageInfo | None = None
        self._thread = threading.Thread(target=self._publish, name="flood")

    def __enter__(self) -> Self:
        """Begin to publish."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Publish no more, and wait until the broker has acknowledged all."""
        self._stopping.set()
        self._thread.join()
        assert self._last is not None
        self._last.wait_for_publish(20)
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, count: int) -> None:
        """Publish so many more at once."""
        with self._lock:
            for _ in range(count):
                payload = json.dumps({"pm2_5": 1.0, "number": self.count}).encode()
                self._last = self._client.publish(device_topic(f"nobody-{self.count % _DEVICES}"), payload, qos=1)
                self.count += 1
            assert self._last is not None
            self._last.wait_for_publish(20)

    def _publish(self) -> None:
        while not self._stopping.wait(self._pause_s * 20):
            self.send(20)


def held_numbers(database: str) -> Counter[int]:
    """Count how often each message of a flood stands in the table of held messages."""
    with psycopg.connect(database) as connection:
        return Counter(json.loads(bytes(row[0]))["number"] for row in connection.execute("SELECT payload FROM held"))


def assert_each_held_once(database: str, count: int, within_s: float = 30, most_twice: int = 0) -> None:
    """Wait until every message of a flood is held; none may be there twice, or so few where the form of sharing changed."""
    wait_until(lambda: len(held_numbers(database)) == count, f"of {count} messages some are missing", within_s)
    twice = {number: times for number, times in held_numbers(database).items() if times > 1}
    assert len(twice) <= most_twice, twice


@contextmanager
def claimed(database: str, worker: str) -> Iterator[None]:
    """Be a worker, as far as the database knows: no process can become it meanwhile."""
    with psycopg.connect(database, autocommit=True) as connection:
        lock = "SELECT pg_try_advisory_lock(hashtext('hedgerow worker'), hashtext(%s))"

        def is_ours() -> bool:
            row = connection.execute(lock, (worker,)).fetchone()
            return bool(row and row[0])

        wait_until(is_ours, f"{worker} lives on", within_s=10)
        yield


def starts_of(database: str) -> dict[str, datetime]:
    """When each worker last began to work."""
    with psycopg.connect(database) as connection:
        return {str(name): at for name, at in connection.execute("SELECT worker, started_at FROM ingest_status")}


def counter(database: str, name: str) -> int:
    """Read a counter of ingest, summed over its workers."""
    with psycopg.connect(database) as connection:
        row = connection.execute(f"SELECT coalesce(sum({name}), 0)::int FROM ingest_status".encode()).fetchone()  # noqa: S608
        return int(row[0]) if row else 0
