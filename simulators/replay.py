"""Replay: real records from a file, published as if a device sent them, at a chosen speed or as fast as it goes."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from devices.flat import encode_object
from devices.senml import ABSOLUTE_FROM_S, encode_pack
from devices.topics import device_topic
from simulators.feed import feed
from simulators.ledger import Ledger, NoLedger
from simulators.message import Message, Reading
from simulators.publish import now_us, publishing
from simulators.register import NewDevice, register
from simulators.table import Tally, read_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from simulators.publish import Broker, Publisher, Summary
    from simulators.register import Api
    from simulators.table import Column

_ROWS_AT_ONCE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """What to replay, and as what."""

    broker: Broker
    file: Path
    columns: Sequence[Column]
    time_column: str
    uid: str
    name: str
    api: Api | None = None
    """Where the device is registered; None: it is not."""
    latitude: float = 50.75
    longitude: float = -2.35
    profile: str = "historical"
    """Profile to register with: this one believes times of the last hundred years."""
    zone: tzinfo = UTC
    """Clock of times without an offset."""
    speed: float | None = None
    """How many times as fast as it was recorded; None: as fast as it goes."""
    ledger: Path | None = None


def uid_for(path: Path) -> str:
    """Make a device uid from a file's name."""
    stem = path.name.lower().removesuffix(".gz").removesuffix(".csv")
    return ("replay-" + re.sub(r"[^a-z0-9._-]+", "-", stem))[:128]


async def replay(
    options: Options,
    stop: asyncio.Event,
    say: Callable[[str], None] = print,
    watch: Callable[[Publisher, Tally], None] = lambda _publisher, _tally: None,
) -> tuple[Summary, Tally]:
    """Replay the file to its end, or until `stop` is set; then wait for what is on its way.

    Parameters
    ----------
    say
        Called with a line about what happens.
    watch
        Called once with the publisher and the tally of the file, whose counters move from then on.

    Raises
    ------
    simulators.table.TableError
        When the file cannot be used.
    """
    if options.api is not None:
        new = await register(options.api, [], [_registration(options)])
        say(f"{options.uid} is registered{'' if new else ' already'}")
    notes = NoLedger() if options.ledger is None else Ledger(options.ledger, now_us(), f"replay of {options.file.name}")
    tally = Tally()
    began = time.monotonic()
    try:
        async with publishing(options.broker, notes, say) as publisher:
            watch(publisher, tally)
            await feed(_messages(options, tally), publisher, stop, say)
    finally:
        notes.close()
    return publisher.summary(time.monotonic() - began), tally


def _registration(options: Options) -> NewDevice:
    return NewDevice(
        uid=options.uid,
        name=options.name,
        latitude=options.latitude,
        longitude=options.longitude,
        profile=options.profile,
        domain=options.columns[0].metric.domain,
    )


async def _messages(options: Options, tally: Tally) -> AsyncIterator[list[Message]]:
    """Give the messages of the file, one for each row that has a value, when they are due."""
    rows = read_rows(options.file, options.columns, options.time_column, options.zone, tally)
    began, first_us = time.monotonic(), None
    ready: list[Message] = []
    for time_us, values in rows:
        first_us = time_us if first_us is None else first_us
        wait_s = _wait_s(options.speed, began, time_us - first_us)
        if ready and (wait_s > 0 or len(ready) == _ROWS_AT_ONCE):
            yield ready
            ready = []
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if values:
            ready.append(message_of(options.uid, time_us, values))
    yield ready


def _wait_s(speed: float | None, began: float, since_first_us: int) -> float:
    if speed is None:
        return 0.0
    return max(began + since_first_us / 1e6 / speed - time.monotonic(), 0.0)


def message_of(uid: str, time_us: int, values: Sequence[tuple[Column, float]]) -> Message:
    """Write one row as a SenML pack; as flat JSON where it is older than SenML can say (before July 1978)."""
    readings = tuple(Reading(column.metric.key, time_us, column.stored(value)) for column, value in values)
    if time_us / 1e6 < ABSOLUTE_FROM_S:
        time = (_EPOCH + timedelta(microseconds=time_us)).isoformat()
        payload = encode_object(time, {reading.metric: reading.value for reading in readings})
    else:
        payload = encode_pack(
            [column.metric.key for column, _value in values],
            [value for _column, value in values],
            [time_us / 1e6] * len(values),
            units=[column.sent_unit for column, _value in values],
        )
    return Message(uid, device_topic(uid), payload, readings)
