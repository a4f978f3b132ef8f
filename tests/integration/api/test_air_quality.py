"""Annual statistics over HTTP: of a year made by a formula, of what no year has, and what is refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from devices.flags import Flag

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

_ADDRESS = "/api/v1/air-quality/annual"
_YEAR = 2021
_HOURS = 8760

# A reading every quarter of an hour, of which each seventh hour lacks two: such an hour has no mean.
_FILL = """
INSERT INTO reading
SELECT series_id, time, (extract(epoch FROM time)::int8 / 900 * 7919 %% 1201) / 4.0, 0
FROM series JOIN metric USING (metric_id), generate_series(%s::timestamptz, %s::timestamptz, '15 minutes') AS time
WHERE metric.key = 'no2' AND NOT (extract(epoch FROM time)::int8 / 3600 %% 7 = 0 AND extract(minute FROM time) >= 30)
"""


def _make_site(api: Api, *metrics: str) -> None:
    api.post("/api/v1/sites", code="verge", name="Verge")
    for metric in metrics:
        assert api.post("/api/v1/series", site="verge", metric=metric).status_code == 201


def _fill(api: Api, start: datetime, end: datetime) -> None:
    for month in range(12):
        api.execute("SELECT ensure_partition('reading', %s)", datetime(_YEAR, month + 1, 1, tzinfo=UTC))
    api.execute("SELECT ensure_partition('reading', %s)", datetime(_YEAR - 1, 12, 1, tzinfo=UTC))
    api.execute(_FILL, start, end)


def _by_statistic(answer: list[dict[str, Any]]) -> dict[tuple[str, float | None], dict[str, Any]]:
    return {(one["statistic"], one["threshold"]): one for one in answer}


def _slow_hours() -> list[float]:
    """Average the hours of the year that have their four quarters, one at a time."""
    first = int(datetime(_YEAR, 1, 1, tzinfo=UTC).timestamp())
    return [
        math.fsum((quarter * 7919 % 1201) / 4 for quarter in range(start // 900, start // 900 + 4)) / 4
        for start in range(first, first + _HOURS * 3600, 3600)
        if start // 3600 % 7
    ]


def test_annual_statistics_of_quarters_of_an_hour_equal_the_slow_version(plain_api: Api) -> None:
    """Hours with half of their readings are left out; mean, counts and what they are held against are those of the rest."""
    _make_site(plain_api, "no2", "pm10")
    _fill(plain_api, datetime(_YEAR - 1, 12, 31, 12, tzinfo=UTC), datetime(_YEAR, 12, 31, 23, 45, tzinfo=UTC))
    hours = _slow_hours()

    answer = plain_api.get(_ADDRESS, site="verge", year=_YEAR)
    told = _by_statistic(answer)

    assert {one["metric"] for one in answer} == {"no2"}
    mean = told["mean", None]
    assert mean["value"] == pytest.approx(math.fsum(hours) / len(hours))
    assert (mean["n"], mean["n_possible"]) == (len(hours), _HOURS)
    assert mean["data_capture"] == pytest.approx(len(hours) / _HOURS)
    assert mean["is_valid"]
    assert told["hours_above", 200.0]["value"] == sum(math.floor(hour + 0.5) > 200 for hour in hours)
    assert told["hours_above_unrounded", 200.0]["value"] == sum(hour > 200 for hour in hours)
    law = mean["held_against"][0]
    assert (law["regime"], law["limit"], law["exceeded"], law["standing"]) == ("UK AQSR 2010", 40, True, "compliance")


def test_annual_statistics_flagged_readings_count_only_when_asked(plain_api: Api) -> None:
    """A month of readings marked invalid is no part of the year, unless flagged ones are asked for; nor is another year's."""
    _make_site(plain_api, "no2")
    _fill(plain_api, datetime(_YEAR, 1, 1, tzinfo=UTC), datetime(_YEAR, 2, 28, 23, 45, tzinfo=UTC))
    plain_api.execute(
        "UPDATE reading SET flags = %s WHERE time >= %s", int(Flag.MANUAL_INVALID), datetime(_YEAR, 2, 1, tzinfo=UTC)
    )

    plain = _by_statistic(plain_api.get(_ADDRESS, year=_YEAR))["mean", None]
    flagged = _by_statistic(plain_api.get(_ADDRESS, year=_YEAR, include_flagged=True))["mean", None]

    assert plain["n"] == sum(1 for hour in range(_hour_of(_YEAR), _hour_of(_YEAR) + 31 * 24) if hour % 7)
    assert flagged["n"] == sum(1 for hour in range(_hour_of(_YEAR), _hour_of(_YEAR) + 59 * 24) if hour % 7)
    assert not flagged["is_valid"]
    assert plain_api.get(_ADDRESS, year=_YEAR + 1) == []
    assert plain_api.get(_ADDRESS, site="elsewhere", year=_YEAR) == []


def _hour_of(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 3600


def test_annual_statistics_tell_what_the_instruments_were(plain_api: Api) -> None:
    """Indicative once one of the year's devices was; of another year nothing is said."""
    api = plain_api
    api.execute("UPDATE device_profile SET accuracy_class = 'indicative' WHERE key = 'generic'")
    _make_site(api, "no2")
    device = {"uid": "verge-1", "name": "Verge", "site": "verge", "latitude": 50.7, "longitude": -2.4}
    assert api.post("/api/v1/devices", **device, installed_at=f"{_YEAR}-06-01T00:00:00Z").status_code == 201
    _fill(api, datetime(_YEAR - 1, 12, 1, tzinfo=UTC), datetime(_YEAR, 1, 31, tzinfo=UTC))

    answer = api.get(_ADDRESS, site="verge", from_year=_YEAR - 1, to_year=_YEAR)

    assert {(one["year"], one["accuracy_class"]) for one in answer} == {(_YEAR - 1, ""), (_YEAR, "indicative")}


@pytest.mark.parametrize(
    "asked",
    [
        {"from_year": 2003},
        {"year": 2003, "from_year": 2003, "to_year": 2004},
        {"from_year": 2004, "to_year": 2003},
        {"year": 1},
        {"from_year": 1990, "to_year": 2020},
        {"from_year": 1900, "to_year": 2200},
        {"metric": "no2"},
    ],
)
def test_annual_statistics_question_without_sense_is_refused(shared_api: Api, asked: dict[str, Any]) -> None:
    """Half a range, a range beside a year, one that ends before it begins, and words nobody knows are told."""
    answer = shared_api.of("viewer").get(_ADDRESS, params=asked)

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_annual_statistics_only_years_with_readings_count(plain_api: Api) -> None:
    """An answer has a limit, and says so; years before the first reading and after the last take nothing of it."""
    asked = {"from_year": _YEAR - 15, "to_year": _YEAR + 14}
    metrics = ("no2", "pm10", "pm2_5", "o3")
    for number in range(2):
        site = f"verge-{number}"
        plain_api.post("/api/v1/sites", code=site, name=site)
        for metric in metrics:
            plain_api.post("/api/v1/series", site=site, metric=metric)
    assert plain_api.get(_ADDRESS, **asked) == []

    _store_at(plain_api, datetime(_YEAR, 1, 1, tzinfo=UTC), datetime(_YEAR, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert {(one["site"], one["year"], one["metric"]) for one in plain_api.get(_ADDRESS, **asked)} == {
        (f"verge-{number}", _YEAR, metric) for number in range(2) for metric in metrics
    }

    _store_at(plain_api, datetime(_YEAR - 15, 7, 1, tzinfo=UTC), datetime(_YEAR + 14, 7, 1, tzinfo=UTC))
    answer = plain_api.of("viewer").get(_ADDRESS, params=asked)
    assert answer.status_code == 422
    assert "fewer sites or years" in answer.json()["detail"]


def _store_at(api: Api, *times: datetime) -> None:
    for time in times:
        api.execute("SELECT ensure_partition('reading', %s)", time)
        api.execute("INSERT INTO reading SELECT series_id, %s, 20, 0 FROM series", time)


def test_annual_statistics_of_a_thousand_sites_are_refused_at_once(plain_api: Api) -> None:
    """Nobody looks through the readings of a whole country to say that it is too much."""
    plain_api.execute("INSERT INTO site (code, name) SELECT 'verge-' || n, 'Verge' FROM generate_series(1, 1001) AS n")
    plain_api.execute("INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = 'no2'")

    answer = plain_api.of("viewer").get(_ADDRESS)

    assert answer.status_code == 422
    assert "Ask for fewer sites." in answer.json()["detail"]
    assert plain_api.get(_ADDRESS, site="verge-7") == []
