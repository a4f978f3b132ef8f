"""Probes: live messages of devices of their own, each timed from its publishing until the API shows its reading.

They are sent on a schedule of their own, by a thread that waits for nobody: a path that stands still is sent no fewer of them.
Another thread asks the API for the readings that are still missing, again and again. Nothing is subtracted: a probe's time
holds the broker, the path, the commit, up to one polling step, and the API's own answer.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from devices.senml import encode_pack
from devices.topics import device_topic
from hedgerow.bench.database import BenchError
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx
    import psycopg

    from hedgerow.bench.brokers import Broker

DEVICES = tuple(f"live-{number:02d}" for number in range(20))
METRIC = "no2"
PER_S = 20
"""Probes in a second."""

_STEPS_PER_UNIT = 100
"""A probe is known by its value: its number in hundredths."""
_MOST_READINGS = 100_000
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long probes took to be visible [s], in the order in which they were sent."""

    seconds: Sequence[float]
    poll_s: float
    """The polling step, which is part of them."""

    def at(self, share: float) -> float | None:
        """Give a percentile: the least time that such a share of the probes did not exceed (nearest rank) [s]; None of none."""
        ranked = sorted(self.seconds)
        return ranked[ceil(share * len(ranked)) - 1] if ranked else None

    def ms_at(self, share: float) -> float | None:
        """Give a percentile [ms]; None where there was no probe."""
        value = self.at(share)
        return None if value is None else value * 1000


@dataclass(slots=True)
class Probes:
    """Probes under way."""

    sent_s: list[float] = field(default_factory=list)
    """When each was published [s of time.perf_counter]."""
    seen_s: dict[int, float] = field(default_factory=dict)
    """When the API first showed each."""
    ending: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    @property
    def visible(self) -> int:
        """Count the probes that the API has shown so far."""
        return len(self.seen_s)

    def latencies(self, poll_s: float, since_s: float = 0.0) -> Latencies:
        """Give the times of those sent since a moment [s of time.perf_counter], when the block has ended."""
        times = [self.seen_s[number] - sent for number, sent in enumerate(self.sent_s) if sent >= since_s]
        return Latencies(times, poll_s)


def probe_series(connection: psycopg.Connection) -> list[int]:
    """Look up the series that probes are stored in."""
    rows = connection.execute(query("list_load_series"), {"uids": list(DEVICES), "metrics": [METRIC]})
    return [int(row[0]) for row in rows]


@contextmanager
def probing(broker: Broker, client: httpx.Client, series: Sequence[int], poll_s: float) -> Iterator[Probes]:
    """Send probes while the block runs, and then wait until all of them are visible.

    Parameters
    ----------
    broker, client
        Where they are published, and the API in which they must appear.
    series
        In which they are stored.
    poll_s
        Time from one question to the API to the next, while probes are missing [s].

    Raises
    ------
    BenchError
        When one of them is still not visible two minutes after the block.
    """
    probes = Probes()
    publisher = _connected(broker)
    sender = threading.Thread(target=_guarded, args=(probes, _send, publisher), name="probes")
    asker = threading.Thread(target=_guarded, args=(probes, _ask, client, series, poll_s), name="ask")
    try:
        for thread in (sender, asker):
            thread.start()
        yield probes
    except BaseException as error:
        probes.error = error  # nobody waits for what is missing
        raise
    finally:
        probes.ending.set()
        for thread in (sender, asker):
            thread.join()
        publisher.disconnect()
        publisher.loop_stop()
    if probes.error is not None:
        raise BenchError(f"probes: {probes.error}") from probes.error


def _connected(broker: Broker) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "hedgerow-probes")
    client.max_inflight_messages_set(0)
    client.max_queued_messages_set(0)
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


def _guarded(probes: Probes, do: Any, *arguments: object) -> None:  # noqa: ANN401 - one of the two below
    """Do something in a thread; what fails there fails the benchmark."""
    try:
        do(probes, *arguments)
    except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
        probes.error = error
        probes.ending.set()


def _send(probes: Probes, client: mqtt.Client) -> None:
    """Publish a probe in every turn, at a moment of it left to chance: nothing else keeps this beat."""
    chance, began, number = Random(1), time.perf_counter(), 0  # noqa: S311 - a seeded schedule needs no secrecy
    while not probes.ending.wait(max(0.0, began + (number + chance.random()) / PER_S - time.perf_counter())):
        payload = encode_pack([METRIC], [number / _STEPS_PER_UNIT], [round(time.time(), 3)])
        probes.sent_s.append(time.perf_counter())
        client.publish(device_topic(DEVICES[number % len(DEVICES)]), payload, qos=1)
        number += 1


def _ask(probes: Probes, client: httpx.Client, series: Sequence[int], poll_s: float) -> None:
    """Ask for the readings from the oldest missing probe on, until none is missing any more."""
    clock_s = time.time() - time.perf_counter()
    give_up = None
    while probes.error is None:
        began = time.perf_counter()
        missing = next((number for number in range(len(probes.sent_s)) if number not in probes.seen_s), None)
        if missing is not None:
            since_ms = int((probes.sent_s[missing] + clock_s) * 1000) - 10
            _look(probes, client, {"series": list(series), "from": since_ms, "limit": _MOST_READINGS})
        if probes.ending.is_set():
            give_up = give_up or began + _PATIENCE_S
            if len(probes.seen_s) == len(probes.sent_s):
                return
            if began > give_up:
                raise TimeoutError(f"{len(probes.sent_s) - len(probes.seen_s)} live messages did not become visible")
        time.sleep(max(0.0, began + poll_s - time.perf_counter()))


def _look(probes: Probes, client: httpx.Client, asked: dict[str, Any]) -> None:
    answer = client.get("/api/v1/readings", params=asked, timeout=_PATIENCE_S)
    answer.raise_for_status()
    found = answer.json()
    seen_s = time.perf_counter()
    for reading in found:
        probes.seen_s.setdefault(round(reading["value"] * _STEPS_PER_UNIT), seen_s)
