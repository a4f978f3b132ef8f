"""Runs the SQL and the health check of deploy/ against real servers, in the order docker-compose.yml runs them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.people import person_of_key
from sql.queries import query
from tests.servers.places import embedded_programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.postgres import PostgresServer

    MakePostgres = Callable[..., PostgresServer]

ROOT = Path(__file__).parents[3]


def psql(url: str, file: Path, **variables: str) -> None:
    """Run a file of SQL the way the containers do: variables come from the environment, the first error ends it."""
    program = embedded_programs() / "psql"
    command = [str(program), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}", url]
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **variables})


@pytest.fixture(params=["plain", pytest.param("timescaledb", marks=pytest.mark.timescaledb)])
def superuser(request: pytest.FixtureRequest, make_postgres: MakePostgres) -> str:
    """Give a server as its container makes it: the superuser postgres, and an empty database hedgerow."""
    server = make_postgres(request.param)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'p'")
    url = urlsplit(server.url("hedgerow"))._replace(netloc=f"postgres:p@127.0.0.1:{server.port}").geturl()
    with psycopg.connect(url.removesuffix("hedgerow") + "postgres", autocommit=True) as connection:
        connection.execute("ALTER ROLE hedgerow RENAME TO first_user")
        connection.execute("CREATE DATABASE hedgerow")
    if request.param == "timescaledb":
        with psycopg.connect(url) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
    return url


def login(url: str, user: str, password: str) -> str:
    """Give the URL with another user."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()


def hedgerow(url: str, *command: str, **variables: str) -> str:
    """Run a command of the real program."""
    environ = {**os.environ, "HEDGEROW_DATABASE_URL": url, **variables}
    done = subprocess.run(
        [sys.executable, "-m", "hedgerow", *command], check=False, capture_output=True, text=True, env=environ, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def whose(url: str, key: str) -> str | None:
    """Tell whose API key this is, as the API does."""

    async def ask() -> str | None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            person = await person_of_key(connection, key)
            return f"{person.name} {person.role}" if person else None

    return asyncio.run(ask())


LOCKS = [
    "SELECT pg_advisory_lock(hashtext('hedgerow registry'))",
    "SELECT pg_advisory_lock_shared(1, 2)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_try_advisory_xact_lock_shared(1)",
    "SELECT pg_advisory_xact_lock(1, 2)",
]
NOT_FOR_READERS = ["hold_registry", "hold_closed_hours", "ensure_partition", "drop_partition", "roll_pieces", "forget_rows"]


def may_lock(owner: str) -> bool:
    """Tell what the doctor finds of the reader."""
    with psycopg.connect(owner, row_factory=dict_row) as connection:
        row = connection.execute(query("describe_server")).fetchone()
        assert row is not None
        return bool(row["reader_may_lock"])


def refused_locks(owner: str, reader: str) -> list[str]:
    """Give the locks that are refused to the reader alone; nothing that holds, makes or removes is his to call."""
    for role in ("hedgerow", "hedgerow_app", "hedgerow_limited"):
        with psycopg.connect(owner) as connection:
            connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
            for statement in LOCKS:
                connection.execute(statement.encode())
    refused = []
    with psycopg.connect(reader, autocommit=True) as connection:
        mine = "SELECT proname FROM pg_proc WHERE proname = ANY (%s) AND has_function_privilege(oid, 'EXECUTE')"
        assert connection.execute(mine, (NOT_FOR_READERS,)).fetchall() == []
        for statement in LOCKS:
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
                continue
            refused.append(statement)
    return refused


def test_database_of_the_containers_is_made_and_read_with_no_right_too_many(superuser: str, tmp_path: Path) -> None:
    """The whole order of docker-compose.yml: owner, migrate, Grafana's ways in; the reader reads views and nothing else."""
    owner, reader = login(superuser, "hedgerow", "o" * 32), login(superuser, "hedgerow_reader", "r" * 32)
    psql(superuser, ROOT / "deploy/timescaledb/100_owner.sql", DATABASE_PASSWORD="o" * 32)
    psql(superuser, ROOT / "deploy/timescaledb/200_locks.sql")
    hedgerow(owner, "migrate", HEDGEROW_ADMIN_FILE=str(tmp_path / "admin.json"))
    for key in ("hr_first", "hr_second"):
        access = {"READER_PASSWORD": "r" * 32, "GRAFANA_API_KEY": key, "PUBLIC_URL": "https://console.example"}
        psql(owner, ROOT / "deploy/grafana_access.sql", **access)

    psql(owner, ROOT / "deploy/simulator_access.sql", SIMULATOR_API_KEY="hr_third")

    assert whose(owner, "hr_second") == "grafana viewer"
    assert whose(owner, "hr_third") == "simulator manager"
    assert whose(owner, "hr_first") is None
    with psycopg.connect(owner) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False,)
        assert connection.execute("SELECT name FROM principal ORDER BY name").fetchall() == [
            ("admin",),
            ("grafana",),
            ("simulator",),
        ]
    with psycopg.connect(reader, autocommit=True) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("15s",)
        for view in ("site_reading", "site_latest", "ingest_health", "site_status", "air_quality_hourly", "ingest_path"):
            connection.execute(SQL("SELECT * FROM {}").format(Identifier(view)))
        assert connection.execute("TABLE console_address").fetchone() == ("https://console.example",)
        for statement in ("SELECT * FROM reading", "SELECT * FROM api_key", "SELECT * FROM principal", "TABLE quarantine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("SELECT lo_create(0)")
        connection.execute("SET default_transaction_read_only = off")
        for statement in ("CREATE TABLE mine ()", "CREATE TEMPORARY TABLE mine ()", "COPY (SELECT 1) TO PROGRAM 'true'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    assert refused_locks(owner, reader) == LOCKS


def test_database_of_before_is_kept_from_locks_of_the_reader_by_one_command(superuser: str, tmp_path: Path) -> None:
    """A volume from before 200_locks.sql: the doctor tells; the superuser runs it, twice does no harm, all go on working."""
    owner, reader = login(superuser, "hedgerow", "o" * 32), login(superuser, "hedgerow_reader", "r" * 32)
    psql(superuser, ROOT / "deploy/timescaledb/100_owner.sql", DATABASE_PASSWORD="o" * 32)
    hedgerow(owner, "migrate", HEDGEROW_ADMIN_FILE=str(tmp_path / "admin.json"))
    psql(
        owner, ROOT / "deploy/grafana_access.sql", READER_PASSWORD="r" * 32, GRAFANA_API_KEY="hr_first", PUBLIC_URL="https://c"
    )
    assert may_lock(owner)

    for _ in range(2):
        psql(superuser, ROOT / "deploy/timescaledb/200_locks.sql")

    assert not may_lock(owner)
    assert refused_locks(owner, reader) == LOCKS


@pytest.mark.parametrize(
    ("connected", "silent", "is_well"), [(True, "1 second", True), (False, "1 second", False), (True, "1 minute", False)]
)
def test_ingest_health_check_tells_well_from_ill(plain_database: str, silent: str, *, connected: bool, is_well: bool) -> None:
    """Ingest is well while it is connected and heard of; before it has ever started it is not."""

    def check() -> int:
        environ = {**os.environ, "HEDGEROW_DATABASE_URL": plain_database, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ROOT / "deploy/ingest_health.py")]
        return subprocess.run(command, check=False, capture_output=True, env=environ).returncode

    assert check() == 1
    with psycopg.connect(plain_database) as connection:
        connection.execute(
            "INSERT INTO ingest_status (worker, connected, updated_at) VALUES ('hedgerow-ingest-0', %s, now() - %s::interval)",
            (connected, silent),
        )
    assert check() == (0 if is_well else 1)
