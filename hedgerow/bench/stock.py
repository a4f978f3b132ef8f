"""A stocked store: a month of every series and a year or so of some, copied as time went by while rollups were made."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import numpy as np

from hedgerow.bench.history import History, copy_batch
from hedgerow.bench.raw_copy import series_of
from ingest.rollups import begin, close_hours, roll_one
from simulators.load import METRICS, READINGS, uid_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psycopg

    from hedgerow.bench.database import Database

MONTH_DAYS = 31
_DAY_S = 86_400
_LONG_SHARE = 100
"""One site in so many has readings of all days, the others of a month."""
_LOOK_EVERY_S = 0.02
_SAY_EVERY_S = 5.0
_FILE = "stock.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a store is to hold."""

    readings: int
    """About as many."""
    sites: int
    """With five series each."""
    days: int
    """Of readings that the first sites have; the others have no more than a month."""

    @classmethod
    def of(cls, readings: int, series: int, days: int) -> Self:
        """Round series to fives, a site each."""
        return cls(readings, max(1, series // READINGS), days)

    @property
    def month_days(self) -> int:
        """Count the days that every site has."""
        return min(MONTH_DAYS, self.days)

    @property
    def long_sites(self) -> int:
        """Count the sites that have all days."""
        return max(1, self.sites // _LONG_SHARE)

    @property
    def interval_s(self) -> float:
        """Time between two readings of a series [s]."""
        days = self.sites * self.month_days + self.long_sites * (self.days - self.month_days)
        return max(1.0, days * READINGS * _DAY_S / self.readings)

    def steps(self, days: int) -> int:
        """Count the readings of a series in some days."""
        return max(1, round(days * _DAY_S / self.interval_s))


@dataclass(frozen=True, slots=True)
class Stock:
    """A store that holds it."""

    wanted: Wanted
    end_s: int
    """Where its history ends [s since 1970]."""
    built_s: float = 0.0
    """How long that took [s]."""


def read_stock(folder: Path) -> Stock | None:
    """Read what a kept folder holds; None where nothing was finished there."""
    file = folder / _FILE
    if not file.exists():
        return None
    noted = json.loads(file.read_text(encoding="utf-8"))
    return Stock(Wanted(**noted.pop("wanted")), **noted)


def write_stock(folder: Path, stock: Stock) -> None:
    """Note what a kept folder holds."""
    (folder / _FILE).write_text(json.dumps(asdict(stock)) + "\n", encoding="utf-8")


def build(database: Database, wanted: Wanted, end_s: int, say: Callable[[str], None]) -> Stock:
    """Fill an empty store with readings up to a full hour [s since 1970]; `say` is called with one line per step."""
    began = time.monotonic()
    month_s, start_s = (end_s - days * _DAY_S for days in (wanted.month_days, wanted.days))
    with database.connect() as connection, _Roller(database) as roller:
        begin(connection)
        close_hours(connection, datetime.fromtimestamp(start_s, UTC))
        say(f"{wanted.days} days of {wanted.long_sites:,} sites, up to the last month; rollups are made meanwhile …")
        long = _make_series(connection, 0, wanted.long_sites)
        if start_s < month_s:
            _fill(connection, History(long, wanted.steps(wanted.days - wanted.month_days), start_s, month_s), say)
        say(f"{wanted.month_days} days of {wanted.sites:,} sites …")
        every = np.concatenate([long, _make_series(connection, wanted.long_sites, wanted.sites)])
        _fill(connection, History(every, wanted.steps(wanted.month_days), month_s, end_s), say)
        say("the last rollups …")
        roller.finish()
        say("the server tidies up …")
        for name in ("repair_latest", "bench_vacuum_all", "checkpoint"):
            connection.execute(query(name))
    return Stock(wanted, end_s, time.monotonic() - began)


def _make_series(connection: psycopg.Connection, first: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Register sites with a device each and make their series; gives their ids, shape (n,)."""
    uids = [uid_of(device) for device in range(first, end)]
    connection.execute(query("register_stock_sites"), {"uids": uids})
    connection.execute(query("make_load_series"), {"metrics": list(METRICS)})
    connection.execute(query("bench_analyze"))
    return series_of(connection, end, READINGS)[first:].ravel()


def _fill(connection: psycopg.Connection, history: History, say: Callable[[str], None]) -> None:
    """Copy a history, closing the hours that have gone by with each batch."""
    began = told = time.monotonic()
    done = 0
    for batch in history.batches():
        copy_batch(connection, batch)
        done += len(batch)
        until_s = history.start_s + done // len(history.series) * (history.end_s - history.start_s) // history.steps
        close_hours(connection, datetime.fromtimestamp(until_s, UTC), patience="1min")
        now = time.monotonic()
        if now - told > _SAY_EVERY_S or done == history.rows:
            told = now
            say(f"{done:,} of {history.rows:,} rows, {done / (now - began):,.0f} a second")


class _Roller:
    """Makes rollups beside the copying by the steps that ingest takes, on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_filled = threading.Event()
        self._pool = ThreadPoolExecutor(1, "rollups")
        self._rolled = self._pool.submit(self._roll)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._is_filled.set()
        self._pool.shutdown()

    def finish(self) -> None:
        """Wait until there is nothing more to aggregate."""
        self._is_filled.set()
        self._rolled.result()

    def _roll(self) -> None:
        with self._database.connect() as connection:
            while True:
                is_last = self._is_filled.is_set()
                while roll_one(connection):
                    pass
                if is_last:
                    return
                time.sleep(_LOOK_EVERY_S)
