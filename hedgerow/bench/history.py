"""A history in the store: months of readings of many devices, copied in the order of time as they would have come."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.bench.database import BenchError
from ingest.batch import Batch, sort_unique
from ingest.encode import encode_readings
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from numpy.typing import NDArray

    from hedgerow.bench.servers import Servers

_DAY_S = 86_400
_BYTES_PER_ROW = 130
"""Of table and index, measured 97, and something for the log of what was written."""
_BYTES_BESIDES = 4 * 2**30
_BATCH_ROWS = 500_000
_FULL_MONTH_DAY = 28
_SAY_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class History:
    """Readings of some series at even intervals up to an end."""

    series: NDArray[np.int32]
    """Series ids, shape (n,)."""
    steps: int
    """Readings of each series."""
    start_s: int
    end_s: int

    @property
    def rows(self) -> int:
        """Count the readings."""
        return len(self.series) * self.steps

    def batches(self) -> Iterator[Batch]:
        """Give the readings a few steps at a time, each batch sorted by key."""
        at_once = max(1, _BATCH_ROWS // len(self.series))
        chance = np.random.default_rng(1)
        for first in range(0, self.steps, at_once):
            yield self._batch(np.arange(first, min(first + at_once, self.steps)), chance)

    def _batch(self, steps: NDArray[np.int64], chance: np.random.Generator) -> Batch:
        interval_us = (self.end_s - self.start_s) * 1_000_000 // self.steps
        # Each series has a second of its own within the interval: devices do not send all at once.
        offset_us = self.series.astype(np.int64) * 7_919_000_000 % max(1, interval_us)
        time_us = self.start_s * 1_000_000 + steps[:, None] * interval_us + offset_us
        count = time_us.size
        return sort_unique(
            Batch(
                series=np.tile(self.series, len(steps)),
                time_us=time_us.ravel(),
                value=chance.integers(0, 1000, count) / 10,
                flags=np.zeros(count, np.int16),
                metric=np.zeros(count, np.int32),
                received_us=np.zeros(count, np.int64),
            )
        ).batch


def end_of_history() -> int:
    """Give midnight UTC of the last 28th that is over [s since 1970]: what ends there fills its month, whatever day it is."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    while day.day != _FULL_MONTH_DAY:
        day -= timedelta(days=1)
    return int(day.timestamp())


def months_before(end_s: int, months: int) -> int:
    """Give the start of some months of 30 days before an end [s since 1970]."""
    return end_s - months * 30 * _DAY_S


def refuse_without_disk(servers: Servers, connection: psycopg.Connection, rows: int, say: Callable[[str], None]) -> None:
    """Compare what the history needs with what is free where the database lies.

    Raises
    ------
    BenchError
        When it is not enough.
    """
    row = connection.execute(query("read_data_directory")).fetchone()
    place = Path(str(row[0])) if row else servers.folder
    needed = (rows * _BYTES_PER_ROW + _BYTES_BESIDES) / 2**30
    if not place.exists():
        say(f"{needed:.0f} GiB of disk are needed; how much is free cannot be seen from here")
        return
    free = shutil.disk_usage(place).free / 2**30
    if needed > free:
        raise BenchError(
            f"{rows:,} rows need about {needed:.0f} GiB of disk at {place}, and {free:.0f} GiB are free: take fewer --rows,"
            " or set TMPDIR to a place with more"
        )
    say(f"{needed:.0f} GiB of disk are needed, {free:.0f} GiB are free")


def copy_batch(connection: psycopg.Connection, batch: Batch) -> None:
    """Copy readings sorted by key into the store, with the partitions they need."""
    days_s = np.unique(batch.time_us // (_DAY_S * 1_000_000)) * _DAY_S
    connection.execute(query("ensure_partitions"), {"parent": "reading", "days_s": days_s.tolist()})
    with connection.cursor() as cursor, cursor.copy(query("copy_readings")) as copying:
        copying.write(encode_readings(batch))


def fill(connection: psycopg.Connection, history: History, say: Callable[[str], None]) -> float:
    """Copy a history into the store and let the server tidy up after it; gives how long the copying took [s]."""
    began = told = time.monotonic()
    done = 0
    for batch in history.batches():
        copy_batch(connection, batch)
        done += len(batch)
        now = time.monotonic()
        if now - told > _SAY_EVERY_S or done == history.rows:
            told = now
            say(f"{done:,} of {history.rows:,} rows, {done / (now - began):,.0f} a second")
    took_s = time.monotonic() - began
    say("the server tidies up …")
    for name in ("bench_vacuum", "checkpoint"):
        connection.execute(query(name))
    return took_s
