"""The command `hedgerow redecode`: messages of the past once more through the present codec."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.times import parse_time
from devices.model import normalise_uid
from devices.reasons import EXPLANATIONS, Reason
from ingest.redecode import RedecodeError, Request, Summary, redecode
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.corrections import Example
    from ingest.redecode import Watch

_LINE_EVERY_S = 10.0

_MEANINGS = {
    "same": "stored just so",
    "new": "were not stored",
    "corrected": "had another value or flag, which is kept as a correction",
    "repeated": "given by an earlier message already",
    "marked": "would change, but a person marked them: left as they are",
    "elsewhere": "would change, but a message outside this run may have given them first: left as they are",
    "gone": "stored, and no longer given",
}


def redecode_command(
    *,
    profile: Annotated[str, typer.Option(help="Key of the device profile.")],
    from_: Annotated[
        str, typer.Option("--from", help="Arrival of the first message: 2026-11-21, or 2026-11-21T08:30:00Z (UTC).")
    ],
    to: Annotated[str | None, typer.Option(show_default="now", help="Arrival before which the last message lies.")] = None,
    device: Annotated[str | None, typer.Option(show_default="all of the profile", help="Uid of one device.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="Remove readings that are no longer given; they are kept as corrections. Only what arrived, and was measured,"
            " at least 10 minutes after --from, and arrived 10 minutes before --to and before the start of the run, is judged.",
        ),
    ] = False,
    quarantine: Annotated[bool, typer.Option(help="Read quarantined messages too.")] = True,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Decode archived and quarantined messages again, after a codec was mended. Again and again gives the same."""
    try:
        targets = find_targets(data_dir, Targets(database_url=database))
        request = Request(
            profile=profile,
            start=parse_time(from_),
            end=parse_time(to) if to is not None else datetime.now(UTC),
            uid=None if device is None else normalise_uid(device),
            with_quarantine=quarantine,
            remove=remove,
            dry_run=dry_run,
        )
        with _watched(Console(stderr=True), request) as watch:
            summary = redecode(targets.need("database_url", "--database"), request, watch)
    except KeyboardInterrupt:
        typer.echo("hedgerow redecode: stopped. What was put right stays; run it again for the rest.", err=True)
        raise typer.Exit(130) from None
    except psycopg.Error as error:
        told = str(error).strip().replace("\n", " ")
        typer.echo(f"hedgerow redecode: the database: {told}. What was put right stays; run it again for the rest.", err=True)
        raise typer.Exit(1) from error
    except (RedecodeError, TargetError, ValueError) as error:
        typer.echo(f"hedgerow redecode: {error}", err=True)
        raise typer.Exit(1) from error
    _show(Console(), request, summary)


@contextmanager
def _watched(console: Console, request: Request) -> Iterator[Watch]:
    """Give what shows how far a run is: a bar in a terminal, else a line now and then."""
    length_s = (min(request.end, datetime.now(UTC)) - request.start).total_seconds()
    next_line = time.monotonic() + _LINE_EVERY_S
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=length_s)

        def show(at: datetime, summary: Summary) -> None:
            nonlocal next_line
            told = (
                f"{at:%Y-%m-%d %H:%M}, {summary.archived + summary.quarantined:,} messages,"
                f" {summary.readings['corrected']:,} readings corrected, {summary.readings['new']:,} new"
            )
            progress.update(task, completed=(at - request.start).total_seconds(), description=told)
            if progress.disable and time.monotonic() >= next_line:
                next_line = time.monotonic() + _LINE_EVERY_S
                console.print(told, highlight=False, soft_wrap=True)

        yield show


def _show(console: Console, request: Request, summary: Summary) -> None:
    title = f"{request.profile}: what would be put right (dry run)" if request.dry_run else f"{request.profile}: put right"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("", "count", ""):
        table.add_column(heading, justify="right" if heading == "count" else "left")
    table.add_row("messages", f"{summary.archived:,}", "read from the archive")
    table.add_row("", f"{summary.quarantined:,}", "read from quarantine")
    for outcome, meaning in _MEANINGS.items():
        table.add_row(outcome, f"{summary.readings[outcome]:,}", _ending(request) if outcome == "gone" else meaning)
    for reason, count in summary.refused.most_common():
        table.add_row("refused", f"{count:,}", f"{reason}: {EXPLANATIONS[Reason(reason)]}")
    console.print(table)
    for example in summary.examples:
        console.print(_line(example), markup=False, highlight=False, soft_wrap=True)


def _ending(request: Request) -> str:
    done = "would be removed" if request.dry_run else "removed and kept as corrections"
    return f"{_MEANINGS['gone']}: {done if request.remove else 'left as they are (--remove removes them)'}"


def _line(example: Example) -> str:
    place = f"{example.site} {example.channel}".strip()
    return (
        f"  {example.outcome}: {place}, {example.metric} at {example.time.astimezone(UTC):%Y-%m-%d %H:%M:%S}:"
        f" {_value(example.old_value, example.old_flags)} \N{RIGHTWARDS ARROW} {_value(example.new_value, example.new_flags)}"
        f" {example.unit}".rstrip()
    )


def _value(value: float | None, flags: int | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:.10g}" + (f" (flags {flags})" if flags else "")
