"""The API's way to the database: its connection pool, and whether the schema is the one this code needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from sql.migrate import migrations_for
from sql.pool import OPTIONS, cut
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import AsyncConnection

    from api.settings import ApiSettings
    from sql.migrate import Flavour

Row = TypeVar("Row")

_WAIT_S = 5  # for a free connection: bounds how long a request hangs while the database is away
_ANSWERS_WITHIN_S = 2
_TRIES_S = 3  # the pool's own tries come ever more seldom; after this the next request makes a new one at once


def make_pool(settings: ApiSettings) -> AsyncConnectionPool:
    """Make the pool, still closed. It opens at once and connects when the database comes."""
    server_settings = {
        "timezone": "UTC",
        # Whoever owns the tables: here it is the application, which can alter neither them nor the audit.
        "role": "hedgerow_app",
        # A webhook that was answered must survive a crash of the server, whatever its configuration says.
        "synchronous_commit": "on",
        "statement_timeout": round(settings.query_timeout_s * 1000),
        "idle_in_transaction_session_timeout": 10_000,
        # Compiling a plan costs more than it saves on questions of milliseconds.
        "jit": "off",
        # A plan made for the very range asked for leaves out all other partitions.
        "plan_cache_mode": "force_custom_plan",
    }
    options = " ".join(f"-c {name}={value}" for name, value in server_settings.items())
    return AsyncConnectionPool(
        settings.database_url,
        min_size=min(2, settings.api_connections),
        max_size=settings.api_connections,
        timeout=_WAIT_S,
        reconnect_timeout=_TRIES_S,
        max_waiting=200,
        open=False,
        check=_check,
        kwargs={**OPTIONS, "autocommit": True, "application_name": "hedgerow-api", "options": options},
    )


async def _check(connection: AsyncConnection) -> None:
    """Ask whether the server answers; one that hangs is taken to be away, for a request must not hang with it."""
    cutting = asyncio.get_running_loop().call_later(_ANSWERS_WITHIN_S, cut, connection.fileno())
    try:
        await AsyncConnectionPool.check_connection(connection)
    finally:
        cutting.cancel()


async def rows_of(
    connection: AsyncConnection, kind: type[Row], name: str, values: Mapping[str, object] | None = None
) -> list[Row]:
    """Run a named query and give each row as a `kind`, made from its columns by name."""
    async with connection.cursor(row_factory=class_row(kind), binary=True) as cursor:
        await cursor.execute(query(name), values)
        return await cursor.fetchall()


async def row_of(
    connection: AsyncConnection, kind: type[Row], name: str, values: Mapping[str, object] | None = None
) -> Row | None:
    """Run a named query and give its first row as a `kind`."""
    return next(iter(await rows_of(connection, kind, name, values)), None)


async def value_of(connection: AsyncConnection, name: str, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - any column
    """Run a named query and give its first row's first column; None where there is no row."""
    row = await (await connection.execute(query(name), values)).fetchone()
    return row[0] if row else None


async def missing_migrations(connection: AsyncConnection) -> list[str]:
    """Name the migrations this code needs and the database has not seen."""
    applied = await (await connection.execute(query("list_applied_migrations"))).fetchall()
    flavour: Flavour = "timescaledb" if ("timescaledb" in {row[1] for row in applied}) else "plain"
    return sorted({migration.name for migration in migrations_for(flavour)} - {row[0] for row in applied})
