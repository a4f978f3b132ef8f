"""`hedgerow bench drain`: a day of messages waits in the broker; how soon it is stored, and how live ones fare meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from hedgerow.bench import probes
from hedgerow.bench.database import BenchError, register, stored_readings
from hedgerow.bench.flood import load_for, outcome, sending
from hedgerow.bench.probes import probing
from hedgerow.bench.usage import memory_mib, memory_watched
from simulators.load import MEASURED, uid_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg

    from hedgerow.bench.probes import Latencies, Probes
    from hedgerow.bench.servers import Servers
    from hedgerow.bench.usage import Sample
    from simulators.load import Load

INTERVAL_S = 300
"""Between two messages of a sensor [s]."""

READINGS = 6
POLL_S = 0.05
_LOOK_EVERY_S = 0.05
_STALLED_AFTER_S = 60.0
_BROKER_BYTES_PER_MESSAGE = 1_000
"""Measured: about 700 for a message that waits, and while it is sent a copy of its payload."""


@dataclass(frozen=True, slots=True)
class Drained:
    """Figures of a drain."""

    sensors: int
    hours: float
    messages: int
    readings: int
    """Of the backlog, all of which were stored."""
    queue_s: float
    """How long it took to fill the broker [s]."""
    broker_mib: float
    """Memory of the broker with the backlog in it [MiB]."""
    seconds: float
    """From the start of the ingest process until the backlog was stored."""
    first_s: float
    """Of these, until the first readings were stored."""
    cpu_s: Mapping[str, float | None]
    peak_mib: float
    memory: Sequence[Sample]
    """Resident memory of ingest all along."""
    live: Latencies
    live_since_first: Latencies
    """Of live messages that were sent after the first readings had been stored."""

    @property
    def readings_per_s(self) -> float:
        """Readings of the backlog stored in a second."""
        return self.readings / self.seconds


def bench_drain(servers: Servers, sensors: int, hours: float, say: Callable[[str], None]) -> Drained:
    """Fill the broker while ingest is away, start ingest, and watch.

    Parameters
    ----------
    servers
        With Mosquitto, and an empty database.
    sensors, hours
        How many sensors sent a message every five minutes for how long [h].
    say
        Called with one line per step.

    Raises
    ------
    BenchError
        When there is too little memory, or not everything is stored.
    """
    turns = max(1, round(hours * 3600 / INTERVAL_S))
    start_s = int(time.time()) - turns * INTERVAL_S
    load = load_for(servers.broker, sensors * turns, sensors, start_s, interval_s=INTERVAL_S, readings=READINGS, prebuilt=False)
    _refuse_without_memory(load)
    with servers.database.connect() as connection:
        metrics = [measured.metric for measured in MEASURED[:READINGS]]
        register(connection, [*map(uid_of, range(sensors)), *probes.DEVICES], metrics)
        say("ingest makes its session at the broker, and ends")
        servers.start_ingest(live_first=True)
        servers.ingest.stop(20)
        queue_s = _fill(load, say)
        return _drain(servers, connection, load, (sensors, hours, queue_s), say)


def _refuse_without_memory(load: Load) -> None:
    needed, there = load.messages * _BROKER_BYTES_PER_MESSAGE, psutil.virtual_memory().available
    if needed > there:
        raise BenchError(
            f"{load.messages:,} messages take about {needed / 2**30:.1f} GiB in the broker, and {there / 2**30:.1f} GiB of"
            " memory are free: take fewer --sensors or --hours"
        )


def _fill(load: Load, say: Callable[[str], None]) -> float:
    say(f"{load.messages:,} messages of {load.readings} readings go into the broker …")
    with sending(load) as sender:
        sent = outcome(sender)
    return sent.ended_s - sent.began_s


def _drain(
    servers: Servers, connection: psycopg.Connection, load: Load, told: tuple[int, float, float], say: Callable[[str], None]
) -> Drained:
    sensors, hours, queue_s = told
    broker_mib = memory_mib(servers.broker.part.pid)
    if stored_readings(connection):
        raise BenchError("something was stored while ingest was away")
    series = probes.probe_series(connection)
    client = servers.start_api()
    before = servers.cpu_s()
    say(f"ingest starts; {probes.PER_S} live messages a second go on meanwhile …")
    with (
        memory_watched(lambda: servers.ingest.pid) as memory,
        probing(servers.broker, client, series, POLL_S) as live,
    ):
        began = time.perf_counter()
        servers.start_ingest_at_once(live_first=True)
        first_s, seconds = _watch(connection, began, load.messages * load.readings, live, say)
        cpu = _since(before, servers.cpu_s())
        peak_mib = servers.ingest_peak_mib()
        watched = list(memory)
    _check(connection, load.messages * load.readings + len(live.sent_s))
    return Drained(
        sensors=sensors,
        hours=hours,
        messages=load.messages,
        readings=load.messages * load.readings,
        queue_s=queue_s,
        broker_mib=broker_mib,
        seconds=seconds,
        first_s=first_s,
        cpu_s=cpu,
        peak_mib=peak_mib,
        memory=watched,
        live=live.latencies(POLL_S),
        live_since_first=live.latencies(POLL_S, since_s=began + first_s),
    )


def _watch(
    connection: psycopg.Connection, began: float, backlog: int, live: Probes, say: Callable[[str], None]
) -> tuple[float, float]:
    """Wait until the backlog is stored; gives when the first readings were and when all of them were [s]."""
    first_s, last, moved, told = 0.0, 0, began, began
    while (stored := stored_readings(connection) - live.visible) < backlog:
        now = time.perf_counter()
        if stored != last:
            last, moved, first_s = stored, now, first_s or now - began
        if now - moved > _STALLED_AFTER_S:
            raise BenchError(f"ingest stands still: {backlog - stored:,} readings are missing")
        if now - told > 5:
            told = now
            say(f"{stored:,} of {backlog:,} readings")
        time.sleep(_LOOK_EVERY_S)
    return first_s, time.perf_counter() - began


def _since(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> dict[str, float | None]:
    """Subtract CPU times; a process that has just been started had none before."""
    return {name: None if used is None else used - (before[name] or 0.0) for name, used in after.items()}


def _check(connection: psycopg.Connection, wanted: int) -> None:
    """Compare what was sent with what the counters and the table say."""
    row = connection.execute(query("count_readings")).fetchone()
    counted = int(row[0]) if row else 0
    stored = stored_readings(connection)
    if not wanted == stored == counted:
        raise BenchError(f"{wanted:,} readings were sent, {stored:,} counted as stored, and the table has {counted:,}")
