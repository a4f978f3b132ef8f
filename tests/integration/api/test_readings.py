"""Readings and last values over HTTP, and what questions over readings and aggregates have in common."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devices.flags import EXCLUDING
from sql.queries import query
from tests.integration.api.stored import iso, make_series, store

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

START = datetime(2026, 3, 28, 22, tzinfo=UTC)


def test_times_in_every_spelling_bound_the_answer(plain_api: Api) -> None:
    """`from` is included and `to` is not, as ISO 8601 with or without offset, as a date, or in milliseconds."""
    (series,) = make_series(plain_api, ("weir", "no2", ""))
    store(plain_api, [(series, START + timedelta(hours=hour), float(hour), 0) for hour in range(4)])
    spelled: list[tuple[dict[str, Any], list[int]]] = [
        ({"from": "2026-03-28T23:00:00Z", "to": "2026-03-29T01:00:00Z"}, [1, 2]),
        ({"from": "2026-03-28T23:00:00Z"}, [1, 2, 3]),
        ({"to": "2026-03-28T23:00:00Z"}, [0]),
        ({"from": 1774738800000, "to": 1774742400000}, [1]),
        ({"from": "2026-03-29T00:00:00+01:00", "to": "2026-03-29T01:00:00+01:00"}, [1]),
        ({"from": "2026-03-28T23:00:00", "to": "2026-03-29"}, [1]),
    ]

    for asked, hours in spelled:
        assert [reading["value"] for reading in plain_api.get("/api/v1/readings", **asked)] == hours
        assert [bucket["mean"] for bucket in plain_api.get("/api/v1/aggregate", **asked, every="1m")] == hours


def test_times_with_a_plus_lost_in_the_address_are_understood(plain_api: Api) -> None:
    """A `+` that was not written as %2B is what it was meant to be."""
    (series,) = make_series(plain_api, ("weir", "no2", ""))
    store(plain_api, [(series, START, 1.0, 0)])
    client = plain_api.of("viewer")

    assert len(client.get("/api/v1/readings?from=2026-03-28T23:00:00+01:00").json()) == 1
    assert len(client.get("/api/v1/readings?from=2026-03-28T23:00:01+01:00").json()) == 0


def test_filters_each_and_together_narrow_the_answer(plain_api: Api) -> None:
    """Values of one filter widen, filters together narrow; an alias stands for its metric; names nobody has find nothing."""
    places = [
        ("weir", "water_level", ""),
        ("weir", "air_temperature", ""),
        ("mill", "air_temperature", ""),
        ("mill", "no2", ""),
    ]
    series = make_series(plain_api, *places)
    store(plain_api, [(series_id, START, float(number), 0) for number, series_id in enumerate(series)])

    def found(**asked: Any) -> list[int]:  # noqa: ANN401
        by_reading = [int(reading["value"]) for reading in plain_api.get("/api/v1/readings", **asked)]
        by_bucket = [int(bucket["last"]) for bucket in plain_api.get("/api/v1/aggregate", **asked, stat="last")]
        assert by_reading == by_bucket
        return by_reading

    assert found() == [0, 1, 2, 3]
    assert found(site="weir") == [0, 1]
    assert found(site=["weir", "mill"], metric=["temperature", "no2"]) == [1, 2, 3]
    assert found(metric="Temperature", site="mill") == [2]
    assert found(series=[series[0], series[3]]) == [0, 3]
    assert found(domain="weather") == [1, 2]
    assert found(domain=["water", "air_quality"], site="mill") == [3]
    assert found(site="nowhere") == []
    assert found(series=2**31 - 1) == []
    assert found(device="nobody") == []


def test_readings_walked_by_link_have_every_reading_once(api: Api) -> None:
    """Pages follow each other without a gap or a repeat, even between readings of the same time."""
    series = make_series(api, ("weir", "no2", ""), ("weir", "pm10", ""), ("mill", "no2", ""))
    rows = [
        (series_id, START + timedelta(minutes=minute // 2), float(minute), 0)
        for minute in range(0, 40, 2)
        for series_id in series
    ]
    store(api, rows)
    client = api.of("viewer")

    for limit in (1, 2, 7, 59, 60, 1000):
        path: str | None = f"/api/v1/readings?limit={limit}&site=weir&site=mill"
        walked: list[dict[str, Any]] = []
        while path:
            answer = client.get(path)
            assert len(answer.json()) <= limit
            walked += answer.json()
            path = answer.links.get("next", {}).get("url")
        assert len(walked) == 60
        keys = [(reading["time"], reading["site"], reading["metric"]) for reading in walked]
        assert len(set(keys)) == 60
        assert [key[0] for key in keys] == sorted(key[0] for key in keys)


def test_readings_show_all_flags_unless_told_not_to(api: Api) -> None:
    """Readings are given as they are stored, flags beside them; `include_flagged=false` leaves the doubtful out."""
    series = make_series(api, ("weir", "no2", ""), ("weir", "no2", "b"))
    store(api, [(series[0], START, 1.25, 1), (series[1], START, -0.1, 128)])
    first = {"time": "2026-03-28T22:00:00Z", "site": "weir", "metric": "no2", "value": 1.25, "flags": 1}
    second = {"time": "2026-03-28T22:00:00Z", "site": "weir", "metric": "no2", "value": -0.1, "flags": 128, "channel": "b"}

    assert api.get("/api/v1/readings") == [first, second]
    assert api.get("/api/v1/readings", include_flagged=False) == [second]


@pytest.mark.parametrize("after", ["", "x", "1.0", "1", "1.2.3", "-", "99999999999999999999.1", "1.99999999999", "1.-1"])
def test_readings_after_nothing_we_said_is_refused(shared_api: Api, after: str) -> None:
    """A made-up place to go on from is a slip in the question."""
    answer = shared_api.of("viewer").get("/api/v1/readings", params={"after": after})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "query.after"


def test_device_stands_for_its_sites_while_it_is_there(api: Api) -> None:
    """A device that moved shows each site's readings for its time there; a bucket cut by a move is one bucket."""
    api.post("/api/v1/sites", code="weir", name="Weir")
    api.post("/api/v1/sites", code="mill", name="Mill")
    api.post("/api/v1/devices", uid="rover", name="Rover", site="weir")
    moves = [("mill", 20), ("weir", 40)]
    for site, minute in moves:
        api.post("/api/v1/deployments", device="rover", site=site, installed_at=iso(START + timedelta(minutes=minute)))
    weir, mill = make_series(api, ("weir", "no2", ""), ("mill", "no2", ""))
    store(
        api, [(series, START + timedelta(minutes=minute), float(minute), 0) for series in (weir, mill) for minute in range(60)]
    )

    readings = api.get("/api/v1/readings", device="rover")
    assert [reading["site"] for reading in readings] == ["weir"] * 20 + ["mill"] * 20 + ["weir"] * 20
    assert [reading["value"] for reading in readings] == list(range(60))
    buckets = {bucket["site"]: bucket for bucket in api.get("/api/v1/aggregate", device="rover", every="1h")}
    assert {site: bucket["n"] for site, bucket in buckets.items()} == {"weir": 40, "mill": 20}
    assert buckets["mill"]["mean"] == pytest.approx(29.5, abs=1e-9)
    # Another device at the same site for part of that time does not count a reading twice.
    api.post("/api/v1/devices", uid="guest", name="Guest", site="weir", installed_at=iso(START + timedelta(minutes=10)))
    both = api.get("/api/v1/aggregate", device=["rover", "guest"], site="weir", every="1h")
    assert [bucket["n"] for bucket in both] == [60]


def test_latest_gives_the_last_reading_of_each_series(api: Api) -> None:
    """One object a series, by site and metric, with when it came; filters narrow it."""
    weir, mill, other = make_series(api, ("weir", "no2", ""), ("mill", "no2", ""), ("mill", "pm10", "b"))
    for series, flags in ((weir, 0), (mill, 1), (other, 0)):
        api.execute(
            "INSERT INTO latest VALUES (%s, %s, %s, %s, %s)", series, START, float(series), flags, START + timedelta(seconds=1)
        )

    answer = api.get("/api/v1/latest")
    assert [(reading["site"], reading["metric"]) for reading in answer] == [("mill", "no2"), ("mill", "pm10"), ("weir", "no2")]
    assert answer[1] == {
        "time": "2026-03-28T22:00:00Z",
        "site": "mill",
        "site_name": "Mill",
        "metric": "pm10",
        "unit": "µg/m³",
        "value": float(other),
        "flags": 0,
        "received_at": "2026-03-28T22:00:01Z",
        "channel": "b",
    }
    assert [reading["site"] for reading in api.get("/api/v1/latest", site="weir")] == ["weir"]
    assert api.get("/api/v1/latest", device="nobody") == []


def test_readings_are_found_by_their_key_and_no_other_partition_is_touched(api: Api) -> None:
    """The server walks along (series_id, time) in the partitions of the range only, however the question is asked."""
    series = make_series(api, *((f"site-{number}", "no2", "") for number in range(20)))
    store(api, [(series[0], START + timedelta(days=30 * month), 1.0, 0) for month in range(4)])
    api.execute(
        "INSERT INTO reading SELECT series_id, time, 1, 0 FROM series,"
        " generate_series(%s::timestamptz, %s, '1 hour') AS time ON CONFLICT DO NOTHING",
        START,
        START + timedelta(days=90),
    )
    api.execute("ANALYZE reading")
    values = {
        "series": series,
        "during": ["{(-infinity,infinity)}"] * 20,
        "start": START + timedelta(days=50),
        "end": START + timedelta(days=51),
        "excluding": int(EXCLUDING),
        "after_time": None,
        "after_series": None,
        "limit": 100,
    }
    with psycopg.connect(api.database) as connection:
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + query("page_of_readings"), values))

    assert "Seq Scan" not in plan
    assert "series_id = " in plan
    partitions = set(re.findall(r"Scan .*on (\S*(?:reading_\d+|chunk))", plan))
    assert len(partitions) == 1, plan
