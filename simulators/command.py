"""What the commands of the simulators share: the options for where to, a clean stop, and errors as one plain line."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import psycopg
import typer
from aiomqtt import MqttError

from simulators.ledger import LedgerError
from simulators.publish import Broker
from simulators.register import Api, RegistrationError
from simulators.table import TableError
from simulators.targets import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from simulators.screen import Watched
    from simulators.targets import Targets

T = TypeVar("T")

DataDir = Annotated[
    Path | None,
    typer.Option(show_default=".hedgerow", help="Folder of a running 'hedgerow up', for addresses and secrets not given."),
]
Mqtt = Annotated[str, typer.Option(help="Broker: mqtt://HOST:PORT, or mqtts:// for TLS.", envvar="HEDGEROW_MQTT_URL")]
MqttUser = Annotated[str, typer.Option(help="User name at the broker.", envvar="HEDGEROW_MQTT_USER")]
MqttPassword = Annotated[str, typer.Option(help="Password at the broker.", envvar="HEDGEROW_MQTT_PASSWORD")]
MqttCaFile = Annotated[
    Path | None, typer.Option(show_default="the system's", help="CA certificates for mqtts://.", envvar="HEDGEROW_MQTT_CA_FILE")
]
MqttVersion = Annotated[str, typer.Option(help="MQTT version: 5 or 3.1.1.")]
InFlight = Annotated[int, typer.Option(min=1, max=20_000, help="Most messages on the way at once.")]
Http = Annotated[str, typer.Option(help="API that registers the devices: http://HOST:PORT.", envvar="HEDGEROW_HTTP_URL")]
ApiKey = Annotated[str, typer.Option(help="Key to the API.", envvar="HEDGEROW_API_KEY")]
Database = Annotated[str, typer.Option(help="PostgreSQL connection string.", envvar="HEDGEROW_DATABASE_URL")]
Register = Annotated[bool, typer.Option(help="Register devices through the API first.")]
LedgerFile = Annotated[
    Path | None, typer.Option(show_default="named for the time", help="New file that notes what was sent and acknowledged.")
]
NoLedger = Annotated[bool, typer.Option("--no-ledger", help="Keep no ledger.")]


def broker_of(targets: Targets, ca_file: Path | None, version: str, in_flight: int) -> Broker:
    """Give the broker that was chosen."""
    if version not in ("5", "3.1.1"):
        raise TargetError(f"there is no MQTT version {version!r} here: choose 5 or 3.1.1")
    url = targets.need("mqtt_url", "--mqtt")
    return Broker(url, targets.mqtt_user, targets.mqtt_password, ca_file, version, in_flight)


def api_of(targets: Targets) -> Api:
    """Give the API that was chosen."""
    url = targets.need("http_url", "--http (or --no-register)")
    return Api(url, targets.need("api_key", "--api-key (or --no-register)"))


def ledger_of(path: Path | None, what: str) -> Path:
    """Give the ledger's path: the one that was chosen, or one named for the time."""
    return path or Path(f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S}.ledger")


def run_until_stopped(watched: Watched, main: Callable[[asyncio.Event], Coroutine[object, object, T]]) -> T:
    """Run a program that ends when its event is set, which SIGINT and SIGTERM do; show how it gets on."""

    async def run() -> T:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with watched.shown():
            return await main(stop)

    return asyncio.run(run())


@contextmanager
def plain_errors(command: str) -> Iterator[None]:
    """Say in one line what a person can mend, and end with code 1."""
    try:
        yield
    except (
        TargetError,
        LedgerError,
        TableError,
        RegistrationError,
        MqttError,
        psycopg.OperationalError,
        OSError,
        ValueError,
    ) as error:
        typer.echo(f"hedgerow {command}: {error}", err=True)
        raise typer.Exit(1) from error
