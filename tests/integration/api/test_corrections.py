"""Corrections and conflicts over HTTP: what stood in the store before, and what contradicted it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

TIME = "2026-11-21T08:30:00Z"


@pytest.fixture
def series_api(plain_api: Api) -> Api:
    """Give an API over two series: the temperature of two sites."""
    for code in ("a", "b"):
        plain_api.execute("INSERT INTO site (code, name) VALUES (%s, %s)", code, code)
    plain_api.execute(
        "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = 'air_temperature'"
    )
    return plain_api


def test_corrections_gives_what_stood_there_the_last_first(series_api: Api) -> None:
    """Old and new value stand side by side, with the run; a removed reading has no new value."""
    series_api.execute("INSERT INTO redecode_run (profile, from_at, to_at) VALUES ('p1', now(), now())")
    for site, new in (("a", 2.5), ("b", None)):
        series_api.execute(
            "INSERT INTO reading_correction (series_id, time, old_value, old_flags, new_value, new_flags, run_id)"
            " SELECT series_id, %s, 25, 1, %s, %s, 1 FROM series JOIN site USING (site_id) WHERE code = %s",
            TIME,
            new,
            None if new is None else 0,
            site,
        )

    removed, corrected = series_api.get("/api/v1/corrections")["items"]

    assert (removed["site"], removed["new_value"], removed["new_flags"]) == ("b", None, None)
    assert corrected.pop("corrected_at")
    assert corrected == {
        "id": 1,
        "site": "a",
        "channel": "",
        "metric": "air_temperature",
        "unit": "°C",
        "time": TIME,
        "old_value": 25.0,
        "old_flags": 1,
        "new_value": 2.5,
        "new_flags": 0,
        "run": 1,
        "profile": "p1",
    }
    page = series_api.get("/api/v1/corrections", limit=1)
    assert [item["id"] for item in page["items"]] == [2]
    assert [item["id"] for item in series_api.get("/api/v1/corrections", after=page["next"])["items"]] == [1]
    assert [item["id"] for item in series_api.get("/api/v1/corrections", site="a", metric="air_temperature")["items"]] == [1]
    assert series_api.get("/api/v1/corrections", metric="no2")["items"] == []


def test_conflicts_gives_count_and_last_example_of_a_series_and_day(series_api: Api) -> None:
    """What is kept, what was refused, and how often."""
    series_api.execute(
        "INSERT INTO reading_conflict (series_id, day, conflicts, time, kept_value, refused_value)"
        " SELECT series_id, '2026-11-22', 7, %s, 1.5, 2.5 FROM series JOIN site USING (site_id) WHERE code = 'a'",
        TIME,
    )

    (conflict,) = series_api.get("/api/v1/conflicts")["items"]

    assert conflict.pop("noted_at")
    assert conflict == {
        "id": 1,
        "site": "a",
        "channel": "",
        "metric": "air_temperature",
        "unit": "°C",
        "day": "2026-11-22",
        "conflicts": 7,
        "time": TIME,
        "kept_value": 1.5,
        "refused_value": 2.5,
    }
    assert series_api.get("/api/v1/conflicts", site="b")["items"] == []
