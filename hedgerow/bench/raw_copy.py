"""The yardstick: the rows of a load by raw binary COPY into the same table with the same key, and nothing else.

One connection copies batches that were sorted and encoded before the clock started, each in a transaction of its own. No
broker, no parsing, no checks, no archive, no last values: what remains is what PostgreSQL takes to keep the rows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.doubts import LATE_AFTER_US
from devices.flags import Flag
from hedgerow.bench.database import BenchError, empty_tables
from hedgerow.bench.usage import cpu_s
from ingest.batch import Batch, sort_unique
from ingest.encode import HEADER, TRAILER, encode_readings
from simulators.load import MEASURED, base_of, uid_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from numpy.typing import NDArray

    from hedgerow.bench.database import Database
    from simulators.load import Load

COPY_ROWS = 40_000
"""Rows in one COPY: as many as a full group of messages has."""


class Copied(NamedTuple):
    """What copying took."""

    rows: int
    seconds: float
    cpu_s: float | None
    """Of the server; None where it runs on another machine."""

    @property
    def rows_per_s(self) -> float:
        """Rows copied in a second."""
        return self.rows / self.seconds


def series_of(connection: psycopg.Connection, devices: int, readings: int) -> NDArray[np.int32]:
    """Look up the series of a load, shape (devices, readings)."""
    values = {"uids": [uid_of(device) for device in range(devices)], "metrics": [m.metric for m in MEASURED[:readings]]}
    found = [row[0] for row in connection.execute(query("list_load_series"), values)]
    return np.array(found, np.int32).reshape(devices, readings)


def readings_of(load: Load, series: NDArray[np.int32], received_s: float) -> Batch:
    """Tell which readings a load leads to, in the order in which they are sent, when it arrives at a time [s since 1970]."""
    turn, device = np.divmod(np.arange(load.messages), load.devices)
    time_s = load.start_s + turn * load.interval_s + device % load.interval_s
    base = base_of(device * 7 + time_s)
    value = np.stack([(base - measured.shift) / measured.divisor for measured in MEASURED[: load.readings]], axis=1)
    time_us = np.repeat(time_s * 1_000_000, load.readings)
    received_us = np.full(len(time_us), int(received_s * 1e6))
    late = received_us - time_us > LATE_AFTER_US
    return Batch(
        series=series[device].ravel(),
        time_us=time_us,
        value=value.ravel(),
        flags=late * np.int16(Flag.LATE),
        metric=np.zeros(len(time_us), np.int32),
        received_us=received_us,
    )


def encode(readings: Batch) -> list[bytes]:
    """Encode readings as the batches to be copied, each sorted by key."""
    return [encode_readings(sort_unique(_part(readings, at, COPY_ROWS)).batch) for at in range(0, len(readings), COPY_ROWS)]


def copy(connection: psycopg.Connection, database: Database, encoded: Sequence[bytes]) -> Copied:
    """Copy batches, a transaction each, into the table as it is."""
    rows, cpu_before, began = 0, cpu_s(database.postmaster), time.perf_counter()
    for data in encoded:
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy(query("copy_readings")) as copying:
                copying.write(data)
            rows += cursor.rowcount
    seconds = time.perf_counter() - began
    cpu_after = cpu_s(database.postmaster)
    return Copied(rows, seconds, None if cpu_after is None or cpu_before is None else cpu_after - cpu_before)


def copy_into_empty(connection: psycopg.Connection, database: Database, encoded: Sequence[bytes]) -> Copied:
    """Copy batches into the emptied table."""
    empty_tables(connection)
    return copy(connection, database, encoded)


def compare_with_stored(connection: psycopg.Connection, readings: Batch) -> None:
    """Compare every row of the table, to the bit, with what the yardstick copies.

    Raises
    ------
    BenchError
        When the path has stored something else than was sent.
    """
    with connection.cursor() as cursor, cursor.copy(query("copy_readings_out")) as copying:
        stored = b"".join(bytes(block) for block in copying)
    if stored[len(HEADER) : -len(TRAILER)] != encode_readings(sort_unique(readings).batch)[len(HEADER) : -len(TRAILER)]:
        raise BenchError("the readings stored are not those that were sent")


def check_archive(connection: psycopg.Connection, messages: int) -> None:
    """Compare how many raw messages the archive holds with how many were sent.

    Raises
    ------
    BenchError
        When it holds more or fewer.
    """
    row = connection.execute(query("count_archived")).fetchone()
    if row is None or row[0] != messages:
        raise BenchError(f"the archive was to hold {messages:,} messages, and holds {row[0] if row else 0:,}")


def _part(readings: Batch, at: int, count: int) -> Batch:
    return readings.take(np.arange(at, min(at + count, len(readings))))
