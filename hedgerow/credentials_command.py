"""The commands `hedgerow credentials …`: the first logins at a broker with dynamic security."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated

import typer

from hedgerow.data_dir import write_private_json
from hedgerow.dynsec_file import empty, with_programs

_SHORTEST = 20  # characters; what we make has 43

credentials = typer.Typer(
    name="credentials",
    help="Logins at a Mosquitto broker with dynamic security.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@credentials.callback()
def _credentials() -> None:
    """Make logins at a Mosquitto broker with dynamic security."""


@credentials.command()
def init(
    file: Annotated[
        Path, typer.Option(help="What plugin_opt_config_file names in mosquitto.conf.", envvar="HEDGEROW_DYNSEC_FILE")
    ],
    api_password: Annotated[
        str,
        typer.Option(help="Password of hedgerow-api, which keeps the devices' credentials.", envvar="HEDGEROW_DYNSEC_PASSWORD"),
    ] = "",
    ingest_password: Annotated[str, typer.Option(help="Password of ingest.", envvar="HEDGEROW_MQTT_PASSWORD")] = "",
    simulator_password: Annotated[
        str,
        typer.Option(help="Password of simulator; without one it may not come in.", envvar="HEDGEROW_SIMULATOR_MQTT_PASSWORD"),
    ] = "",
) -> None:
    """Make the file a broker's dynamic security starts from, or put the passwords of our programs in force in it.

    A password that is not given stays as it is; in a new file it is made at random and printed, this once. The broker
    reads the file when it starts and writes it itself from then on: stop it before a password is changed.
    """
    given = {"hedgerow-api": api_password, "ingest": ingest_password, "simulator": simulator_password}
    for name, password in given.items():
        if 0 < len(password) < _SHORTEST:
            typer.echo(f"hedgerow credentials init: the password of {name} has fewer than {_SHORTEST} characters", err=True)
            raise typer.Exit(1)
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    made = (
        {}
        if before is not None
        else {name: secrets.token_urlsafe(32) for name in given if name != "simulator" and not given[name]}
    )
    after = with_programs(before or empty(), {name: password for name, password in given.items() if password} | made)
    if after == before:
        typer.echo(f"kept: {file}")
        return
    _write(file, after)
    typer.echo(f"{'made' if before is None else 'changed'}: {file}")
    for name, password in made.items():
        typer.echo(f"password of {name}, shown this once: {password}")


def _write(file: Path, content: object) -> None:
    """Write the file for its owner's eyes only: whom its folder belongs to, which is the broker."""
    write_private_json(file, content)
    if os.geteuid() == 0:
        folder = file.parent.stat()
        os.chown(file, folder.st_uid, folder.st_gid)
