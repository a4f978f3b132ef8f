"""The command `hedgerow decode`: what a payload would become by a device profile, or by a definition still being written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from psycopg.rows import class_row
from rich.console import Console
from rich.table import Table

from api.profile_schemas import Profile
from api.trials import VOCABULARY, registry_for, try_payload
from devices.codecs import fault_of
from devices.registry import Profile as CodecProfile
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from api.trials import Trial
    from devices.registry import Registry


class _UnusableError(ValueError):
    """What was asked for cannot be tried; the text says why."""


def decode_command(
    payload: Annotated[list[str], typer.Argument(metavar="HEX…", help="The payload in hex; blanks do not count.")],
    *,
    profile: Annotated[str, typer.Option(help="Key of the device profile.")],
    port: Annotated[int, typer.Option(min=0, max=255, help="LoRaWAN FPort; 0: without one.")] = 0,
    definition: Annotated[
        Path | None, typer.Option(show_default="the profile's", help="File with the definition to try instead.")
    ] = None,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Show what a payload decodes to. Nothing is stored."""
    try:
        frame = bytes.fromhex("".join(payload))
        targets = find_targets(data_dir, Targets(database_url=database))
        with connect(targets.need("database_url", "--database"), name="hedgerow decode") as connection:
            registry = _registry(connection, profile, definition)
    except (psycopg.Error, OSError, TargetError, ValueError) as error:
        typer.echo(f"hedgerow decode: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error
    _show(Console(), try_payload(registry, frame, port, datetime.now(UTC)))


def _registry(connection: psycopg.Connection, key: str, definition: Path | None) -> Registry:
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        found = cursor.execute(query("find_profile"), {"key": key}).fetchone()
    if found is None:
        raise _UnusableError(f"there is no device profile {key}")
    text = found.definition if definition is None else definition.read_text(encoding="utf-8")
    profile = CodecProfile(key, found.codec, text, found.script)
    if profile.codec == "auto":
        raise _UnusableError(f"the codec of {key} is auto: its messages explain themselves")
    if fault := fault_of(profile):
        raise _UnusableError(f"the {fault[0]} cannot be used: {fault[1]}")
    return registry_for(profile, {name: connection.execute(query(name)).fetchall() for name in VOCABULARY})


def _show(console: Console, trial: Trial) -> None:
    table = Table("", "metric", "value", "", "time", "doubts", box=None, pad_edge=False)
    for reading in trial.readings:
        told = (reading.state or reading.unit, f"{reading.time:%Y-%m-%d %H:%M:%S}Z", "; ".join(reading.doubts))
        table.add_row(str(reading.item), reading.metric, f"{reading.value:.12g}", *told)
    if trial.readings:
        console.print(table, highlight=False)
    for refusal in trial.refused:
        console.print(
            f"{refusal.item} refused, {refusal.reason}: {refusal.detail}",
            style="red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
