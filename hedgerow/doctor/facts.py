"""Facts: everything the doctor looks at, asked of the database and of this machine once."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg.rows import dict_row

from ingest.retention import look
from sql.migrate import migrations_for
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from ingest.retention import Outcome
    from sql.migrate import Flavour

    Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Migrations:
    """How the schema compares with this version of Hedgerow."""

    applied: int
    pending: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Applied, and not as their files are now."""
    unknown: list[str] = field(default_factory=list)
    """Applied, and without a file: the database is of a newer Hedgerow."""


@dataclass(frozen=True, slots=True)
class Facts:
    """An installation at one moment; rows as the queries of the same purpose give them (sql/queries/doctor.sql)."""

    now: datetime
    server: Row
    clock_off_s: float
    """Clock of the database minus ours [s]."""
    settings: Mapping[str, Row]
    migrations: Migrations
    tables: Sequence[Row]
    columnstore: Row | None
    policies: Sequence[Row]
    table_policies: Sequence[Row]
    due: Outcome
    last_run_s: float | None
    """Since the last run of retention [s]; None: there was none."""
    postponed: str
    has_partition_ahead: bool
    growth: Row
    waiting: Row
    workers: Sequence[Row]
    zones_off: list[str]
    """Time zones of sites that database and Python know differently, or not."""
    disk_free: int | None
    """Where the database lies [bytes]; None: that is not known."""


def gather(connection: psycopg.Connection, disk: Path | None = None) -> Facts:
    """Look at everything.

    Parameters
    ----------
    connection
        Autocommit.
    disk
        A folder on the disk of the database; None: its own data directory, where that is on this machine.

    Raises
    ------
    psycopg.errors.UndefinedTable
        When the schema is older than what is asked for.
    """
    now = datetime.now(UTC)
    began = time.time()
    [server] = _rows(connection, "describe_server")
    clock_off_s = server["clock"].timestamp() - (began + time.time()) / 2
    settings = {row["name"]: row for row in _rows(connection, "list_server_settings")}
    last = connection.execute(query("last_retention_run")).fetchone()
    [growth] = _rows(connection, "measure_growth", {"now": now})
    [waiting] = _rows(connection, "count_what_waits")
    ahead = connection.execute(query("has_partition_at"), {"at": now + timedelta(days=28)}).fetchone()
    return Facts(
        now=now,
        server=server,
        clock_off_s=clock_off_s,
        settings=settings,
        migrations=compare_migrations(connection, server["flavour"]),
        tables=_rows(connection, "list_table_sizes"),
        columnstore=next(iter(_rows(connection, "find_columnstore")), None),
        policies=_rows(connection, "list_retention_policies"),
        table_policies=_rows(connection, "list_retention_tables"),
        due=look(connection, now),
        last_run_s=last[0] if last else None,
        postponed=last[1] if last else "",
        has_partition_ahead=bool(ahead and ahead[0]) or server["flavour"] != "plain",
        growth=growth,
        waiting=waiting,
        workers=_rows(connection, "list_workers_at_work"),
        zones_off=_zones_off(connection, now),
        disk_free=_disk_free(server, settings, disk),
    )


def compare_migrations(connection: psycopg.Connection, flavour: Flavour) -> Migrations:
    """Hold the migrations this database has against those of this version."""
    applied: dict[str, str] = dict(connection.execute(query("list_applied_checksums")).fetchall())
    files = {one.name: one.checksum for one in migrations_for(flavour)}
    return Migrations(
        applied=len(applied),
        pending=[name for name in files if name not in applied],
        changed=[name for name in files if name in applied and applied[name] != files[name]],
        unknown=sorted(set(applied) - set(files)),
    )


def _zones_off(connection: psycopg.Connection, now: datetime) -> list[str]:
    """Compare the zones of sites on the first of each month of the year to come."""
    moments = [
        datetime(now.year + (month > 12), (month - 1) % 12 + 1, 1, 12, tzinfo=UTC) for month in range(now.month, now.month + 12)
    ]
    wrong = []
    for zone, _, offsets in connection.execute(query("list_site_zones"), {"moments": moments}):
        try:
            expected = [int((at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds()) for at in moments]
        except (ZoneInfoNotFoundError, ValueError):
            expected = None
        if expected is None or offsets != expected:
            wrong.append(zone)
    return sorted(wrong)


def _disk_free(server: Row, settings: Mapping[str, Row], disk: Path | None) -> int | None:
    if disk is None and server["is_here"] and "data_directory" in settings:
        disk = Path(settings["data_directory"]["told"])
    try:
        return None if disk is None else shutil.disk_usage(disk).free
    except OSError:
        return None


def _rows(connection: psycopg.Connection, name: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
