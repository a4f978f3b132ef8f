"""Migrations on real servers of both flavours: once, only once, in parallel, and to the same schema."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, LiteralString, TypeVar

import psycopg
import pytest

from sql.migrate import MigrationError, migrate, migrations_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.databases import Databases

Result = TypeVar("Result")

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, identity_generation
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY 1, 2
"""
INDEXES = """
    SELECT tablename, indexname, replace(indexdef, ' ON ONLY ', ' ON ')
    FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
"""
PARTITIONS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = %s::regclass ORDER BY 1
"""
HYPERTABLES = "SELECT hypertable_name::text FROM timescaledb_information.hypertables ORDER BY 1"


def rows(url: str, statement: LiteralString, *values: object) -> list[tuple[object, ...]]:
    """Run one statement on a connection of its own."""
    with psycopg.connect(url) as connection:
        return connection.execute(statement, values or None).fetchall()


def at_once(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Run the same work in several threads that all begin together."""
    barrier = Barrier(count)

    def begin(number: int) -> Result:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def ensure_partition(url: str, parent: str, at: str) -> None:
    """Ask for the partition that holds a time."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT ensure_partition(%s, %s)", (parent, at))


def test_migrate_empty_database_applies_everything(databases: Databases, empty_database: str) -> None:
    """Every migration of the server's flavour is applied and written down, and said one by one."""
    expected = [migration.name for migration in migrations_for(databases.flavour)]
    said: list[str] = []

    applied = migrate(empty_database, said.append)

    assert applied == expected
    assert said == [f"migration {name}" for name in expected]
    assert rows(empty_database, "SELECT name, flavour FROM migration ORDER BY name") == [
        (name, databases.flavour) for name in expected
    ]


def test_migrate_timescaledb_makes_hypertables(timescale_database: str) -> None:
    """The big tables that grow by time are hypertables."""
    assert rows(timescale_database, HYPERTABLES) == [("reading",), ("uplink",)]


def test_migrate_second_time_does_nothing(database: str) -> None:
    """A migrated database is left as it is."""
    before = rows(database, COLUMNS), rows(database, "SELECT * FROM migration")
    said: list[str] = []

    assert migrate(database, said.append) == []
    assert said == []
    assert (rows(database, COLUMNS), rows(database, "SELECT * FROM migration")) == before


def test_migrate_changed_file_is_refused(database: str) -> None:
    """A migration that differs from what was applied under its name stops the run."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE migration SET checksum = repeat('0', 64) WHERE name = '0002_registry'")

    with pytest.raises(MigrationError, match=r"^0002_registry was changed after it was applied"):
        migrate(database)


def test_migrate_database_of_newer_version_is_refused(database: str) -> None:
    """A database that went further than these files is not touched."""
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO migration (name, checksum, flavour) VALUES ('9999_later', '', 'plain')")

    with pytest.raises(MigrationError, match=r"9999_later; use a newer Hedgerow$"):
        migrate(database)


def test_migrate_four_at_once_applies_once(databases: Databases, empty_database: str) -> None:
    """One of several that start together does the work, and the others find it done."""
    expected = [migration.name for migration in migrations_for(databases.flavour)]

    applied = at_once(4, lambda _number: migrate(empty_database))

    assert sorted(applied) == [[], [], [], expected]


@pytest.mark.parametrize("statement", [COLUMNS, CONSTRAINTS, INDEXES], ids=["columns", "constraints", "indexes"])
def test_migrate_both_flavours_make_the_same_schema(
    statement: LiteralString, plain_database: str, timescale_database: str
) -> None:
    """Queries find the same tables, columns, types, constraints and indexes on either flavour."""
    plain = rows(plain_database, statement)

    assert len(plain) > 10
    assert plain == rows(timescale_database, statement)


@pytest.mark.parametrize(
    ("parent", "at", "expected"),
    [
        (
            "reading",
            "2026-02-28 23:59:59.999999+00",
            ("reading_202602", "FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00')"),
        ),
        (
            "reading",
            "2026-04-01 00:30:00+01",  # British summer time: still March in UTC
            ("reading_202603", "FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')"),
        ),
        (
            "uplink",
            "2028-02-29 00:00:00+00",
            ("uplink_20280229", "FOR VALUES FROM ('2028-02-29 00:00:00+00') TO ('2028-03-01 00:00:00+00')"),
        ),
    ],
)
def test_ensure_partition_plain_makes_exactly_one(plain_database: str, parent: str, at: str, expected: tuple[str, str]) -> None:
    """The one partition made holds the time, and asking again makes no other."""
    before = rows(plain_database, PARTITIONS, parent)

    ensure_partition(plain_database, parent, at)
    ensure_partition(plain_database, parent, at)

    assert [row for row in rows(plain_database, PARTITIONS, parent) if row not in before] == [expected]


def test_ensure_partition_session_in_another_zone_cuts_at_utc(plain_database: str) -> None:
    """Months are cut at midnight UTC whatever time zone the session asks in."""
    with psycopg.connect(plain_database) as connection:
        connection.execute("SET TIME ZONE 'Pacific/Auckland'")
        connection.execute("SELECT ensure_partition('reading', '2026-07-31 23:30:00+00')")

    assert rows(plain_database, PARTITIONS, "reading") == [
        ("reading_202607", "FOR VALUES FROM ('2026-07-01 00:00:00+00') TO ('2026-08-01 00:00:00+00')")
    ]


def test_ensure_partition_eight_threads_at_once_make_one_each_month(plain_database: str) -> None:
    """Writers that need the same new partition at the same time all get it, and there is one of it."""
    months = [f"20{year:02}-{month:02}-15" for year in range(10, 13) for month in range(1, 13)]

    def write_months(number: int) -> None:
        with psycopg.connect(plain_database, autocommit=True) as connection:
            for month in months:
                with connection.transaction():
                    connection.execute("SELECT ensure_partition('reading', %s)", (month,))
                    connection.execute("INSERT INTO reading VALUES (%s, %s, 1, 0)", (number, month))

    at_once(8, write_months)

    names = [row[0] for row in rows(plain_database, PARTITIONS, "reading")]
    assert names == [f"reading_{month[:4]}{month[5:7]}" for month in months]
    assert rows(plain_database, "SELECT count(*) FROM reading") == [(8 * len(months),)]


def test_ensure_partition_timescaledb_does_nothing(timescale_database: str) -> None:
    """TimescaleDB makes its chunks itself, when a row comes."""
    ensure_partition(timescale_database, "reading", "2026-02-28")

    assert rows(timescale_database, PARTITIONS, "reading") == []
    with psycopg.connect(timescale_database) as connection:
        connection.execute("INSERT INTO reading VALUES (1, '2026-02-28', 1, 0)")
    assert len(rows(timescale_database, PARTITIONS, "reading")) == 1
