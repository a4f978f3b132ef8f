"""Fixtures for databases: servers made once a session, a clean migrated database of either flavour for every test."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from devices.vocabulary import fill_vocabulary
from sql.migrate import Flavour, migrate
from tests.servers.postgres import Installation, PostgresServer, embedded_installation, timescale_installation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    MakePostgres = Callable[..., PostgresServer]

_INSTALLATIONS: Mapping[Flavour, Callable[[], Installation]] = {
    "plain": embedded_installation,
    "timescaledb": timescale_installation,
}
_FLAVOURS = ["plain", pytest.param("timescaledb", marks=pytest.mark.timescaledb)]


class Databases:
    """The databases of one server: empty ones, and migrated ones cloned from a template made once.

    Parameters
    ----------
    flavour
        What `migrate` makes of this server.
    url
        Connection URL of a database that is there already; its user may create databases.
    """

    def __init__(self, flavour: Flavour, url: str) -> None:
        self.flavour = flavour
        self._url = url
        self._template = f"hedgerow_template_{uuid4().hex[:12]}"
        self._make_template()

    def url(self, name: str) -> str:
        """Give the connection URL of one database."""
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a new database without any table; it is dropped at the end."""
        with self._created("template1") as name:
            yield self.url(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a new database with the whole schema and the vocabulary; it is dropped at the end."""
        with self._created(self._template) as name:
            yield self.url(name)

    def remove(self) -> None:
        """Drop the template."""
        self._execute("DROP DATABASE {} WITH (FORCE)", self._template)

    def _make_template(self) -> None:
        self._execute("CREATE DATABASE {}", self._template)
        url = self.url(self._template)
        migrate(url)
        with psycopg.connect(url) as connection:
            fill_vocabulary(connection)
        # A template in use cannot be cloned, and TimescaleDB's workers enter every database they may.
        self._execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", self._template)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (self._template,)
            )

    @contextmanager
    def _created(self, template: str) -> Iterator[str]:
        name = f"hedgerow_test_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield name
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))


@contextmanager
def _own_server(flavour: Flavour) -> Iterator[str]:
    """Run a server for the session; what it holds need not outlive a crash of the machine."""
    server = PostgresServer(_INSTALLATIONS[flavour](), durable=False)
    try:
        server.start()
        yield server.url()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def plain_databases() -> Iterator[Databases]:
    """Give databases on embedded PostgreSQL."""
    with _own_server("plain") as url:
        databases = Databases("plain", url)
        yield databases
        databases.remove()


@pytest.fixture(scope="session")
def timescale_databases() -> Iterator[Databases]:
    """Give databases on TimescaleDB: the server of HEDGEROW_TEST_TIMESCALE_URL, or one of our own."""
    with ExitStack() as stack:
        url = os.environ.get("HEDGEROW_TEST_TIMESCALE_URL") or stack.enter_context(_own_server("timescaledb"))
        databases = Databases("timescaledb", url)
        yield databases
        databases.remove()


@pytest.fixture(params=_FLAVOURS)
def databases(request: pytest.FixtureRequest) -> Databases:
    """Give the databases of both flavours, one after the other."""
    name = "plain_databases" if request.param == "plain" else "timescale_databases"
    found: Databases = request.getfixturevalue(name)
    return found


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """Give the URL of a clean migrated database; the test runs once on each flavour."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """Give the URL of a database nothing was migrated in; the test runs once on each flavour."""
    with databases.empty() as url:
        yield url


@pytest.fixture
def plain_database(plain_databases: Databases) -> Iterator[str]:
    """Give the URL of a clean migrated database on plain PostgreSQL."""
    with plain_databases.migrated() as url:
        yield url


@pytest.fixture
def timescale_database(timescale_databases: Databases) -> Iterator[str]:
    """Give the URL of a clean migrated database on TimescaleDB."""
    with timescale_databases.migrated() as url:
        yield url


@pytest.fixture
def make_postgres() -> Iterator[MakePostgres]:
    """Make a durable server of one's own to kill and start again: `make_postgres("plain")`, started already."""
    with ExitStack() as stack:

        def make(flavour: Flavour = "plain", settings: Mapping[str, str] | None = None) -> PostgresServer:
            server = PostgresServer(_INSTALLATIONS[flavour](), settings=settings)
            stack.callback(server.remove)
            server.start()
            return server

        yield make
