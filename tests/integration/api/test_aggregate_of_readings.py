"""Percentiles, rates of counters, and what is weighted by time, over HTTP: held against slow obvious versions."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devices.flags import EXCLUDING
from tests.integration.api.stored import iso, make_series, random_rows, start_of, store

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api
    from tests.integration.api.stored import Row

START = datetime(2026, 10, 24, 20, tzinfo=UTC)


def by_bucket(rows: list[Row], every: str) -> dict[str, list[Row]]:
    """Sort the readings of one series that count into buckets, by time."""
    found: dict[str, list[Row]] = {}
    for row in sorted(row for row in rows if not row[3] & EXCLUDING):
        found.setdefault(iso(start_of(every)(row[1])), []).append(row)
    return found


def percentile(values: list[float], share: float) -> float:
    """Give a percentile, between two readings on a straight line."""
    ordered = sorted(values)
    at = share / 100 * (len(ordered) - 1)
    low = math.floor(at)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (at - low)


def test_percentiles_of_local_days_and_of_hours_equal_the_slow_version(api: Api) -> None:
    """Percentiles with decimals are exact, of the readings that count, on days of 25 hours too."""
    (series,) = make_series(api, ("weir", "no2", ""))
    rows = random_rows(5, [series], START, 60, each=6)
    store(api, rows)

    for every in ("20m", "1h", "1d"):
        answer = api.get("/api/v1/aggregate", every=every, stat=["p0", "p50", "p99.8", "p100", "count"])
        expected = by_bucket(rows, every)
        assert [point["time"] for point in answer] == sorted(expected)
        for point in answer:
            values = [row[2] for row in expected[point["time"]]]
            for share in (0, 50, 99.8, 100):
                assert point[f"p{share}"] == pytest.approx(percentile(values, share), rel=1e-9)
            assert point["count"] == len(values)


def test_increase_and_rate_of_a_counter_see_through_wraps_and_resets(api: Api) -> None:
    """Over any buckets the increases add up to what was counted, whatever the counter did in between."""
    (series,) = make_series(api, ("road", "vehicle_count_cumulative", ""))
    chance = random.Random(9)
    rows: list[Row] = []
    counter, risen = 65_000, {}
    for quarter in range(200):
        at = START + timedelta(minutes=15 * quarter)
        step = chance.randrange(300)
        is_reset = quarter == 100
        before, counter = counter, step if is_reset else (counter + step) % 65_536
        rows.append((series, at, float(counter), 0))
        risen[at] = step
        assert is_reset or counter >= before or before > 59_000
    store(api, rows)

    for every in ("15m", "1h", "1d"):
        answer = api.get("/api/v1/aggregate", metric="vehicle_count_cumulative", every=every, stat=["increase", "rate"])
        for point in answer:
            inside = [row[1] for row in rows if iso(start_of(every)(row[1])) == point["time"] and row[1] != START]
            if inside:
                assert point["increase"] == sum(risen[at] for at in inside)
                assert point["rate"] == pytest.approx(sum(risen[at] for at in inside) / len(inside) * 4)
            else:
                assert (point["increase"], point["rate"]) == (None, None)
    later = api.get("/api/v1/aggregate", stat="increase", **{"from": iso(START + timedelta(hours=1))})
    assert later[0]["increase"] == sum(risen[START + timedelta(minutes=15 * n)] for n in range(4, 8))


def test_means_over_time_and_shares_of_states_hold_until_the_next_reading(api: Api) -> None:
    """A value counts as long as it holds, across the edges of buckets; a state has a share in each of its names."""
    level, door = make_series(api, ("weir", "water_level", ""), ("weir", "door_open", ""))
    levels = [(level, START + timedelta(minutes=m), v, 0) for m, v in ((10, 1.0), (40, 4.0), (50, 9.0), (150, 2.0))]
    levels.append((level, START + timedelta(minutes=45), 1e6, int(EXCLUDING) & 1))
    doors = [(door, START + timedelta(minutes=m), v, 0) for m, v in ((-30, 1.0), (15, 0.0), (130, 1.0), (140, 0.0))]
    store(api, [*levels, *doors])
    asked: dict[str, Any] = {"from": iso(START), "to": iso(START + timedelta(hours=3)), "every": "1h"}

    means = api.get("/api/v1/aggregate", metric="water_level", stat=["time_weighted_mean", "count"], **asked)
    assert [point["time_weighted_mean"] for point in means] == [
        pytest.approx((30 * 1 + 10 * 4 + 10 * 9) / 50),
        9.0,
        pytest.approx((30 * 9 + 30 * 2) / 60),
    ]
    assert [point["n"] for point in means] == [3, 0, 1]
    shares = api.get("/api/v1/aggregate", metric="door_open", stat="fraction", **asked)
    assert [(point["fraction_closed"], point["fraction_open"]) for point in shares] == [
        (pytest.approx(0.75), pytest.approx(0.25)),
        (1.0, 0.0),
        (pytest.approx(5 / 6), pytest.approx(1 / 6)),
    ]
    both = api.get("/api/v1/aggregate", site="weir", stat=["time_weighted_mean", "fraction"], **asked)
    assert {(point["metric"], point["time_weighted_mean"] is None, point["fraction_open"] is None) for point in both} == {
        ("water_level", False, True),
        ("door_open", True, False),
    }


def test_values_hold_for_three_expected_intervals_and_no_longer(plain_api: Api) -> None:
    """After three readings that did not come nobody knows any more what the value is."""
    content = {"uid": "one", "name": "One", "latitude": 50, "longitude": -2, "site": "weir", "installed_at": iso(START)}
    make_series(plain_api, ("weir", "water_level", ""))
    plain_api.post("/api/v1/devices", **content).raise_for_status()
    [(series,)] = plain_api.execute("SELECT series_id FROM series")
    store(plain_api, [(series, START, 5.0, 0), (series, START + timedelta(hours=2), 7.0, 0)])

    asked: dict[str, Any] = {"from": iso(START), "to": iso(START + timedelta(hours=2)), "every": "30m"}
    held = plain_api.get("/api/v1/aggregate", metric="water_level", stat="time_weighted_mean", **asked)
    assert [(point["time"], point["time_weighted_mean"]) for point in held] == [
        (iso(START), 5.0),
        (iso(START + timedelta(minutes=30)), 5.0),
    ]


def test_values_of_a_device_that_is_gone_hold_no_longer_either(plain_api: Api) -> None:
    """Long after a device was taken away its last value says nothing, though no device was there in the time asked for."""
    content = {"uid": "one", "name": "One", "latitude": 50, "longitude": -2, "site": "weir", "installed_at": iso(START)}
    make_series(plain_api, ("weir", "water_level", ""))
    plain_api.post("/api/v1/devices", **content).raise_for_status()
    gone = START + timedelta(hours=1)
    plain_api.execute("UPDATE deployment SET during = tstzrange(%s, %s)", START, gone)
    [(series,)] = plain_api.execute("SELECT series_id FROM series")
    store(plain_api, [(series, START, 5.0, 0)])

    asked: dict[str, Any] = {"from": iso(START + timedelta(days=9)), "to": iso(START + timedelta(days=10)), "every": "1h"}
    assert plain_api.get("/api/v1/aggregate", metric="water_level", stat="time_weighted_mean", **asked) == []


def test_wide_answer_of_very_many_columns_is_refused(plain_api: Api) -> None:
    """What no table program reads is not made: the answer says what to do instead."""
    make_series(plain_api, *((f"site-{number}", "water_level", "") for number in range(90)))
    answer = plain_api.of("viewer").get("/api/v1/aggregate", params={"shape": "wide", "stat": [f"p{n}" for n in range(20)]})

    assert answer.status_code == 422
    assert "2,160 columns" in answer.json()["detail"]


def test_statistics_of_readings_that_are_no_longer_kept_are_null(api: Api) -> None:
    """Before `raw_from` only what rollups hold is told."""
    (series,) = make_series(api, ("weir", "no2", ""))
    kept_from = START + timedelta(hours=2)
    api.execute("UPDATE series SET raw_from = %s", kept_from)
    api.execute(
        "INSERT INTO rollup_hour (series_id, hour, n, n_all, flags, sum, min, max, first, last)"
        " VALUES (%s, %s, 4, 4, 0, 10, 1, 4, 1, 4)",
        series,
        START + timedelta(hours=1),
    )
    api.execute(
        "UPDATE rollup_state SET rolled_until = %s, closed_until = %s, excluding = excluding_flags()", kept_from, kept_from
    )
    store(api, [(series, kept_from + timedelta(minutes=n), float(n), 0) for n in range(5)])

    points = api.get("/api/v1/aggregate", stat=["mean", "p50"])
    assert [(point["mean"], point["p50"], point["n"]) for point in points] == [(2.5, None, 4), (2.0, 2.0, 5)]


def test_aggregate_by_device_counts_only_while_it_is_there(api: Api) -> None:
    """Rollups know no devices: such a question is answered from readings, percentiles too."""
    make_series(api, ("weir", "no2", ""))
    content = {"uid": "one", "name": "One", "latitude": 50, "longitude": -2, "site": "weir"}
    api.post("/api/v1/devices", **content, installed_at=iso(START + timedelta(minutes=30))).raise_for_status()
    [(series,)] = api.execute("SELECT series_id FROM series")
    store(api, [(series, START + timedelta(minutes=n), float(n), 0) for n in range(0, 120, 10)])

    points = api.get("/api/v1/aggregate", device="one", stat=["first", "last", "p50", "mean"])
    assert [(point["first"], point["last"], point["p50"], point["mean"], point["n"]) for point in points] == [
        (30.0, 50.0, 40.0, 40.0, 3),
        (60.0, 110.0, 85.0, 85.0, 6),
    ]
