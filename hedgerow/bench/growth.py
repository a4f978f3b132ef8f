"""`hedgerow bench growth`: the same flood into an empty store, and into one that holds a hundred million readings."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from hedgerow.bench.database import empty_tables, register
from hedgerow.bench.flood import flood, load_for
from hedgerow.bench.history import History, end_of_history, fill, months_before, refuse_without_disk
from hedgerow.bench.raw_copy import copy, encode, readings_of, series_of
from simulators.load import METRICS, READINGS, uid_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import psycopg
    from numpy.typing import NDArray

    from hedgerow.bench.flood import Flood
    from hedgerow.bench.raw_copy import Copied
    from hedgerow.bench.servers import Servers

ROUNDS = 3
_APART_S = 3600
"""Between the times of two floods [s]: no reading of one is stored already."""


@dataclass(frozen=True, slots=True)
class State:
    """Figures of one state of the store."""

    rows: int
    """In it before the first flood."""
    gib: float
    """Size of the database then [GiB]."""
    floods: Sequence[Flood]
    copies: Sequence[Copied]
    """Raw COPY of the rows of such a flood, in between."""

    @property
    def wall_us(self) -> float:
        """Time for one reading: the median of the floods [µs]."""
        return median(flood.seconds / flood.readings * 1e6 for flood in self.floods)

    @property
    def cpu_us(self) -> float:
        """CPU time of PostgreSQL, broker and ingest for one reading: the median of the floods [µs]."""
        return median(_cpu_s(flood) / flood.readings * 1e6 for flood in self.floods)

    @property
    def postgres_us(self) -> float | None:
        """CPU time of PostgreSQL for one reading: the median of the floods [µs]."""
        used = [(flood.cpu_s["PostgreSQL"], flood.readings) for flood in self.floods]
        known = [cpu_s / readings * 1e6 for cpu_s, readings in used if cpu_s is not None]
        return median(known) if known else None

    @property
    def copy_us(self) -> float:
        """Time for one row of raw COPY: the median [µs]."""
        return median(copied.seconds / copied.rows * 1e6 for copied in self.copies)


@dataclass(frozen=True, slots=True)
class Growth:
    """Figures of both states."""

    empty: State
    full: State
    months: int
    fill_s: float


def bench_growth(servers: Servers, rows: int, messages: int, devices: int, months: int, say: Callable[[str], None]) -> Growth:
    """Measure an empty store, fill it, measure again.

    Parameters
    ----------
    servers
        Whose database is empty.
    rows
        About how many readings the store is to hold.
    messages, devices
        Of one flood: messages of five readings, dealt in turn to devices.
    months
        Over how many months the readings are spread.
    say
        Called with one line per step.
    """
    end_s = end_of_history()
    with servers.database.connect() as connection:
        refuse_without_disk(servers, connection, rows, say)
        register(connection, [uid_of(device) for device in range(devices)], METRICS)
        series = series_of(connection, devices, READINGS)
        history = History(series.ravel(), max(1, round(rows / series.size)), months_before(end_s, months), end_s)
        say("an empty store …")
        empty = _measure(servers, connection, (messages, devices, end_s), series, say, is_emptied=True)
        empty_tables(connection)
        say(f"{history.rows:,} rows of {series.size:,} series over {months} months …")
        fill_s = fill(connection, history, say)
        full = _measure(servers, connection, (messages, devices, end_s), series, say, is_emptied=False)
    return Growth(empty, full, months, fill_s)


def _measure(
    servers: Servers,
    connection: psycopg.Connection,
    load: tuple[int, int, int],
    series: NDArray[np.int32],
    say: Callable[[str], None],
    *,
    is_emptied: bool,
) -> State:
    """Flood the store some times, with raw COPY of as many rows in between; empty it before each, or let it grow."""
    messages, devices, end_s = load

    def ready() -> None:
        connection.execute(query("empty_big_tables" if is_emptied else "empty_small_tables"))

    rows, size_gib = _size(connection)
    connection.execute(query("checkpoint"))  # the later ones come when the server thinks fit
    servers.start_ingest()
    flood(servers, connection, load_for(servers.broker, devices, devices, end_s + _APART_S))
    floods, copies = [], []
    for turn in range(ROUNDS):
        ready()
        flooded = flood(servers, connection, load_for(servers.broker, messages, devices, end_s + (2 + 2 * turn) * _APART_S))
        say(f"{flooded.seconds / flooded.readings * 1e6:.2f} \N{MICRO SIGN}s a reading")
        floods.append(flooded)
        ready()
        start_s = end_s + (3 + 2 * turn) * _APART_S
        readings = readings_of(load_for(servers.broker, messages, devices, start_s), series, start_s)
        copies.append(copy(connection, servers.database, encode(readings)))
    servers.ingest.stop(20)
    return State(rows, size_gib, floods, copies)


def _size(connection: psycopg.Connection) -> tuple[int, float]:
    row = connection.execute(query("read_size")).fetchone()
    return (int(row[0]), int(row[1]) / 2**30) if row else (0, 0.0)


def _cpu_s(flooded: Flood) -> float:
    return sum(flooded.cpu_s[name] or 0.0 for name in ("PostgreSQL", "broker", "ingest"))
