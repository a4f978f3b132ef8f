"""Annual statistics: a real kerbside record, replayed through MQTT, gives the figures that were made of its file."""

from __future__ import annotations

import csv
import gzip
import os
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.path import running_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath

_SHARED = Path(__file__).parents[2].parent / "shared"
_RECORD = _SHARED / "data" / "openair_mydata_marylebone_1998_2005.csv.gz"
_GOLDEN = _SHARED / "reference" / "tables" / "golden_openair_mydata_annual.csv"

_IS_FULL = os.environ.get("HEDGEROW_ACCEPTANCE") == "full"
_YEARS = range(1998, 2005) if _IS_FULL else range(2002, 2004)
_COLUMNS = ("no2=no2:ppb", "o3=o3:ppb", "pm10=pm10", "pm25=pm2_5")

# Column of the golden table: metric, statistic, threshold, and which part of it.
_MEANT = {
    "no2_capture_pct": ("no2", "mean", None, "data_capture"),
    "no2_mean": ("no2", "mean", None, "value"),
    "no2_hours_gt200": ("no2", "hours_above", 200, "value"),
    "no2_hours_gt200_unrounded": ("no2", "hours_above_unrounded", 200, "value"),
    "pm10_mean": ("pm10", "mean", None, "value"),
    "pm10_valid_days": ("pm10", "days_above", 50, "n"),
    "pm10_days_gt50": ("pm10", "days_above", 50, "value"),
    "pm25_mean": ("pm2_5", "mean", None, "value"),
    "pm25_capture": ("pm2_5", "mean", None, "data_capture"),
    "o3_days_md8_gt120": ("o3", "days_max_8h_above", 120, "value"),
    "no2_p99_8": ("no2", "percentile_99_8", None, "value"),
}


@pytest.fixture
def path(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[WholePath]:
    """Give the whole path over plain PostgreSQL: that its flavours answer alike is shown elsewhere."""
    with running_path(plain_database, mosquitto, tmp_path) as path:
        yield path


def _golden() -> dict[int, dict[str, str]]:
    with _GOLDEN.open(encoding="utf-8", newline="") as file:
        return {int(row.pop("year")): row for row in csv.DictReader(file)}


def _rows_of_years(target: Path) -> Path:
    """Write the rows of the years to replay, and of the day before them."""
    wanted = (str(_YEARS[0] - 1) + "-12-31", *(f"{year}-" for year in _YEARS))
    with gzip.open(_RECORD, "rt", encoding="utf-8") as source, target.open("w", encoding="utf-8") as file:
        file.writelines(line for number, line in enumerate(source) if number == 0 or line.startswith(wanted))
    return target


def _statistics(path: WholePath) -> dict[tuple[Any, ...], dict[str, Any]]:
    with path.client as client:
        answer = client.get("/air-quality/annual", params={"from_year": _YEARS[0], "to_year": _YEARS[-1]})
    assert answer.status_code == 200, answer.text
    return {(one["year"], one["metric"], one["statistic"], one["threshold"]): one for one in answer.json()}


def _as_printed(part: str, value: float, decimals: int) -> Decimal:
    """Round a value as the table's column is, half up; shares are per cent there."""
    exact = Decimal(repr(value)) * (100 if part == "data_capture" else 1)
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@pytest.mark.skipif(not _RECORD.exists(), reason="../shared/data is not on this machine")
def test_annual_statistics_of_a_kerbside_record_equal_the_golden_table(path: WholePath, tmp_path: Path) -> None:
    """Every column of every year, to the precision it is printed with: 2002 and 2003, or all with HEDGEROW_ACCEPTANCE=full."""
    golden, ledger = _golden(), tmp_path / "record.ledger"
    columns = [option for column in _COLUMNS for option in ("--column", column)]
    record = _rows_of_years(tmp_path / "record.csv")

    path.hedgerow("replay", str(record), "--uid", "kerbside", "--time-column", "date", "--ledger", str(ledger), *columns)
    assert path.verify(ledger)["ok"]
    found = _statistics(path)

    for column, (*which, part) in _MEANT.items():
        decimals = max(len(row[column].partition(".")[2]) for row in golden.values())
        told = {year: found[year, *which][part] for year in _YEARS}
        assert {year: _as_printed(part, value, decimals) for year, value in told.items()} == {
            year: Decimal(golden[year][column]) for year in _YEARS
        }, column
    _assert_verdicts(found)


def _assert_verdicts(found: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> None:
    """Check 2003 at the kerbside: NO2 and PM10 above UK limits, PM2.5 below; whoever asks is told whose values they are."""
    verdicts = {
        (metric, statistic, held["regime"]): (held["exceeded"], held["standing"])
        for (year, metric, statistic, _threshold), one in found.items()
        if year == 2003
        for held in one["held_against"]
        if held["regime"] == "UK AQSR 2010" or metric == "pm2_5"
    }
    assert verdicts["no2", "mean", "UK AQSR 2010"] == (True, "compliance")
    assert verdicts["no2", "hours_above", "UK AQSR 2010"] == (True, "compliance")
    assert verdicts["pm10", "days_above", "UK AQSR 2010"] == (True, "compliance")
    assert verdicts["pm10", "mean", "UK AQSR 2010"] == (False, "compliance")
    assert verdicts["pm2_5", "mean", "UK AQSR 2010"] == (False, "compliance")
    assert verdicts["pm2_5", "mean", "EU 2024/2881"] == (True, "comparison")
    assert found[2003, "no2", "mean", None]["is_valid"]
