"""The database of a benchmark: one of the embedded PostgreSQL, or an empty one of any server, left as empty as it was."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from devices.vocabulary import fill_vocabulary
from sql.migrate import migrate
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLOWED_MS = 1.0
"""How much longer a commit takes in the figures with slowed commits: a disk that is slower than those of virtual machines."""

_COMMITS = 50


class BenchError(Exception):
    """A benchmark cannot run, or what it has measured does not add up; the text says why."""


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database with the vocabulary, and what is known of its server."""

    url: str
    server: str
    """Its version, and whether what it commits is safe."""
    postmaster: int | None
    """Process id of the server, where it is on this machine."""

    def connection_string(self, commit_ms: float) -> str:
        """Give a connection string with which every commit takes so much longer [ms]; other connections are not touched."""
        if not commit_ms:
            return self.url
        slowed = f"-c commit_delay={commit_ms * 1000:.0f} -c commit_siblings=0"
        options = " ".join(filter(None, (str(conninfo_to_dict(self.url).get("options") or ""), slowed)))
        return make_conninfo(self.url, options=options)

    def connect(self, commit_ms: float = 0.0) -> psycopg.Connection:
        """Open a connection for measuring, without a time limit for statements."""
        connection = connect(self.connection_string(commit_ms), name="hedgerow bench")
        connection.execute(query("bench_without_limits"))
        return connection


@contextmanager
def prepared_database(url: str, *, is_ours: bool, may_hold: bool = False) -> Iterator[Database]:
    """Migrate an empty database; at the end what was made in it is dropped again, unless its whole server is ours.

    Parameters
    ----------
    may_hold
        Whether it may hold something already: what another benchmark has kept.

    Raises
    ------
    BenchError
        When it cannot be reached, is not empty, or may not be measured.
    """
    try:
        with connect(url, name="hedgerow bench") as connection:
            _refuse_unless_durable(connection)
            if not may_hold:
                _refuse_unless_empty(connection)
            postmaster = _postmaster(connection)
    except psycopg.OperationalError as error:
        raise BenchError(f"the database cannot be reached: {str(error).strip()}") from error
    try:
        migrate(url)
        with connect(url, name="hedgerow bench") as connection:
            fill_vocabulary(connection)
            server = _server(connection)
        yield Database(url, server, postmaster)
    finally:
        if not is_ours:
            with connect(url, name="hedgerow bench") as connection:
                connection.execute(query("bench_without_limits"))
                connection.execute(query("drop_all_tables"))


def _refuse_unless_empty(connection: psycopg.Connection) -> None:
    found = [str(row[0]) for row in connection.execute(query("list_some_relations"))]
    if found:
        raise BenchError(
            f"the database {connection.info.dbname} is not empty: it has {', '.join(found)}. The benchmark fills and empties"
            " tables, so it only takes a database in which there is nothing: CREATE DATABASE makes one."
        )
    row = connection.execute(query("may_slow_commits")).fetchone()
    if row is None or not row[0]:
        raise BenchError(
            f"the user {connection.info.user} may not slow its own commits down, which half of the figures need:"
            " take a superuser, or as one: GRANT SET ON PARAMETER commit_delay TO the user"
        )


def _refuse_unless_durable(connection: psycopg.Connection) -> None:
    row = connection.execute(query("is_durable")).fetchone()
    if row is None or not row[0]:
        raise BenchError(
            "the server runs with fsync or full_page_writes off: what it commits is lost when the machine fails, so its"
            " figures would be worth nothing, and its commits cannot be slowed"
        )


def _postmaster(connection: psycopg.Connection) -> int | None:
    """Find the server's first process by the one that serves us; None where it is not on this machine."""
    try:
        serving = psutil.Process(connection.info.backend_pid)
        parent = serving.parent()
    except psutil.NoSuchProcess:
        return None
    title = " ".join(serving.cmdline())
    is_it = title.startswith("postgres:") and f" {connection.info.dbname} " in title
    return parent.pid if is_it and parent is not None else None


def _server(connection: psycopg.Connection) -> str:
    row = connection.execute(query("read_server")).fetchone()
    if row is None:
        raise BenchError("the server does not say what it is")
    version, timescale, licence, *durable = row
    flavour = f" with TimescaleDB {timescale} ({licence})" if timescale else ""
    names = ("fsync", "full_page_writes", "synchronous_commit")
    return f"PostgreSQL {version}{flavour}; {', '.join(f'{n} {v}' for n, v in zip(names, durable, strict=True))}"


def register(connection: psycopg.Connection, uids: Sequence[str], metrics: Sequence[str]) -> None:
    """Register devices, each at a site of its own, and make the series of their metrics."""
    connection.execute(query("register_load_devices"), {"uids": list(uids)})
    connection.execute(query("make_load_series"), {"metrics": list(metrics)})
    connection.execute(query("bench_analyze"))


def empty_tables(connection: psycopg.Connection) -> None:
    """Empty what fills up, and let the server write down what is left to write: it is no part of what is measured next."""
    connection.execute(query("empty_big_tables"))
    connection.execute(query("checkpoint"))


def stored_readings(connection: psycopg.Connection) -> int:
    """Count the readings stored, over all workers, by the counters that move with each commit."""
    row = connection.execute(query("read_stored_readings")).fetchone()
    return int(row[0]) if row else 0


def commit_ms(connection: psycopg.Connection) -> float:
    """Measure how long a commit with next to nothing in it takes: the median of many [ms]."""
    took = []
    for _ in range(_COMMITS):
        began = perf_counter()
        connection.execute(query("bench_commit"))
        took.append(perf_counter() - began)
    return median(took) * 1000
