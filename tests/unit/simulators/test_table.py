"""Tests of simulators/table.py."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from simulators.table import Column, TableError, Tally, columns_by_name, parse_column, read_header, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    WriteFile = Callable[..., Path]

EXTRACT = Path(__file__).parents[2] / "data" / "uk_no2_met_2002_hourly.csv.gz"


def rows_of(
    path: Path, *columns: str, zone: str = "UTC", time_column: str = "date"
) -> tuple[list[tuple[str, list[float]]], Tally]:
    """Read a file; times as ISO text."""
    tally = Tally()
    rows = read_rows(path, [parse_column(text) for text in columns], time_column, ZoneInfo(zone), tally)
    told = [
        (datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(), [value for _column, value in values])
        for time_us, values in rows
    ]
    return told, tally


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a file of lines."""

    def write_file(*lines: str) -> Path:
        path = tmp_path / "file.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write_file


def test_extract_of_the_uk_file_is_read_whole() -> None:
    """Every non-empty cell of the mapped columns is a value, every empty one is counted as such."""
    rows, tally = rows_of(EXTRACT, "no2=no2", "ws=wind_speed", "wd=wind_direction", "air_temp=air_temperature")

    with gzip.open(EXTRACT, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(",") for line in file][1:]
    cells = [cell for line in lines for cell in (line[1], line[3], line[4], line[5])]
    assert [value for _time, values in rows for value in values] == [float(cell) for cell in cells if cell]
    assert (tally.rows, tally.readings, tally.unreadable) == (8_760, 34_702, 0)
    assert tally.empty == 4 * 8_760 - 34_702
    assert rows[0][0] == "2002-01-01T00:00:00+00:00"
    assert rows[-1][0] == "2002-12-31T23:00:00+00:00"


def test_columns_by_name_maps_what_is_called_like_a_metric() -> None:
    """Keys and aliases of the vocabulary are enough; what is called otherwise is left out."""
    columns = columns_by_name(read_header(EXTRACT))

    assert {column.name: column.metric.key for column in columns} == {
        "no2": "no2",
        "ws": "wind_speed",
        "wd": "wind_direction",
        "air_temp": "air_temperature",
    }


def test_rows_empty_and_unreadable_cells_are_no_readings(write: WriteFile) -> None:
    """What is missing or no number is counted, and its neighbours are kept."""
    path = write("date,no2,o3", "2020-01-01T00:00:00Z,,5", "2020-01-01T01:00:00Z,NA,n/a", "2020-01-01T02:00:00Z,1e999,faulty")

    rows, tally = rows_of(path, "no2=no2", "o3=o3")

    assert [values for _time, values in rows] == [[5.0], [], []]
    assert (tally.rows, tally.readings, tally.empty, tally.unreadable) == (3, 1, 3, 2)


def test_rows_byte_order_mark_and_gzip_do_not_matter(tmp_path: Path) -> None:
    """A file as spreadsheets write it, packed, whatever its name."""
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress("\ufeffdate,no2\r\n2020-01-01,7\r\n".encode()))

    assert rows_of(path, "no2=no2")[0] == [("2020-01-01T00:00:00+00:00", [7.0])]


@pytest.mark.parametrize(
    ("cell", "zone", "expected"),
    [
        ("2022-07-01 12:00:00", "UTC", "2022-07-01T12:00:00+00:00"),
        ("2022-07-01 12:00:00", "Europe/London", "2022-07-01T11:00:00+00:00"),
        ("2022-03-20T11:00:00+01:00", "Europe/London", "2022-03-20T10:00:00+00:00"),
        ("2022-07-01T12:00:00Z", "Europe/London", "2022-07-01T12:00:00+00:00"),
        ("1656676800", "Europe/London", "2022-07-01T12:00:00+00:00"),
        ("1656676800000", "UTC", "2022-07-01T12:00:00+00:00"),
        ("1901-05-31 10:00:00", "UTC", "1901-05-31T10:00:00+00:00"),
    ],
)
def test_rows_time_is_read_with_its_offset_or_by_the_clock_named(write: WriteFile, cell: str, zone: str, expected: str) -> None:
    """An offset in the file wins; without one the named clock counts; numbers count from 1970."""
    assert rows_of(write("date,no2", f"{cell},1"), "no2=no2", zone=zone)[0] == [(expected, [1.0])]


def test_rows_hour_that_comes_twice_in_autumn_is_told_apart_by_order(write: WriteFile) -> None:
    """On 30 October 2022 the clock shows 01:00 twice; two rows, two hours."""
    path = write("date,no2", *(f"2022-10-30 {clock},1" for clock in ("00:30", "01:00", "01:30", "01:00", "01:30", "02:00")))

    times = [time[11:16] for time, _values in rows_of(path, "no2=no2", zone="Europe/London")[0]]

    assert times == ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]


def test_rows_time_that_is_none_says_where(write: WriteFile) -> None:
    """The message names row and cell."""
    with pytest.raises(TableError, match="row 2: 'yesterday'"):
        rows_of(write("date,no2", "2020-01-01,1", "yesterday,2"), "no2=no2")


def test_rows_missing_column_says_which_there_are(write: WriteFile) -> None:
    """A slip in a column's name is answered with the names there are."""
    with pytest.raises(TableError, match=r"no column no3; it has date, no2"):
        rows_of(write("date,no2", "2020-01-01,1"), "no3=no2")


@pytest.mark.parametrize("text", ["no2", "=no2", "no2=", "no2=midges", "no2=no2:lx", "pm10=pm10:ppb"])
def test_parse_column_that_cannot_be_used_is_refused(text: str) -> None:
    """A mapping needs a column, a known metric, and a unit that can be converted to the metric's."""
    with pytest.raises(TableError):
        parse_column(text)


def test_parse_column_names_with_equals_signs_are_possible() -> None:
    """The last equals sign divides."""
    column = parse_column("a=b=no2")

    assert (column.name, column.metric.key) == ("a=b", "no2")


@pytest.mark.parametrize(
    ("text", "sent_unit", "value", "stored"),
    [
        ("t=air_temperature:degF", "degF", 50.0, 10.0),
        ("t=air_temperature", "Cel", 50.0, 50.0),
        ("q=water_flow:l/s", "l/s", 100.59, 0.10059),
        ("q=flow_rate", "", 360.0, 360.0),
    ],
)
def test_column_unit_is_named_and_converted(text: str, sent_unit: str, value: float, stored: float) -> None:
    """A message names the unit it was given; without one it speaks the metric's own."""
    column: Column = parse_column(text)

    assert column.sent_unit == sent_unit
    assert column.stored(value) == pytest.approx(stored, rel=1e-12)
