"""The views Grafana reads: the numbers are the API's, nothing tells of people or secrets, no table lies open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from api.people import add_api_key, add_person
from ingest.rollups import begin, close_hours, roll_one
from sql.pool import connect
from tests.servers.console import running_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.databases import Databases

NOW = datetime.now(UTC)
VIEWS = (
    *("site_reading", "site_latest", "ingest_health", "air_quality_hourly", "traffic_hourly", "asset_hourly", "site_status"),
    *("device_health", "site_annotation", "quarantine_by_reason", "quarantine_arrival", "ingest_by_minute", "ingest_path"),
    *("storage", "console_address"),
)
HOURS = {
    "air_quality_hourly": {"pm2_5": "mean", "no2": "mean", "air_temperature": "mean"},
    "traffic_hourly": {"vehicle_count": "sum", "speed_mean_time": "mean"},
    "asset_hourly": {"fill_level": "mean", "silt_depth": "mean", "water_level": "mean"},
}
"""Columns of each view of hours, and which statistic of the API they are."""

SEVERAL_DEVICES = """
WITH profile AS (
    INSERT INTO device_profile (key, name, expected_interval_s, definition) VALUES
        ('air-15min', 'Air', 900, 'metrics = ["no2"]'), ('daily', 'Daily', 86400, ''), ('ten', 'Ten', 600, ''),
        ('five', 'Five', 300, '')
    RETURNING profile_id, key
), place AS (
    INSERT INTO site (code, name) VALUES ('shared', 'Shared'), ('renewed', 'Renewed') RETURNING site_id, code
), used AS (
    SELECT profile_id, key FROM profile UNION ALL SELECT profile_id, key FROM device_profile WHERE key = 'historical'
), stay (key, code, since, until) AS (
    VALUES ('air-15min', 'shared', now() - interval '9 days', NULL), ('daily', 'shared', now() - interval '9 days', NULL),
           ('historical', 'shared', NULL, NULL), ('ten', 'renewed', NULL, date_trunc('hour', now()) - interval '390 minutes'),
           ('five', 'renewed', date_trunc('hour', now()) - interval '390 minutes', NULL)
), device AS (
    INSERT INTO device (uid, name, profile_id) SELECT key, key, profile_id FROM used RETURNING device_id, uid
), deployed AS (
    INSERT INTO deployment (device_id, site_id, during)
    SELECT device_id, site_id, tstzrange(since, until) FROM stay JOIN device ON uid = key JOIN place USING (code)
), line AS (
    INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM place, metric WHERE metric.key IN ('no2', 'pm10')
    RETURNING series_id
), made AS (
    INSERT INTO reading
    SELECT series_id, at, 1, 0 FROM line, generate_series(now() - interval '26 hours', now(), interval '25 minutes') AS at
    RETURNING *
)
INSERT INTO latest SELECT DISTINCT ON (series_id) *, now() FROM made ORDER BY series_id, time DESC
"""
"""At one site an air sensor, which says what it sends, and a daily one; at the other a slow device, then a quick one."""


@pytest.fixture(scope="module")
def asking(timescale_databases: Databases) -> Iterator[tuple[psycopg.Connection, httpx.Client]]:
    """Give the reader's connection and a client of the API, over a day of which all kinds of hours are there.

    Rolled up; rolled up and of no reading any more; rolled up and corrected since; not rolled up yet.
    """
    with timescale_databases.migrated() as url, running_console(url) as console:
        _roll_up_and_touch(url)
        with psycopg.connect(url) as connection:
            key = add_api_key(connection, add_person(connection, "grafana", "viewer"), "test")
        with (
            psycopg.connect(url, autocommit=True) as connection,
            httpx.Client(
                base_url=console.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            ) as client,
        ):
            connection.execute("SET ROLE hedgerow_reader")
            yield connection, client


def _roll_up_and_touch(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT ensure_partition('reading', now() - n * interval '13 hours') FROM generate_series(0, 2) n")
        connection.execute(SEVERAL_DEVICES)
        begin(connection)
        close_hours(connection, NOW - timedelta(hours=3))
    with connect(url, name="rollups") as connection:
        while roll_one(connection):
            pass
        connection.execute("UPDATE reading SET value = value + 5 WHERE time BETWEEN %s AND %s", _hours_ago(9, 8))
        connection.execute("UPDATE reading SET flags = 1 WHERE time BETWEEN %s AND %s", _hours_ago(12, 11.5))
        connection.execute("DELETE FROM reading WHERE time BETWEEN %s AND %s", _hours_ago(16, 14))
        connection.execute(
            "UPDATE series SET raw_from = date_trunc('hour', %s, 'UTC') WHERE series_id %% 2 = 0", _hours_ago(20, 0)[:1]
        )
        connection.execute("DELETE FROM reading USING series WHERE reading.series_id = series.series_id AND time < raw_from")
        connection.execute(
            "INSERT INTO rollup_dirty (series_id)"
            " SELECT series_id FROM series JOIN metric USING (metric_id) WHERE key = 'pm2_5'"
        )


def _hours_ago(first: float, last: float) -> tuple[datetime, datetime]:
    return NOW - timedelta(hours=first), NOW - timedelta(hours=last)


def rows_of(connection: psycopg.Connection, view: str, metric: str) -> dict[tuple[str, datetime], float]:
    """Give one column of a view of hours."""
    asked = SQL("SELECT site, time, {0} FROM {1} WHERE {0} IS NOT NULL").format(Identifier(metric), Identifier(view))
    return {(site, time): value for site, time, value in connection.execute(asked)}


def answer_of(client: httpx.Client, metric: str, statistic: str) -> list[dict[str, Any]]:
    """Give the hours the API gives."""
    asked = {"metric": metric, "every": "1h", "stat": statistic, "from": (NOW - timedelta(days=2)).isoformat()}
    answer = client.get("/api/v1/aggregate", params={**asked, "to": (NOW + timedelta(hours=1)).isoformat()})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return [row for row in rows if row["n"]]


@pytest.mark.parametrize(("view", "metric"), [(view, metric) for view, columns in HOURS.items() for metric in columns])
def test_view_of_hours_has_the_numbers_of_the_api(
    asking: tuple[psycopg.Connection, httpx.Client], view: str, metric: str
) -> None:
    """Every hour of every site that has a column of its metric, and no other: the same number to the last digits."""
    connection, client = asking
    statistic = HOURS[view][metric]
    told = {(row["site"], datetime.fromisoformat(row["time"])): row[statistic] for row in answer_of(client, metric, statistic)}
    found = rows_of(connection, view, metric)
    assert len(found) > 10
    assert {key: value for key, value in told.items() if key in found} == pytest.approx(found, rel=1e-12)
    # The air's temperature is also measured where nothing else of the air is.
    assert metric == "air_temperature" or told.keys() == found.keys()


def test_view_of_hours_has_the_data_capture_of_the_api(asking: tuple[psycopg.Connection, httpx.Client]) -> None:
    """What of the readings that were due counts: the mean over the metrics of a row, in hours that are whole and in others."""
    connection, client = asking
    ended = NOW - timedelta(hours=1)  # of the hour that goes on, more is due with every moment
    told: dict[tuple[str, datetime], list[float]] = {}
    for metric in HOURS["traffic_hourly"]:
        for row in answer_of(client, metric, "mean"):
            if (time := datetime.fromisoformat(row["time"])) <= ended:
                told.setdefault((row["site"], time), []).append(row["data_capture"])
    found = {key: value for key, value in rows_of(connection, "traffic_hourly", "data_capture").items() if key[1] <= ended}
    assert len(found) > 10
    assert min(found.values()) < 0.9
    assert {key: sum(each) / len(each) for key, each in told.items()} == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("site", ["shared", "renewed"])
def test_data_capture_where_several_devices_are_is_the_api_s(
    asking: tuple[psycopg.Connection, httpx.Client], site: str
) -> None:
    """Who says what it sends counts alone for that, a replay for nothing, else the slowest: each while it was there."""
    connection, client = asking
    told: dict[datetime, list[dict[str, Any]]] = {}
    for metric in ("no2", "pm10"):
        for row in answer_of(client, metric, "mean"):
            if row["site"] == site and (time := datetime.fromisoformat(row["time"])) <= NOW - timedelta(hours=1):
                told.setdefault(time, []).append({"metric": metric, **row})
    due = {(row["metric"], row["n_expected"]) for rows in told.values() for row in rows}
    shared, renewed = {("no2", 4), ("pm10", None)}, {(metric, n) for metric in ("no2", "pm10") for n in (6, 9, 12)}
    assert due == (shared if site == "shared" else renewed)
    found = {
        time: share for (code, time), share in rows_of(connection, "air_quality_hourly", "data_capture").items() if code == site
    }
    assert len(told) > 20
    assert {time: found[time] for time in told} == {time: pytest.approx(_mean_capture(rows)) for time, rows in told.items()}


def test_data_capture_of_a_day_where_several_devices_are(asking: tuple[psycopg.Connection, httpx.Client]) -> None:
    """Of an air sensor that speaks every quarter of an hour 96 readings a day are due, whatever stands beside it."""
    connection, _ = asking
    connection.execute("RESET ROLE")
    try:
        shares = connection.execute(
            "SELECT capture_of(ARRAY[series_id], ARRAY[48], now() - interval '24 hours', now())"
            " FROM series JOIN site USING (site_id) JOIN metric m USING (metric_id) WHERE code = 'shared' ORDER BY m.key"
        ).fetchall()
    finally:
        connection.execute("SET ROLE hedgerow_reader")
    assert shares == [(0.5,), (1.0,)]


def _mean_capture(rows: list[dict[str, Any]]) -> float:
    shares: list[float] = [share for row in rows if (share := row["data_capture"]) is not None]
    return sum(shares) / len(shares)


def test_status_of_sites_is_the_api_s(asking: tuple[psycopg.Connection, httpx.Client]) -> None:
    """The same sites in the same states as on the map of the console."""
    connection, client = asking
    features = client.get("/api/v1/sites.geojson").json()["features"]
    told = {one["properties"]["code"]: one["properties"]["state"] for one in features}
    assert dict(connection.execute("SELECT site, state FROM site_status").fetchall()) == told
    assert len(set(told.values())) >= 4


def test_capture_of_a_day_falls_where_readings_are_missing(asking: tuple[psycopg.Connection, httpx.Client]) -> None:
    """Two hours without readings, some doubtful ones: neither all nor nothing is left; a site without any sensor has none."""
    connection, _ = asking
    found: dict[str, float | None] = dict(connection.execute("SELECT site, data_capture_day FROM site_status").fetchall())
    assert 0.75 < (found["high-west-street"] or 0) < 0.95
    assert found["maiden-castle"] is None


@pytest.mark.parametrize("view", VIEWS)
def test_view_tells_nothing_of_people_and_no_secret(asking: tuple[psycopg.Connection, httpx.Client], view: str) -> None:
    """No column is a name of a person, what a person wrote, a payload, or a hash."""
    connection, _ = asking
    columns = {column.name for column in connection.execute(SQL("SELECT * FROM {}").format(Identifier(view))).description or ()}
    assert columns
    assert columns.isdisjoint({"person", "note", "payload", "secret_hash", "password_hash", "made_by", "topic", "detail"})


def test_reader_sees_the_views_and_nothing_else(asking: tuple[psycopg.Connection, httpx.Client]) -> None:
    """Of every relation there is, the reader may read exactly the views that are made for it, and write none."""
    connection, _ = asking
    readable, writable = (
        {
            name
            for (name,) in connection.execute(
                "SELECT relname::text FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
                " AND has_table_privilege('hedgerow_reader', oid, %s)",
                (rights,),
            )
        }
        for rights in ("SELECT", "INSERT, UPDATE, DELETE, TRUNCATE")
    )
    assert readable == set(VIEWS)
    assert writable == set()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM reading")
