"""The command line: one command a program, and `up` for all of them at once."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Command, Context


class _Commands(TyperGroup):
    """Commands of which some are imported only when they are asked for: `up` starts many programs."""

    _LATER = MappingProxyType(
        {
            "simulate": "simulators.cli:simulate_command",
            "replay": "simulators.cli:replay_command",
            "verify": "simulators.cli:verify_command",
            "decode": "hedgerow.decode_command:decode_command",
            "redecode": "hedgerow.redecode_command:redecode_command",
            "quality": "hedgerow.quality_command:quality",
            "devices": "hedgerow.devices_command:devices",
            "credentials": "hedgerow.credentials_command:credentials",
            "grafana": "hedgerow.grafana_command:grafana",
            "retention": "hedgerow.retention_command:retention",
            "doctor": "hedgerow.doctor_command:doctor_command",
            "bench": "hedgerow.bench.commands:bench",
        }
    )

    def list_commands(self, ctx: Context) -> list[str]:
        """Name every command."""
        return [*super().list_commands(ctx), *self._LATER]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Find a command by its name."""
        if cmd_name not in self._LATER:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._LATER[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        later = typer.Typer(pretty_exceptions_show_locals=False)
        later.command(cmd_name)(found)
        return typer.main.get_command(later)


app = typer.Typer(
    cls=_Commands,
    help="Hedgerow takes a county's sensor readings from MQTT into TimescaleDB without losing one.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold passwords
)

DataDirOption = Annotated[Path, typer.Option(help="Where everything is kept.")]
DatabaseOption = Annotated[str, typer.Option(help="PostgreSQL connection string.", envvar="HEDGEROW_DATABASE_URL")]


@app.command()
def up(
    data_dir: DataDirOption = Path(".hedgerow"),
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", show_default="127.0.0.1:8080, or a free port", help="Console and API.")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", show_default="127.0.0.1:1883, or a free port", help="The broker.")
    ] = None,
    *,
    demo: Annotated[bool, typer.Option(help="Simulate a county of sensors.")] = False,
) -> None:
    """Start everything on this machine: database, broker, ingest, API and console."""
    from hedgerow import up as whole  # noqa: PLC0415 - only this command needs all of it
    from hedgerow.addresses import AddressError  # noqa: PLC0415
    from hedgerow.data_dir import DataDirError  # noqa: PLC0415
    from hedgerow.postgres import PostgresError  # noqa: PLC0415

    try:
        whole.up(whole.Options(data_dir, http, mqtt, demo))
    except (AddressError, DataDirError, PostgresError) as error:
        typer.echo(f"hedgerow up: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def ingest(
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that share the messages.", min=1, max=64, envvar="HEDGEROW_WORKERS", show_default="1"),
    ] = None,
) -> None:
    """Ingest messages from the broker, and from those of the sources file (settings: HEDGEROW_* variables)."""
    from hedgerow.refused_settings import settings_said  # noqa: PLC0415
    from ingest.assignment import AssignmentError  # noqa: PLC0415
    from ingest.settings import IngestSettings  # noqa: PLC0415
    from ingest.sources import SourcesError  # noqa: PLC0415
    from ingest.workers import ingest as run  # noqa: PLC0415

    _log_to_stdout()
    with settings_said("ingest"):
        settings = IngestSettings()
    try:
        run(settings if workers is None else settings.model_copy(update={"workers": workers}))
    except (AssignmentError, SourcesError) as error:
        typer.echo(f"hedgerow ingest: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def api() -> None:
    """Serve the API and the console (settings: HEDGEROW_* variables)."""
    from api.serve import run  # noqa: PLC0415
    from api.settings import ApiSettings  # noqa: PLC0415
    from hedgerow.refused_settings import settings_said  # noqa: PLC0415

    _log_to_stdout()
    with settings_said("api"):
        settings = ApiSettings()
    run(settings)


@app.command()
def migrate(
    database_url: DatabaseOption,
    admin_file: Annotated[
        Path | None, typer.Option(help="Where a first administrator's login is written.", envvar="HEDGEROW_ADMIN_FILE")
    ] = None,
) -> None:
    """Bring the database to the present schema, fill the vocabulary, ship device profiles, make the first administrator."""
    from api.people import ensure_admin, write_admin_file  # noqa: PLC0415
    from devices.shipped_profiles import ship_profiles  # noqa: PLC0415
    from devices.vocabulary import fill_vocabulary  # noqa: PLC0415
    from sql.migrate import migrate as bring_up  # noqa: PLC0415

    applied = bring_up(database_url, typer.echo)
    with psycopg.connect(database_url) as connection:
        fill_vocabulary(connection)
        ship_profiles(connection)
        admin = ensure_admin(connection) if admin_file is not None else None
        if admin is not None and admin_file is not None:
            write_admin_file(admin_file, admin)
            typer.echo(f"first administrator: see {admin_file}")
    typer.echo(f"{len(applied)} migrations applied; the schema is up to date")


def _log_to_stdout() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
