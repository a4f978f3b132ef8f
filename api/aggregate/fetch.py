"""Aggregates out of the database: edges go in as bytes, rows and readings come out as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from psycopg.adapt import Dumper, Loader
from psycopg.postgres import types
from psycopg.pq import Format

from api.aggregate.expected import Stay
from api.aggregate.grid import BARE, Grid, bare, grid_of
from api.aggregate.of_readings import Readings
from api.errors import Unusable
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from psycopg import AsyncConnection, AsyncCursor
    from psycopg.abc import Buffer

    from api.buckets import Buckets

MOST_READINGS = 2_000_000
"""How many readings are taken into memory for statistics that need every one."""

_PG_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000
_TIMESTAMPS = types["timestamptz"]


class Times:
    """Times as a `timestamptz[]` of the database: a datetime for each would cost more than the question itself."""

    def __init__(self, us: NDArray[np.int64]) -> None:
        self.us = us


class _TimesDumper(Dumper):
    format = Format.BINARY
    oid = _TIMESTAMPS.array_oid

    def dump(self, obj: Times) -> Buffer:
        """Write one dimension without nulls: its head, then a length and a value each."""
        elements = np.empty(len(obj.us), [("length", ">i4"), ("value", ">i8")])
        elements["length"] = 8
        elements["value"] = obj.us - _PG_EPOCH_US
        return np.array([1, 0, _TIMESTAMPS.oid, len(obj.us), 1], ">i4").tobytes() + elements.tobytes()


class _ArrayLoader(Loader):
    """Reads a one-dimensional array without nulls."""

    format = Format.BINARY
    kind: ClassVar[str]

    def load(self, data: Buffer) -> NDArray[Any]:
        """Give its values."""
        elements = np.frombuffer(data, [("length", ">i4"), ("value", self.kind)], offset=20)
        return elements["value"].astype(self.kind[1:])


class _Ints(_ArrayLoader):
    kind = ">i4"


class _Floats(_ArrayLoader):
    kind = ">f8"


class _Longs(_ArrayLoader):
    kind = ">i8"


class _Shorts(_ArrayLoader):
    kind = ">i2"


_LOADERS = {"int2": _Shorts, "int4": _Ints, "int8": _Longs, "timestamptz": _Longs, "float8": _Floats}
_COLUMNS = ("series_id", "bucket", "n", "flags", *BARE)
"""Of the queries that give statistics as columns."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which readings count: of which series, when, and with which flags."""

    series: Sequence[int]
    """Ids, ascending."""
    during: Sequence[str | None]
    """For each series the times that count, as a PostgreSQL multirange; None: all."""
    excluding: int
    """Flags that keep a reading out."""

    def values(self) -> dict[str, object]:
        """Give the parameters of the queries."""
        return {"series": list(self.series), "during": list(self.during), "excluding": self.excluding}


async def fetch_grid(connection: AsyncConnection, which: Which, buckets: Buckets, statistics: Sequence[str]) -> Grid:
    """Ask for the statistics that rollups hold, of each series in each bucket."""
    needed = bare(statistics)
    values = which.values() | {"edges": Times(buckets.cuts), "limit": len(buckets) * len(which.series)}
    values |= {f"with_{name}": name in needed for name in BARE}
    name = "aggregate_bucket_readings_as_columns" if any(which.during) else "aggregate_buckets_as_columns"
    row = await (await _reading_arrays(connection).execute(query(name), values)).fetchone() or ()
    columns = {name: column for name, column in zip(_COLUMNS, row, strict=True) if column is not None}
    told = columns or {name: np.empty(0) for name in (*_COLUMNS[:4], *needed)}
    return grid_of(told, np.array(which.series, np.int32), buckets, statistics)


def _reading_arrays(connection: AsyncConnection) -> AsyncCursor:
    """Give a cursor that writes `Times` and reads arrays without nulls."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_dumper(Times, _TimesDumper)
    for name, loader in _LOADERS.items():
        cursor.adapters.register_loader(types[name].array_oid, loader)
    return cursor


async def fetch_statuses(connection: AsyncConnection, series: Sequence[int], buckets: Buckets) -> NDArray[np.int8]:
    """Ask for the lowest status of each series in each bucket: a position in `api.aggregate.table.STATUSES`."""
    status = np.zeros((len(buckets), len(series)), np.int8)
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_dumper(Times, _TimesDumper)
    await cursor.execute(query("lowest_status"), {"series": list(series), "edges": Times(buckets.cuts)})
    for series_id, bucket, is_ratified in await cursor.fetchall():
        status[bucket, np.searchsorted(series, series_id)] = 2 if is_ratified else 1
    return status


async def fetch_readings(connection: AsyncConnection, which: Which, buckets: Buckets, *, with_one_before: bool) -> Readings:
    """Ask for every reading that counts within the buckets.

    Parameters
    ----------
    with_one_before
        Whether the last reading of each series before the first bucket is wanted too.

    Raises
    ------
    Unusable
        When there are too many.
    """
    values = which.values() | {
        "ends": Times(buckets.cuts[[0, -1]]),
        "with_one_before": with_one_before,
        "limit": MOST_READINGS,
    }
    cursor = await _reading_arrays(connection).execute(query("list_readings_of_series"), values)
    ids, times, readings = await cursor.fetchone() or (None,) * 3
    if ids is None:
        return Readings(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), len(which.series))
    if len(ids) > MOST_READINGS:
        raise Unusable(
            f"These statistics need every single reading, which here are more than {MOST_READINGS:,}."
            " Shorten the time from `from` to `to`, or ask for fewer series."
        )
    order = np.lexsort((times, ids))
    places = np.searchsorted(np.array(which.series, np.int32), ids[order])
    return Readings(places, times[order] + _PG_EPOCH_US, readings[order], len(which.series))


async def fetch_stays(connection: AsyncConnection, series: Sequence[int], start: datetime, end: datetime) -> list[Stay]:
    """Ask which devices were to measure some series in a range of time."""
    values = {"series": list(series), "start": start, "end": end}
    cursor = connection.cursor(binary=True)
    return [Stay(*row) for row in await (await cursor.execute(query("list_stays_of_series"), values)).fetchall()]
