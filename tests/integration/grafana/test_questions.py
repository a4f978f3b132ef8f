"""Asks what every panel asks: SQL from the real TimescaleDB as Grafana's reader, addresses from the real API."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from api.people import add_api_key, add_person
from api.serve import server
from api.settings import ApiSettings
from grafana.build import DOMAINS, file_of
from grafana.expand import View, expand_address, expand_sql
from grafana.lint import addresses_of, sql_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.databases import Databases

NOW = datetime.now(UTC).replace(microsecond=0)
DASHBOARDS: list[dict[str, Any]] = [json.loads(file_of(domain).read_text(encoding="utf-8")) for domain in DOMAINS]
METRICS = sorted({metric for domain in DOMAINS for metric in domain.metrics})
SITES = ("here", "there")
EMPTY_VIEW = View(NOW - timedelta(hours=24), NOW, "5m", {"site": [], "metric": ["no2"]})


@pytest.fixture(scope="module")
def filled(timescale_databases: Databases) -> Iterator[str]:
    """Give a database with two sites that measured every metric of the dashboards for an hour, some of it doubtful."""
    with timescale_databases.migrated() as url:
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO site (code, name) SELECT code, initcap(code) FROM unnest(%s::text[]) code", (list(SITES),)
            )
            connection.execute(
                "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = ANY(%s)",
                (METRICS,),
            )
            connection.execute(
                "INSERT INTO reading"
                " SELECT series_id, %s::timestamptz - n * interval '5 minutes', n, CASE n WHEN 3 THEN 1 ELSE 0 END"
                " FROM series, generate_series(1, 12) n",
                (NOW,),
            )
            connection.execute(
                "INSERT INTO latest SELECT series_id, %s::timestamptz - interval '5 minutes', 1, 0, %s FROM series", (NOW, NOW)
            )
        yield url


def view(dashboard: dict[str, Any]) -> View:
    """Give what a person sees who has just opened a dashboard: everything of the last day."""
    metric = next(variable for variable in dashboard["templating"]["list"] if variable["name"] == "metric")
    return View(NOW - timedelta(hours=24), NOW, "5m", {"site": SITES, "metric": [metric["current"]["value"]]})


@pytest.fixture(scope="module")
def client(filled: str) -> Iterator[httpx.Client]:
    """Give a client of the running API with a viewer's key, as Grafana's."""
    with psycopg.connect(filled) as connection:
        key = add_api_key(connection, add_person(connection, "grafana", "viewer"), "test")
    program = server(ApiSettings(database_url=filled, http="127.0.0.1:0"))
    thread = threading.Thread(target=program.run, name="api")
    thread.start()
    try:
        while not program.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = program.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as asking:
            yield asking
    finally:
        program.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("number", "where", "raw"),
    [(number, where, raw) for number, dashboard in enumerate(DASHBOARDS) for where, raw in sql_of(dashboard)],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_sql_of_a_panel_asked_as_the_reader_gives_rows(filled: str, number: int, where: str, raw: str) -> None:
    """The reader's rights are enough, the macros expand, something comes back, and without any site it is no error."""
    with psycopg.connect(filled) as connection:
        connection.execute("SET ROLE hedgerow_reader")
        cursor = connection.execute(expand_sql(raw, view(DASHBOARDS[number])).encode())
        rows = cursor.fetchall()
        assert rows, where
        assert all(value is not None for row in rows for value in row), where
        names = [column.name for column in cursor.description or ()]
        if "$__timeGroupAlias" in raw:
            assert names == ["time", "metric", "value"]
            assert len(rows) == len(SITES) * 11  # one of twelve readings is doubtful and left out
        connection.execute(expand_sql(raw, EMPTY_VIEW).encode())


@pytest.mark.parametrize(
    ("number", "title", "target"),
    [(number, title, target) for number, dashboard in enumerate(DASHBOARDS) for title, target in addresses_of(dashboard)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_address_of_a_panel_asked_of_the_api_gives_its_columns(
    client: httpx.Client, number: int, title: str, target: dict[str, Any]
) -> None:
    """The API describes path and parameters, answers, and has every column the panel picks, ascending by time."""
    path, pairs = expand_address(target, view(DASHBOARDS[number]))
    described = client.get("/openapi.json").json()["paths"][path]["get"]
    assert {name for name, _ in pairs} <= {parameter["name"] for parameter in described["parameters"]}, title
    answer = client.get(f"{path}?{urlencode(pairs)}")
    assert answer.status_code == 200, answer.text
    rows = answer.json()
    assert rows, title
    assert {row["site"] for row in rows} == set(SITES)
    for column in target["columns"]:
        kind: type | tuple[type, ...] = (int, float) if column["type"] == "number" else str
        assert all(isinstance(row[column["selector"]], kind) for row in rows), f"{title}: {column['selector']}"
    if target["format"] == "timeseries":
        times = [row["time"] for row in rows]
        assert times == sorted(times)  # else the plugin cannot make lines of the rows
