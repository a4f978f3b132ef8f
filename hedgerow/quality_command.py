"""The command `hedgerow quality`: the rules that set flags, over stored history once more, and what they go by."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.times import parse_time
from devices.flags import DESCRIPTIONS, Flag
from ingest.quality_run import QualityRunError, Tally, Wanted, run_quality
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.quality_run import Watch

quality = typer.Typer(
    help="The rules that set flags: run them over stored readings again, or show what they go by.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

_LINE_EVERY_S = 10.0


@quality.command("run")
def run_command(
    *,
    site: Annotated[list[str] | None, typer.Option(help="Code of a site; may be given several times.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Key or alias of a metric; may be given several times.")] = None,
    series: Annotated[list[int] | None, typer.Option(help="Id of a series; may be given several times.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", show_default="ever", help="First reading: 2026-11-21, or 2026-11-21T08:30:00Z.")
    ] = None,
    to: Annotated[str | None, typer.Option(show_default="ever", help="Time before which the last reading lies.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change, and change nothing.")] = False,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Set and clear flags of stored readings by the rules as they are now. Again and again gives the same.

    Flags that are not the rules' stay, and so do readings that people have adjusted or ratified.
    """
    try:
        wanted = Wanted(
            sites=site or (),
            metrics=metric or (),
            series=series or (),
            start=None if from_ is None else parse_time(from_),
            end=None if to is None else parse_time(to),
            dry_run=dry_run,
        )
        url = _database(data_dir, database)
        with _watched(Console(stderr=True)) as watch:
            tally = run_quality(url, wanted, watch)
    except KeyboardInterrupt:
        typer.echo("hedgerow quality: stopped. What was put right stays; run it again for the rest.", err=True)
        raise typer.Exit(130) from None
    except (psycopg.Error, QualityRunError, TargetError, ValueError) as error:
        _fail(error)
    _tell(Console(), tally, dry_run=dry_run)


@quality.command("show")
def show_command(data_dir: DataDir = None, database: Database = "") -> None:
    """Show which flags keep readings out, and what the rules go by."""
    try:
        with connect(_database(data_dir, database), name="hedgerow quality") as connection:
            _show(Console(), connection)
    except (psycopg.Error, TargetError) as error:
        _fail(error)


def _database(data_dir: Path | None, database: str) -> str:
    return find_targets(data_dir, Targets(database_url=database)).need("database_url", "--database")


def _fail(error: Exception) -> NoReturn:
    typer.echo(f"hedgerow quality: {str(error).strip()}".replace("\n", " "), err=True)
    raise typer.Exit(1) from error


@contextmanager
def _watched(console: Console) -> Iterator[Watch]:
    """Give what shows how far a run is: a bar in a terminal, else a line now and then."""
    next_line = time.monotonic() + _LINE_EVERY_S
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("judging", total=None)

        def show(tally: Tally, done: int, series: int, name: str) -> None:
            nonlocal next_line
            told = f"{name}: {done:,} of {series:,} series, {tally.readings:,} readings, {tally.changed:,} changed"
            progress.update(task, completed=done, total=series, description=told)
            if progress.disable and time.monotonic() >= next_line:
                next_line = time.monotonic() + _LINE_EVERY_S
                console.print(told, highlight=False, soft_wrap=True)

        yield show


def _tell(console: Console, tally: Tally, *, dry_run: bool) -> None:
    would = " would change (dry run)" if dry_run else " changed"
    console.print(f"{tally.series:,} series, {tally.readings:,} readings, {tally.changed:,}{would}", highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("flag", "set", "cleared", ""):
        table.add_column(heading, justify="right" if heading in ("set", "cleared") else "left")
    for flag in Flag:
        if tally.set[flag] or tally.cleared[flag]:
            table.add_row(_name(flag), f"{tally.set[flag]:,}", f"{tally.cleared[flag]:,}", DESCRIPTIONS[flag])
    if table.row_count:
        console.print(table)


def _name(flag: Flag) -> str:
    return (flag.name or "").lower()


def _show(console: Console, connection: psycopg.Connection) -> None:
    for title, name in (
        ("Flags", "list_quality_flags"),
        ("Metrics", "list_metric_quality"),
        ("Device profiles", "list_profile_quality"),
    ):
        cursor = connection.execute(query(name), {"metric": None, "profile": None})
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in cursor.description or ():
            table.add_column(column.name.replace("_", " "), overflow="fold")
        for row in cursor:
            table.add_row(*(_text(value) for value in row))
        console.print(table)


def _text(value: object) -> str:
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, list):
        return " ".join(f"{one:g}" for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
