"""`hedgerow bench ingest`: the whole path against raw binary COPY of the same rows, in one run on one machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from hedgerow.bench.counting import count_delivered
from hedgerow.bench.database import SLOWED_MS, BenchError, commit_ms, empty_tables, register
from hedgerow.bench.flood import Flood, flood, load_for
from hedgerow.bench.raw_copy import check_archive, compare_with_stored, copy_into_empty, encode, readings_of, series_of
from simulators.load import METRICS, READINGS, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import psycopg
    from numpy.typing import NDArray

    from hedgerow.bench.raw_copy import Copied
    from hedgerow.bench.servers import Servers
    from simulators.load import Load

AGE_S = 40 * 86_400
"""How old the readings are when they come [s]: all of them go to the same month, whatever day it is."""

_COPIES = 2
"""How often the yardstick is taken before a flood, and again after it."""

_DELIVERIES = 2
_APART_S = 7200


class Column(NamedTuple):
    """What is measured in one column of the table."""

    archive: bool
    commit_ms: float
    """By how much each commit is slowed [ms]."""


COLUMNS = (Column(True, 0.0), Column(False, 0.0), Column(True, SLOWED_MS), Column(False, SLOWED_MS))


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one column."""

    column: Column
    commit_ms: float
    """What a commit took [ms]."""
    flood: Flood
    copies: list[Copied]
    """The yardstick, half of them before the flood and half after it."""
    delivered_per_s: list[float]
    """Messages a second that the broker hands to a subscriber that only counts them."""
    ingest_peak_mib: float

    @property
    def copy_rows_per_s(self) -> float:
        """The yardstick: the median of its measurements."""
        return median(copied.rows_per_s for copied in self.copies)

    @property
    def ratio(self) -> float:
        """Readings stored in a second against rows copied in a second."""
        return self.flood.readings_per_s / self.copy_rows_per_s

    @property
    def copy_cpu_us_per_message(self) -> float | None:
        """CPU time of the server for copying the rows of one message [µs]."""
        used = [copied.cpu_s for copied in self.copies if copied.cpu_s is not None]
        return median(used) / self.flood.messages * 1e6 if used else None


def bench_ingest(servers: Servers, messages: int, devices: int, warm_up: int, say: Callable[[str], None]) -> list[Result]:
    """Measure everything on and without the archive, with commits as fast as the disk makes them and slowed.

    Parameters
    ----------
    servers
        Whose database is empty.
    messages, devices
        How many messages of five readings, dealt in turn to how many devices.
    warm_up
        Messages that go through the whole path before anything is measured.
    say
        Called with one line per step.
    """
    start_s = int(time.time()) - AGE_S
    load = load_for(servers.broker, messages, devices, start_s)
    say(f"how fast {servers.broker.name} delivers {messages:,} messages to a subscriber that counts them …")
    delivered = [count_delivered(servers.broker, load).messages_per_s for _ in range(_DELIVERIES)]
    with servers.database.connect() as connection:
        register(connection, [uid_of(device) for device in range(devices)], METRICS)
        series = series_of(connection, devices, READINGS)
        say(f"warming up with {warm_up:,} messages and raw COPY …")
        servers.start_ingest()
        flood(servers, connection, load_for(servers.broker, warm_up, devices, start_s))
        servers.ingest.stop(20)
        copy_into_empty(connection, servers.database, encode(readings_of(load, series, time.time())))
    # Other times in every column: a message sent again would be recognised, and so cost less.
    loads = [replace(load, start_s=start_s + turn * _APART_S) for turn in range(1, len(COLUMNS) + 1)]
    return [_measure(servers, column, one, series, delivered, say) for column, one in zip(COLUMNS, loads, strict=True)]


def _measure(
    servers: Servers,
    column: Column,
    load: Load,
    series: NDArray[np.int32],
    delivered: list[float],
    say: Callable[[str], None],
) -> Result:
    readings = readings_of(load, series, time.time())
    encoded = encode(readings)
    with servers.database.connect(column.commit_ms) as connection:
        took_ms = commit_ms(connection)
        if took_ms < column.commit_ms:
            raise BenchError(f"commits were to take at least {column.commit_ms} ms and took {took_ms:.2f} ms")
        say(f"{_words(column)}: raw COPY …")
        copies = [copy_into_empty(connection, servers.database, encoded) for _ in range(_COPIES)]
        _start_warm(servers, connection, column, load)
        say(f"{_words(column)}: {load.messages:,} messages through the whole path …")
        flooded = flood(servers, connection, load)
        peak_mib = servers.ingest_peak_mib()
        servers.ingest.stop(20)
        compare_with_stored(connection, readings)
        check_archive(connection, load.messages if column.archive else 0)
        say(f"{_words(column)}: {flooded.readings_per_s:,.0f} readings/s; raw COPY again …")
        copies += [copy_into_empty(connection, servers.database, encoded) for _ in range(_COPIES)]
    return Result(column, took_ms, flooded, copies, delivered, peak_mib)


def _start_warm(servers: Servers, connection: psycopg.Connection, column: Column, load: Load) -> None:
    """Start ingest anew and let a message of every device through it, so that its first moments are no part of the flood."""
    empty_tables(connection)
    servers.start_ingest(column.commit_ms, archive=column.archive)
    few = min(load.devices, load.messages)
    flood(servers, connection, load_for(servers.broker, few, load.devices, load.start_s - _APART_S // 2))
    empty_tables(connection)


def _words(column: Column) -> str:
    archive = "everything on" if column.archive else "archive off"
    return f"{archive}, commits slowed by {column.commit_ms:g} ms" if column.commit_ms else archive
