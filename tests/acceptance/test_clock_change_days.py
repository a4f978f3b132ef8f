"""Clock-change days: a river's hours with the offsets of its clock, replayed, make local days of 23, 24 and 25 hours."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.servers.path import running_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath

_RECORD = Path(__file__).parents[1] / "data" / "river_water_flow_2022_hourly.csv.gz"
_FLOW = "Water flow [l/s]"
_ZONE = ZoneInfo("Europe/Paris")
_UID = "river"

# The record has the day in March that lacks an hour; 31 weeks later the same week has the day in October with one more.
_MOVED = timedelta(weeks=31)
_SPRING, _AUTUMN = date(2022, 3, 27), date(2022, 10, 30)


@pytest.fixture
def path(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[WholePath]:
    """Give the whole path over plain PostgreSQL: that its flavours aggregate alike is shown elsewhere."""
    with running_path(plain_database, mosquitto, tmp_path) as path:
        yield path


def _flows() -> dict[datetime, float]:
    """Read the record, and once more half a year later: flow [l/s] by moment [UTC]."""
    with gzip.open(_RECORD, "rt", encoding="utf-8", newline="") as file:
        read = {datetime.fromisoformat(row["Time"]).astimezone(UTC): float(row[_FLOW]) for row in csv.DictReader(file)}
    return read | {time + _MOVED: flow for time, flow in read.items()}


def _write(flows: Mapping[datetime, float], target: Path) -> Path:
    """Write a record as the river's is: times on its clock, with their offsets."""
    with target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Time", _FLOW])
        rows.writerows((time.astimezone(_ZONE).isoformat(), flow) for time, flow in flows.items())
    return target


def _asked(path: WholePath, address: str, **question: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - parameters
    with path.client as client:
        answer = client.get(address, params={"metric": "water_flow", **question})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def _put_site_into_zone(path: WholePath) -> None:
    with path.client as client:
        site = client.get(f"/devices/{_UID}").json()["site"]
        assert client.patch(f"/sites/{site}", json={"time_zone": _ZONE.key}).status_code == 200


def test_river_hours_make_days_of_its_own_clock(path: WholePath, tmp_path: Path) -> None:
    """Every hour is at its moment; each local day has the hours the record has, 23 in March and 25 in October; units fit."""
    flows = _flows()
    ledger = tmp_path / "river.ledger"
    record = _write(flows, tmp_path / "river.csv")

    path.hedgerow(
        "replay", str(record), "--uid", _UID, "--time-column", "Time", "--column", f"{_FLOW}=water_flow:l/s",
        "--ledger", str(ledger),
    )  # fmt: skip
    assert path.verify(ledger)["ok"]
    _put_site_into_zone(path)
    stored = _asked(path, "/readings", limit=10_000)
    days = _asked(path, "/aggregate", every="1d", stat=["mean", "min", "max", "sum"], include_flagged=True)

    assert {datetime.fromisoformat(one["time"]): one["value"] for one in stored} == pytest.approx(
        {time: flow / 1000 for time, flow in flows.items()}
    )
    by_day: dict[date, list[float]] = defaultdict(list)
    for time, flow in flows.items():
        by_day[time.astimezone(_ZONE).date()].append(flow / 1000)
    assert (len(by_day[_SPRING]), len(by_day[_AUTUMN])) == (23, 25)
    _assert_same_days(days, by_day)


def _assert_same_days(days: list[dict[str, Any]], by_day: Mapping[date, list[float]]) -> None:
    """Check that each bucket begins at its day's midnight there and tells of that day's values."""
    starts = {day: datetime(day.year, day.month, day.day, tzinfo=_ZONE).astimezone(UTC) for day in by_day}
    assert [datetime.fromisoformat(one["time"]) for one in days if one["n"]] == sorted(starts.values())
    told = {datetime.fromisoformat(one["time"]): one for one in days}
    for day, values in by_day.items():
        one = told[starts[day]]
        expected = {"n": len(values), "mean": sum(values) / len(values), "min": min(values), "max": max(values)}
        assert {name: one[name] for name in expected} == pytest.approx(expected), day
        assert one["sum"] == pytest.approx(sum(values))
