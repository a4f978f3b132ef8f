"""A county with a day behind it, for everything that Grafana asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from api.people import add_api_key, add_person
from devices.vocabulary import load_vocabulary
from grafana.ask import Sources
from grafana.lint import texts_of
from grafana.provisioned import read_dashboards
from ingest.rollups import begin, close_hours, roll_one
from sql.pool import connect
from tests.servers.console import running_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.databases import Databases

OF_OTHER_KINDS = ["door_open", "run_hours"]
"""A state and a counter: no dashboard names one."""
MORE = Path(__file__).parents[2] / "data" / "a_day_of_the_path.sql"


def metrics_shown() -> list[str]:
    """Give the metrics whose names stand anywhere in a dashboard."""
    text = " ".join(texts_of(read_dashboards()))
    return sorted(metric.key for metric in load_vocabulary() if metric.key in text)


@pytest.fixture(scope="package")
def sources(timescale_databases: Databases) -> Iterator[Sources]:
    """Give database and API of a county with a day of readings behind it."""
    with timescale_databases.migrated() as url, running_console(url) as console:
        with psycopg.connect(url) as connection:
            psycopg.ClientCursor(connection).execute(MORE.read_bytes(), {"metrics": [*metrics_shown(), *OF_OTHER_KINDS]})
            key = add_api_key(connection, add_person(connection, "grafana", "viewer"), "test")
            begin(connection)
            close_hours(connection, datetime.now(UTC))
        with connect(url, name="rollups") as connection:
            while roll_one(connection):
                pass
        headers = {"Authorization": f"Bearer {key}"}
        with (
            psycopg.connect(url, autocommit=True) as connection,
            httpx.Client(base_url=console.url, headers=headers, trust_env=False, timeout=30) as api,
        ):
            yield Sources(connection, api)
