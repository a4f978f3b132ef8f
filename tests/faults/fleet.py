"""Fleets of the fault tests: registered, published from threads, each message noted in a ledger."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from devices.topics import device_topic
from simulators.county import make_county
from simulators.faults import Faults
from simulators.ledger import Ledger
from simulators.load import INTERVAL_S, METRICS, payload_of, send, uid_of
from simulators.malformed import MALFORMED
from simulators.message import Message, Reading
from simulators.publish import Broker, now_us
from simulators.simulate import Options, simulate
from simulators.stream import Course
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from simulators.load import Load
    from simulators.publish import Publisher

DEVICES = 60

_ROUGH = Faults(duplicate=0.02, late=0.02, out_of_order=0.02, malformed=0.05)
_WRONG_CLOCKS = Faults(skewed=1.0)
"""Messages without a time that can be believed have only their arrival for a key: the hard ones to count once.

They come from devices of their own: on one that also has right times, an arrival may by chance be the time of another message.
"""

_STRANGERS = 3
_LOST_IN_TIME, _SHARE_LOST_IN_TIME = 6, 0.05
_MALFORMED = tuple(name for name in MALFORMED if name != "too_large")
_NOTED_AT_ONCE = 10_000
_KEYS = {"temperature": "air_temperature", "humidity": "relative_humidity"}


def register_fleets(database: str, seed: int, devices: int) -> None:
    """Register the devices of `make_fleets` but for three, whose messages are held."""
    known = make_county(seed, devices).devices[:-_STRANGERS]
    lost_in_time = make_county(seed + 1, _LOST_IN_TIME).devices
    _register(database, [device.uid for device in [*known, *lost_in_time]])


def register_load(database: str, devices: int) -> None:
    """Register the devices of a load."""
    _register(database, [uid_of(device) for device in range(devices)])


def _register(database: str, uids: list[str]) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(query("register_load_devices"), {"uids": uids})


def make_fleets(seed: int, devices: int, rate: float, mqtt_url: str, ledgers: tuple[Path, Path]) -> list[Options]:
    """Plan a fleet that makes all mistakes but one, and a small one whose clocks are wrong, `rate` [1/s] together."""
    lost_in_time = _SHARE_LOST_IN_TIME * rate
    broker = Broker(mqtt_url, in_flight=500)
    rough = Course(rate=rate - lost_in_time, faults=_ROUGH, malformed=_MALFORMED)
    wrong = Course(rate=lost_in_time, faults=_WRONG_CLOCKS)
    return [
        Options(broker, None, devices, seed, rough, ledgers[0]),
        Options(broker, None, _LOST_IN_TIME, seed + 1, wrong, ledgers[1]),
    ]


@dataclass
class Flood:
    """Messages being published by a thread."""

    publishers: list[Publisher] = field(default_factory=list)
    stop: Callable[[], object] = lambda: None
    error: BaseException | None = None
    began: float = 0.0
    """When a load began to be sent, after its ledger was written [s of time.monotonic]."""

    @property
    def acknowledged(self) -> int:
        """Messages of fleets that the broker has confirmed so far."""
        return sum(publisher.acknowledged for publisher in self.publishers)

    def publish(self, fleets: Sequence[Options]) -> None:
        """Let fleets publish until told to stop; an error is kept for the test's own thread."""
        try:
            asyncio.run(self._publish(fleets))
        except BaseException as error:  # noqa: BLE001 - raised by whoever looks
            self.error = error

    def send(self, load: Load, path: Path) -> None:
        """Note a load in a ledger, then send it as fast as it goes; ends when every message is acknowledged."""
        try:
            _note(load, path)
            self.began = time.monotonic()
            send(load)
        except BaseException as error:  # noqa: BLE001 - raised by whoever looks
            self.error = error

    async def _publish(self, fleets: Sequence[Options]) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(stop.set)

        self.stop = end
        async with asyncio.TaskGroup() as tasks:
            for fleet in fleets:
                tasks.create_task(simulate(fleet, stop, lambda _line: None, self.publishers.append))


def _note(load: Load, path: Path) -> None:
    """Write the ledger of a load as if all were acknowledged; that it is, the end of `send` says."""
    with Ledger(path, now_us(), "load") as ledger:
        for first in range(0, load.messages, _NOTED_AT_ONCE):
            numbers = range(first, min(first + _NOTED_AT_ONCE, load.messages))
            for sequence in ledger.send([_message(load, number) for number in numbers], now_us()):
                ledger.acknowledge(sequence, now_us())


def _message(load: Load, number: int) -> Message:
    turn, device = divmod(number, load.devices)
    time_s = load.start_s + turn * INTERVAL_S
    payload = payload_of(device, time_s)
    values = [record["v"] for record in json.loads(payload)]
    readings = tuple(
        Reading(_KEYS.get(metric, metric), time_s * 1_000_000, value) for metric, value in zip(METRICS, values, strict=True)
    )
    return Message(uid_of(device), device_topic(uid_of(device)), payload, readings)
