"""`hedgerow bench ingest`: the whole path against raw binary COPY of the same rows, in one run on one machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from devices.vocabulary import fill_vocabulary
from hedgerow.bench.servers import Servers, start_servers
from ingest.encode import HEADER, READING_ROW, TRAILER
from simulators.load import METRICS, Load, Sent, uid_of
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from numpy.typing import NDArray

COPY_ROWS = 40_000
"""Rows in one COPY of the yardstick: as many as a full group of messages has."""

_STALLED_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one run."""

    broker: str
    commit_ms: float
    messages: int
    readings: int
    seconds: float
    messages_per_s: float
    readings_per_s: float
    copy_rows_per_s: float
    ratio: float
    publish_s: float
    cpu_s: dict[str, float]
    ingest_peak_mib: float


def bench_ingest(messages: int, devices: int, say: Callable[[str], None]) -> list[Result]:
    """Measure twice: with commits as fast as this machine's disk makes them, and slowed by a millisecond.

    Parameters
    ----------
    messages, devices
        How many messages of five readings, dealt in turn to how many devices.
    say
        Called with one line per step.
    """
    with TemporaryDirectory(prefix="hedgerow-bench-") as folder, start_servers(Path(folder)) as servers:
        say(f"PostgreSQL, {servers.broker_name} and ingest on this machine; {devices:,} devices")
        _register(servers.database_url, devices)
        start_s = int(time.time()) - 40 * 86_400
        results = []
        for commit_delay_us in (0, 1000):
            load = Load(
                "127.0.0.1", servers.mqtt_port, messages, devices, start_s, user=servers.login[0], password=servers.login[1]
            )
            results.append(_measure(servers, load, commit_delay_us, say))
        return results


def _register(database_url: str, devices: int) -> None:
    with connect(database_url, name="hedgerow bench") as connection:
        fill_vocabulary(connection)
        uids = [uid_of(device) for device in range(devices)]
        connection.execute(query("register_load_devices"), {"uids": uids})
        connection.execute(query("make_load_series"), {"metrics": list(METRICS)})


def _measure(servers: Servers, load: Load, commit_delay_us: int, say: Callable[[str], None]) -> Result:
    with connect(servers.database_url, name="hedgerow bench") as connection:
        _set_commit_delay(connection, commit_delay_us)
        connection.execute(query("empty_big_tables"))
        before = _stored(connection)
        servers.restart_ingest()
        cpu_before = servers.cpu_s()
        say(f"publishing {load.messages:,} messages, each commit {'slowed by 1 ms' if commit_delay_us else 'as it is'} …")
        with _sending(load) as sender:
            ended = _wait_until_stored(connection, before + load.messages * len(METRICS))
            sent = _outcome(sender)
        cpu = {name: used - cpu_before.get(name, 0.0) for name, used in servers.cpu_s().items()}
        peak_mib = servers.ingest_peak_mib()
        say("raw binary COPY of the same rows …")
        rows = _read_rows(connection)
        copy_s = _copy_rows(connection, rows)
    seconds = ended - sent.began_s
    readings = load.messages * len(METRICS)
    return Result(
        broker=servers.broker_name,
        commit_ms=commit_delay_us / 1000,
        messages=load.messages,
        readings=readings,
        seconds=seconds,
        messages_per_s=load.messages / seconds,
        readings_per_s=readings / seconds,
        copy_rows_per_s=len(rows) / copy_s,
        ratio=(readings / seconds) / (len(rows) / copy_s),
        publish_s=sent.ended_s - sent.began_s,
        cpu_s={"load generator": sent.cpu_s, **cpu},
        ingest_peak_mib=peak_mib,
    )


def _set_commit_delay(connection: psycopg.Connection, commit_delay_us: int) -> None:
    slow = ("bench_slow_commits", "bench_slow_commits_always")
    for name in (*(slow if commit_delay_us else ("bench_plain_commits",)), "bench_reload"):
        connection.execute(query(name))


def _stored(connection: psycopg.Connection) -> int:
    row = connection.execute(query("read_stored_readings")).fetchone()
    return int(row[0]) if row else 0


def _wait_until_stored(connection: psycopg.Connection, target: int) -> float:
    """Wait until the counters, which move with each commit, reach the target; give the moment [s since 1970]."""
    moved_at, last = time.monotonic(), -1
    while (stored := _stored(connection)) < target:
        if stored != last:
            moved_at, last = time.monotonic(), stored
        if time.monotonic() - moved_at > _STALLED_AFTER_S:
            raise RuntimeError(f"ingest stands still at {stored:,} of {target:,} readings")
        time.sleep(0.01)
    return time.time()


@contextmanager
def _sending(load: Load) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "simulators.load", json.dumps(asdict(load))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        try:
            yield sender
        finally:
            sender.kill()


def _outcome(sender: subprocess.Popen[str]) -> Sent:
    output, _ = sender.communicate()
    if sender.returncode:
        raise RuntimeError(f"the load generator ended with exit code {sender.returncode}")
    return Sent(**json.loads(output))


def _read_rows(connection: psycopg.Connection) -> NDArray[np.void]:
    """Read every reading as an array of COPY rows, in the order of time."""
    with connection.cursor() as cursor, cursor.copy(query("copy_readings_out")) as copy:
        data = b"".join(bytes(block) for block in copy)
    return np.frombuffer(data[len(HEADER) : -len(TRAILER)], READING_ROW)


def _copy_rows(connection: psycopg.Connection, rows: NDArray[np.void]) -> float:
    """Copy the rows into the emptied table, a transaction per batch in key order; give the time it took [s]."""
    batches = [rows[at : at + COPY_ROWS] for at in range(0, len(rows), COPY_ROWS)]
    encoded = [HEADER + batch[np.lexsort((batch["time"], batch["series"]))].tobytes() + TRAILER for batch in batches]
    connection.execute(query("empty_big_tables"))
    connection.execute(query("checkpoint"))
    began = time.perf_counter()
    for data in encoded:
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(query("copy_readings")) as copy:
            copy.write(data)
    return time.perf_counter() - began
