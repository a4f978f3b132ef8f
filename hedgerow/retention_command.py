"""The commands `hedgerow retention …`: what is kept and for how long, in a terminal, and a run of the maintenance at once."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from hedgerow.words import count_text, size_text
from ingest.retention import look, run
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.retention import Outcome

retention = typer.Typer(
    name="retention", help="What is kept, and for how long.", no_args_is_help=True, pretty_exceptions_show_locals=False
)


@retention.callback()
def _retention() -> None:
    """Tell and change what is kept, and for how long."""


@retention.command()
def show(*, data_dir: DataDir = None, database: Database = "") -> None:
    """Show every policy."""
    with _store(data_dir, database) as connection:
        _show(connection)


@retention.command("set")
def set_(
    *,
    months: Annotated[int | None, typer.Option(min=1, max=1200, help="Keep raw readings for so many whole months.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Keep rows of --table for so many days.")] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Keep them for ever.")] = False,
    metric: Annotated[str | None, typer.Option(help="Readings of this metric.", show_default="all metrics")] = None,
    domain: Annotated[str | None, typer.Option(help="Readings of metrics of this domain.", show_default="all")] = None,
    table: Annotated[str | None, typer.Option(help="Rows of this table instead of readings.")] = None,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Set how long something is kept. What is older goes for good within the hour; rollups stay for ever."""
    length, other = (days, months) if table else (months, days)
    if for_ever == (length is not None) or other is not None or sum(map(bool, (metric, domain, table))) > 1:
        raise typer.BadParameter(
            "give --months for readings (a --metric, a --domain, or all), --days for a --table, or --for-ever"
        )
    with _store(data_dir, database) as connection:
        with connection.transaction():
            person = {"person": f"{getpass.getuser()} (command line)", "note": "", "principal_id": ""}
            connection.execute(query("name_changer"), person)
            values = {"name": table, "keep_days": length, "domain": domain, "metric": metric, "keep_months": length}
            name = "keep_table" if table else "put_retention_policy"
            if connection.execute(query(name), values).fetchone() is None:
                raise ValueError(f"there is no {table or metric or domain} whose age could be set: see hedgerow retention show")
        _show(connection)


@retention.command("run")
def run_(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and do nothing.")] = False,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Do now what ingest does every hour: take away what is no longer kept, make partitions ahead."""
    now = datetime.now(UTC)
    with _store(data_dir, database) as connection:
        outcome = look(connection, now) if dry_run else run(connection, now)
    typer.echo("\n".join(told(outcome, would=dry_run)))
    if outcome.postponed:
        raise typer.Exit(1)


def told(outcome: Outcome, *, would: bool) -> list[str]:
    """Say in lines what a run did, or would do."""
    goes = "would go" if would else "went"
    lines = [f"{count_text(count, 'row')} of {name} {goes}" for name, count in sorted(outcome.rows.items()) if count]
    if outcome.readings:
        lines.append(f"{'about ' if would else ''}{count_text(outcome.readings, 'reading')} {goes}")
    if outcome.partitions:
        partitions = count_text(len(outcome.partitions), "whole partition")
        lines.append(f"{partitions} {goes}, {size_text(outcome.bytes)}: {', '.join(outcome.partitions)}")
    if outcome.series:
        lines.append(f"readings of {outcome.series:,} series {'would begin' if would else 'begin'} later than before")
    return [*(lines or ["nothing is due"]), *(f"postponed: {what}" for what in outcome.postponed)]


def _show(connection: psycopg.Connection) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "kept", ""):
        table.add_column(heading)
    for domain, metric, months in connection.execute(query("list_retention_policies")):
        scope = f"metric {metric}" if metric else f"domain {domain}" if domain else "all others"
        table.add_row("raw readings", "for ever" if months is None else count_text(months, "month"), scope)
    for name, what, days, is_settable in connection.execute(query("list_retention_tables")):
        if name != "reading":
            kept = count_text(days, "day") if days is not None else "for ever" if is_settable else "-"
            table.add_row(name, kept, what)
    Console().print(table)


@contextmanager
def _store(data_dir: Path | None, database: str) -> Iterator[psycopg.Connection]:
    """Give a connection; what goes wrong is said in one line."""
    try:
        targets = find_targets(data_dir, Targets(database_url=database))
        with connect(targets.need("database_url", "--database"), name="hedgerow retention") as connection:
            yield connection
    except (psycopg.Error, TargetError, ValueError) as error:
        typer.echo(f"hedgerow retention: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error
