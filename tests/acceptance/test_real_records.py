"""Real records through the whole path: a British air-quality file, replayed through MQTT, comes back as it is in the file."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.path import WholePath

_ROOT = Path(__file__).parents[2]
_WHOLE = _ROOT.parent / "shared" / "data" / "aqeval_uk_no2_met_2001_2003_hourly.csv.gz"
_EXTRACT = _ROOT / "tests" / "data" / "uk_no2_met_2002_hourly.csv.gz"
_COLUMNS = {"no2": "no2", "ws": "wind_speed", "wd": "wind_direction", "air_temp": "air_temperature"}
_UID = "uk-records"

Cells = dict[tuple[str, datetime], float]


def _cells(file: Path) -> Cells:
    """Every non-empty cell of the mapped columns, by metric and time."""
    cells: Cells = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            time = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
            for column, metric in _COLUMNS.items():
                if row.get(column):
                    cells[metric, time] = float(row[column])
    return cells


def _replay(path: WholePath, file: Path, ledger: Path) -> None:
    mapping = [option for column, metric in _COLUMNS.items() for option in ("--column", f"{column}={metric}")]
    path.hedgerow("replay", str(file), "--uid", _UID, "--time-column", "date", "--ledger", str(ledger), *mapping)


def _stored(path: WholePath) -> Cells:
    with psycopg.connect(path.database) as connection:
        rows = connection.execute(
            "SELECT m.key, r.time, r.value FROM reading r JOIN series USING (series_id) JOIN metric m USING (metric_id)"
        ).fetchall()
    found: Cells = {(metric, time.astimezone(UTC)): value for metric, time, value in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(_EXTRACT, id="extract"),
        pytest.param(
            _WHOLE, id="whole", marks=pytest.mark.skipif(not _WHOLE.exists(), reason="../shared/data is not on this machine")
        ),
    ],
)
def test_uk_file_replayed_is_stored_cell_by_cell_and_again_adds_nothing(
    whole_path: WholePath, file: Path, tmp_path: Path
) -> None:
    """Every non-empty cell is a row, none twice, none else; replaying again adds nothing; daily means equal the file's."""
    cells = _cells(file)

    _replay(whole_path, file, tmp_path / "first.ledger")
    figures = whole_path.verify(tmp_path / "first.ledger")
    stored = _stored(whole_path)

    assert figures["ok"]
    assert figures["stored"] == len(cells)
    assert stored == cells
    _assert_daily_means(whole_path, cells)

    _replay(whole_path, file, tmp_path / "second.ledger")
    whole_path.verify(tmp_path / "second.ledger")

    assert _stored(whole_path) == cells
    assert whole_path.totals()["duplicate"] == len(cells)


def _assert_daily_means(path: WholePath, cells: Mapping[tuple[str, datetime], float]) -> None:
    by_day: dict[tuple[str, datetime], list[float]] = defaultdict(list)
    for (metric, time), value in cells.items():
        by_day[metric, time.replace(hour=0)].append(value)
    times = sorted(time for _, time in cells)
    query = {"device": _UID, "from": times[0].isoformat(), "to": (times[-1] + timedelta(hours=1)).isoformat(), "every": "24h"}
    with path.client as client:
        answer = client.get("/aggregate", params={**query, "stat": ["mean", "count"], "include_flagged": "true"})
    assert answer.status_code == 200, answer.text
    got = {(row["metric"], datetime.fromisoformat(row["time"])): row for row in answer.json()}
    assert got.keys() == by_day.keys()
    for key, values in by_day.items():
        assert got[key]["mean"] == pytest.approx(sum(values) / len(values), abs=1e-9)
        assert got[key]["count"] == got[key]["n"] == len(values)
