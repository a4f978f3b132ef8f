"""Bring a database to the present schema: pending migrations in order, under an advisory lock."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

Flavour = Literal["plain", "timescaledb"]

_FOLDER = Path(__file__).parent / "migrations"
_FILE_NAME = re.compile(r"^(?P<name>\d{4}_[a-z0-9_]+)(\.(?P<flavour>plain|timescaledb))?\.sql$")
_LOCK = 7_433_001  # any constant: one migration run at a time per database


class MigrationError(Exception):
    """A migration that was already applied differs from its file, or its file is gone."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations_for(flavour: Flavour, folder: Path = _FOLDER) -> list[Migration]:
    """List the migrations of one flavour in order."""
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.match(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named NNNN_what.sql or NNNN_what.FLAVOUR.sql")
        if match["flavour"] in (None, flavour):
            found[match["name"]] = Migration(match["name"], path.read_text(encoding="utf-8"))
    return [found[name] for name in sorted(found)]


def migrate(database_url: str, say: Callable[[str], None] = lambda _line: None) -> list[str]:
    """Apply what is pending and return the names applied.

    Parameters
    ----------
    database_url
        PostgreSQL connection string.
    say
        Called with one line per step.

    Raises
    ------
    MigrationError
        When an applied migration no longer equals its file.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            flavour = _prepare(connection)
            return _apply_pending(connection, migrations_for(flavour), say)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _prepare(connection: psycopg.Connection) -> Flavour:
    """Make the table of applied migrations; decide the flavour once and keep to it."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration ("
        " name text PRIMARY KEY, checksum text NOT NULL, flavour text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    row = connection.execute("SELECT flavour FROM migration LIMIT 1").fetchone()
    if row is not None:
        return cast("Flavour", row[0])
    offered = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"
        " AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'"
    ).fetchone()
    if offered is None or not offered[0]:
        return "plain"
    connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return "timescaledb"


def _apply_pending(connection: psycopg.Connection, migrations: list[Migration], say: Callable[[str], None]) -> list[str]:
    applied: dict[str, str] = dict(connection.execute("SELECT name, checksum FROM migration").fetchall())
    missing = set(applied) - {migration.name for migration in migrations}
    if missing:
        raise MigrationError(f"applied but without a file: {', '.join(sorted(missing))}; use a newer Hedgerow")
    flavour = _flavour_of(connection)
    pending = []
    for migration in migrations:
        if migration.name not in applied:
            pending.append(migration)
        elif applied[migration.name] != migration.checksum:
            raise MigrationError(f"{migration.name} was changed after it was applied; add a new migration instead")
    for migration in pending:
        say(f"migration {migration.name}")
        with connection.transaction():
            connection.execute(migration.text.encode())  # our own file, never a user's text
            connection.execute(
                "INSERT INTO migration (name, checksum, flavour) VALUES (%s, %s, %s)",
                (migration.name, migration.checksum, flavour),
            )
    return [migration.name for migration in pending]


def _flavour_of(connection: psycopg.Connection) -> Flavour:
    row = connection.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')").fetchone()
    return "timescaledb" if row is not None and row[0] else "plain"
