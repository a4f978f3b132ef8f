"""The commands `hedgerow devices …`: what Hedgerow knows of devices, in a terminal."""

from __future__ import annotations

from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from api.pages.words import duration_text
from hedgerow.devices_transfer import export_devices, import_devices
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect
from sql.queries import query

_WRONG = ["unbelievable", "ahead", "behind"]

devices = typer.Typer(
    name="devices", help="What Hedgerow knows of devices.", no_args_is_help=True, pretty_exceptions_show_locals=False
)


devices.command("import")(import_devices)
devices.command("export")(export_devices)


@devices.callback()
def _devices() -> None:
    """Tell what Hedgerow knows of devices."""


@devices.command()
def clocks(
    *,
    every: Annotated[bool, typer.Option("--all", help="Show good clocks too.")] = False,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days back, today included (UTC).")] = 2,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most devices.")] = 100,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """List devices whose clocks are wrong, the most wrong first."""
    values = {"state": [*_WRONG, "good"] if every else _WRONG, "device": None, "days": days, "after": None, "limit": limit}
    try:
        targets = find_targets(data_dir, Targets(database_url=database))
        with connect(targets.need("database_url", "--database"), name="hedgerow devices") as connection:
            rows = connection.cursor(row_factory=dict_row).execute(query("page_of_device_clocks"), values).fetchall()
    except (psycopg.Error, TargetError) as error:
        typer.echo(f"hedgerow devices clocks: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error
    if not rows:
        typer.echo("No device was heard." if every else "No clock is wrong.")
        return
    Console().print(_table(rows[:limit]))
    if len(rows) > limit:
        typer.echo(f"… and more: the limit is {limit}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("device", "name", "clock", "day", "messages", "least delay", "greatest delay", "not believed"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row["device"],
            row["name"],
            _judgement(row),
            str(row["day"]),
            f"{row['messages']:,}",
            _seconds(row["least_delay_s"]),
            _seconds(row["greatest_delay_s"]),
            f"{row['unbelievable']:,}",
        )
    return table


def _judgement(row: dict[str, Any]) -> str:
    """Say how a clock is, and by how much it is wrong."""
    offset = row["offset_s"]
    if row["state"] == "good":
        return "good"
    if offset is None:
        return "no time at all"
    told = f"{duration_text(abs(offset))} {'ahead' if offset > 0 else 'behind'}"
    return f"{told}, not believed" if row["state"] == "unbelievable" else told


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f} s"
