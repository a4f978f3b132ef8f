"""A file of real records: takes a CSV (or CSV.gz) with a column mapping, gives times and values row by row."""

from __future__ import annotations

import csv
import gzip
import math
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import IO, TYPE_CHECKING

from devices.flat import time_us
from devices.units import conversion
from devices.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from devices.model import Metric

_GZIP_MAGIC = b"\x1f\x8b"
_NO_READING = frozenset({"", "na", "n/a", "nan", "null", "none"})


class TableError(Exception):
    """A file or a mapping that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file and the metric it holds."""

    name: str
    metric: Metric
    unit: str = ""
    """Unit of its values; empty: the metric's own."""

    @property
    def sent_unit(self) -> str:
        """Unit a message names: what was given, else the metric's SenML unit where that is its own unit by another name."""
        own = (1.0, 0.0)
        senml = self.metric.unit_senml
        return self.unit or (senml if self._conversion(senml) == own else "")

    def stored(self, value: float) -> float:
        """Convert a value of the column into the metric's own unit, as ingest will."""
        scale, offset = self._conversion(self.unit) or (1.0, 0.0)
        return value * scale + offset

    def _conversion(self, unit: str) -> tuple[float, float] | None:
        return conversion(unit, self.metric.unit, self.metric.unit_senml, self.metric.key)

    def __post_init__(self) -> None:
        if self._conversion(self.unit) is None:
            raise TableError(
                f"column {self.name}: {self.metric.key} is kept in {self.metric.unit}; {self.unit} cannot be converted to that"
            )


@dataclass(slots=True)
class Tally:
    """What was found in the file so far."""

    rows: int = 0
    readings: int = 0
    empty: int = 0
    """Cells without a value: no readings."""
    unreadable: int = 0
    """Cells that are neither empty nor a number: no readings either."""


def parse_column(text: str) -> Column:
    """Read a mapping such as `ws=wind_speed` or `temp=air_temperature:degF`.

    Raises
    ------
    TableError
        When it is none, or names an unknown metric.
    """
    name, equals, meaning = text.rpartition("=")
    key, _colon, unit = meaning.partition(":")
    if not equals or not name:
        raise TableError(f"{text!r} is no mapping; write COLUMN=METRIC, for example ws=wind_speed")
    metric = _metrics().get(key.lower())
    if metric is None:
        raise TableError(f"{key!r} is not a metric of the vocabulary")
    return Column(name, metric, unit)


def columns_by_name(header: Sequence[str]) -> list[Column]:
    """Map the columns that are called like a metric, or like one of its aliases."""
    known = _metrics()
    return [Column(name, known[name.lower()]) for name in header if name.lower() in known]


def read_header(path: Path) -> list[str]:
    """Give the names of a file's columns."""
    with _opened(path) as file:
        return list(csv.DictReader(file).fieldnames or [])


def read_rows(
    path: Path, columns: Sequence[Column], time_column: str, zone: tzinfo, tally: Tally
) -> Iterator[tuple[int, list[tuple[Column, float]]]]:
    """Give time [µs since 1970] and values of each row, and count in `tally` what is met.

    Raises
    ------
    TableError
        When a column is missing or a time cannot be read.
    """
    missing = {time_column, *(column.name for column in columns)} - set(read_header(path))
    if missing:
        raise TableError(f"{path.name} has no column {', '.join(sorted(missing))}; it has {', '.join(read_header(path))}")
    before = None
    with _opened(path) as file:
        for row in csv.DictReader(file):
            tally.rows += 1
            before = _time_us(row[time_column], zone, before, tally.rows)
            yield before, _values(row, columns, tally)


def _values(row: Mapping[str, str], columns: Sequence[Column], tally: Tally) -> list[tuple[Column, float]]:
    values = []
    for column in columns:
        cell = (row[column.name] or "").strip()
        if cell.lower() in _NO_READING:
            tally.empty += 1
            continue
        value = _number(cell)
        if value is None:
            tally.unreadable += 1
        else:
            values.append((column, value))
    tally.readings += len(values)
    return values


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _time_us(cell: str, zone: tzinfo, before_us: int | None, row: int) -> int:
    """Read a time; one without an offset is on the clock of `zone`."""
    seconds = _number(cell)
    if seconds is not None:
        return time_us(seconds)
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError as error:
        raise TableError(f"row {row}: {cell!r} is no time; write ISO 8601 or seconds since 1970") from error
    if moment.tzinfo is not None:
        return time_us(cell)
    found_us = _utc_us(moment.replace(tzinfo=zone))
    if before_us is not None and found_us <= before_us:
        # In autumn an hour comes twice on the clock; a time that does not go on from the last row is of the second.
        return _utc_us(moment.replace(tzinfo=zone, fold=1))
    return found_us


def _utc_us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _metrics() -> dict[str, Metric]:
    """Give the vocabulary by key and alias."""
    metrics = load_vocabulary()
    return {alias: metric for metric in metrics for alias in metric.aliases} | {metric.key: metric for metric in metrics}


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Open a text file, packed or not; a byte order mark is no part of the first name."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP_MAGIC
    if is_packed:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield text
    else:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text
