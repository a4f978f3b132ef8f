"""`hedgerow bench naive`: what the usual programs of a page or two reach with the same messages, beside ingest, in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hedgerow.bench.database import SLOWED_MS, BenchError, commit_ms, empty_tables, register
from hedgerow.bench.flood import flood, load_for, sending
from hedgerow.bench.ingest import AGE_S
from hedgerow.bench.naive_clients import Progress, Wanted
from hedgerow.bench.report import Report, number, rounded
from simulators.load import METRICS, READINGS, uid_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg

    from hedgerow.bench.servers import Servers
    from simulators.load import Load

WAYS = {
    "insert": "one INSERT per reading, paho-mqtt",
    "batch": "careful batch: paho-mqtt, COPY, acknowledged after commit",
    "hedgerow": "hedgerow ingest, everything on",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one of them reached."""

    way: str
    slowed_ms: float
    commit_ms: float
    messages: int
    """Stored."""
    readings: int
    seconds: float

    @property
    def messages_per_s(self) -> float:
        """Messages stored in a second."""
        return self.messages / self.seconds


def bench_naive(servers: Servers, messages: int, seconds: float, devices: int, say: Callable[[str], None]) -> list[Result]:
    """Give each of them the same flood, with commits as fast as the disk makes them and slowed.

    Parameters
    ----------
    servers
        Whose database is empty.
    messages, devices
        Of the flood: messages of five readings, dealt in turn to devices.
    seconds
        After how long one that has not finished is stopped [s].
    say
        Called with one line per step.
    """
    load = load_for(servers.broker, messages, devices, int(time.time()) - AGE_S)
    with servers.database.connect() as connection:
        register(connection, [uid_of(device) for device in range(devices)], METRICS)
        connection.execute(query("naive_make_table"))
    return [_measure(servers, way, slowed_ms, load, seconds, say) for slowed_ms in (0.0, SLOWED_MS) for way in WAYS]


def _measure(servers: Servers, way: str, slowed_ms: float, load: Load, seconds: float, say: Callable[[str], None]) -> Result:
    say(f"{WAYS[way]}, commits {f'slowed by {slowed_ms:g} ms' if slowed_ms else 'as they are'} …")
    with servers.database.connect(slowed_ms) as connection:
        took_ms = commit_ms(connection)
        if way == "hedgerow":
            stored = _flood(servers, connection, load, slowed_ms)
        else:
            url = servers.database.connection_string(slowed_ms)
            stored = _run(connection, load, Wanted(way, url, servers.broker.port, load.messages, seconds))
    result = Result(way, slowed_ms, took_ms, *stored)
    say(f"{result.messages_per_s:,.0f} messages/s")
    return result


def _flood(servers: Servers, connection: psycopg.Connection, load: Load, slowed_ms: float) -> tuple[int, int, float]:
    # Its session ends with it: what is sent to the others must not wait for it.
    servers.start_ingest(slowed_ms, mqtt_session_expiry_s=0)
    empty_tables(connection)
    flooded = flood(servers, connection, load)
    servers.ingest.stop(20)
    return flooded.messages, flooded.readings, flooded.seconds


def _run(connection: psycopg.Connection, load: Load, wanted: Wanted) -> tuple[int, int, float]:
    connection.execute(query("naive_empty_table"))
    with _client(wanted) as client, sending(load):
        output, _ = client.communicate()
    if client.returncode:
        raise BenchError(f"{WAYS[wanted.way]} ended with exit code {client.returncode}")
    progress = Progress(**json.loads(output))
    row = connection.execute(query("naive_count")).fetchone()
    readings = int(row[0]) if row else 0
    if readings != progress.messages * READINGS:
        raise BenchError(
            f"{WAYS[wanted.way]}: {progress.messages:,} messages stored, it says, and {readings:,} readings are there"
        )
    return progress.messages, readings, progress.last_s - progress.first_s


@contextmanager
def _client(wanted: Wanted) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "hedgerow.bench.naive_clients", json.dumps(asdict(wanted))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as client:
        try:
            if client.stdout is None or client.stdout.readline() != "ready\n":
                raise BenchError("the client cannot subscribe")
            yield client
        finally:
            client.kill()


def report(results: Sequence[Result], machine: Mapping[str, str]) -> Report:
    """Lay out what each of them reached, with commits as they are and slowed."""
    plain = [result for result in results if not result.slowed_ms]
    slowed = {result.way: result for result in results if result.slowed_ms}
    rows: list[tuple[str, ...]] = [
        (
            WAYS[result.way],
            number(result.messages_per_s),
            number(slowed[result.way].messages_per_s),
            number(result.messages),
            number(slowed[result.way].messages),
        )
        for result in plain
    ]
    headings = ["", "messages/s", f"messages/s,\ncommits +{SLOWED_MS:g} ms", "stored", "stored,\nslowed"]
    notes = [
        (
            f"The same messages of {READINGS} readings from the same broker into the same server, all with QoS 1 and durable"
            " commits. The first two keep readings by the name of the series and do nothing else: no checks, no registry, no"
            " archive, no last values, no quarantine; and one message that cannot be parsed or stored ends them. Their programs"
            " stand in hedgerow/bench/naive_clients.py. One that has not finished in time is stopped: its rate is of what it"
            " stored."
        ),
        f"One small commit took {plain[0].commit_ms:.3f} ms, slowed {next(iter(slowed.values())).commit_ms:.3f} ms.",
    ]
    return Report("naive", machine, headings, rows, notes, [_figures(result) for result in results])


def _figures(result: Result) -> dict[str, object]:
    return {
        "way": result.way,
        "commit_slowed_ms": result.slowed_ms,
        "commit_ms": rounded(result.commit_ms),
        "messages_stored": result.messages,
        "readings_stored": result.readings,
        "seconds": rounded(result.seconds),
        "messages_per_s": rounded(result.messages_per_s, 0),
    }
