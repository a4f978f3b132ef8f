"""The commands `hedgerow simulate`, `hedgerow replay` and `hedgerow verify`."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  # typer reads annotations when it runs
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console

from simulators import replay as replaying
from simulators import simulate as simulating
from simulators.command import (
    ApiKey,
    Database,
    DataDir,
    Http,
    InFlight,
    LedgerFile,
    Mqtt,
    MqttCaFile,
    MqttPassword,
    MqttUser,
    MqttVersion,
    NoLedger,
    Register,
    api_of,
    broker_of,
    ledger_of,
    plain_errors,
    run_until_stopped,
)
from simulators.faults import Faults
from simulators.malformed import MALFORMED
from simulators.screen import Watched, show_figures, show_summary
from simulators.stream import Course
from simulators.table import TableError, columns_by_name, parse_column, read_header
from simulators.targets import Targets, find_targets, wait_until_serving
from simulators.verify import verify

T = TypeVar("T")

_START_WITHIN_S = 120.0
_USUAL_DURATION_S = 60.0
_DEMO_HISTORY_H = 24.0
_DEMO_TIMES_FASTER = 20.0
_DEMO_FAULTS = Faults(duplicate=0.01, out_of_order=0.01, malformed=0.01)
_SEED, _DEMO_SEED = 1, 2026  # apart: what a demonstration sends must not look like phantoms of a measured run

Chance = Annotated[float, typer.Option(min=0, max=1, help="Probability of this fault.")]


def simulate_command(
    *,
    devices: Annotated[int, typer.Option(min=1, help="How many devices.")] = 24,
    seed: Annotated[int | None, typer.Option(show_default="1", help="The same seed gives the same devices and values.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, show_default="natural intervals", help="Messages a second.")] = None,
    times_faster: Annotated[
        float | None,
        typer.Option(min=0.001, show_default="1", help="Divide natural intervals by this, but not those of counters."),
    ] = None,
    duration: Annotated[float | None, typer.Option(min=0, show_default="60, without --count", help="Seconds to run.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Messages to send.")] = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Demonstrate: a day of history, then 20 times faster than life until stopped.")
    ] = False,
    history: Annotated[float | None, typer.Option(min=0, show_default="0", help="Hours of history to send first.")] = None,
    duplicate: Chance = 0.0,
    late: Chance = 0.0,
    out_of_order: Chance = 0.0,
    skewed: Chance = 0.0,
    malformed: Chance = 0.0,
    oversize: Annotated[bool, typer.Option(help="Let some of the malformed be larger than 1 MiB.")] = True,
    register: Register = True,
    ledger: LedgerFile = None,
    no_ledger: NoLedger = False,
    data_dir: DataDir = None,
    mqtt: Mqtt = "",
    mqtt_user: MqttUser = "",
    mqtt_password: MqttPassword = "",
    mqtt_ca_file: MqttCaFile = None,
    mqtt_version: MqttVersion = "5",
    in_flight: InFlight = 100,
    http: Http = "",
    api_key: ApiKey = "",
) -> None:
    """Simulate a county of sensors: air quality, traffic and assets, with faults by stated probability."""
    with plain_errors("simulate"):
        if forever and data_dir is not None:
            wait_until_serving(data_dir, _START_WITHIN_S)
        targets = find_targets(data_dir, Targets(mqtt, mqtt_user, mqtt_password, http, api_key))
        faults = Faults(duplicate, late, out_of_order, skewed, malformed)
        has_end = forever or count is not None or duration is not None
        options = simulating.Options(
            broker=broker_of(targets, mqtt_ca_file, mqtt_version, in_flight),
            api=api_of(targets) if register else None,
            devices=devices,
            seed=_given(seed, _DEMO_SEED if forever else _SEED),
            course=Course(
                rate=rate,
                times_faster=_given(times_faster, _DEMO_TIMES_FASTER if forever else 1.0),
                duration_s=duration if has_end else _USUAL_DURATION_S,
                most_messages=count,
                history_h=_given(history, _DEMO_HISTORY_H if forever else 0.0),
                faults=_DEMO_FAULTS if forever and not faults.probabilities.any() else faults,
                malformed=tuple(name for name in MALFORMED if oversize or name != "too_large"),
            ),
            ledger=None if no_ledger or (forever and ledger is None) else ledger_of(ledger, "simulate"),
        )
        watched = Watched(Console(), count)
        summary = run_until_stopped(watched, lambda stop: simulating.simulate(options, stop, watched.say, watched.watch))
        show_summary(Console(), summary)
        _say_where(options.ledger)


def replay_command(
    file: Annotated[Path, typer.Argument(help="CSV file, may be packed with gzip.", exists=True, dir_okay=False)],
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(show_default="columns called like a metric", help="COLUMN=METRIC or COLUMN=METRIC:UNIT; repeatable."),
    ] = None,
    time_column: Annotated[str, typer.Option(help="Column with the time.")] = "date",
    time_zone: Annotated[str, typer.Option(help="Clock of times without an offset.")] = "UTC",
    uid: Annotated[str | None, typer.Option(show_default="made from the file's name", help="Device to publish as.")] = None,
    name: Annotated[str | None, typer.Option(show_default="the file's name", help="Name of the device.")] = None,
    latitude: Annotated[float, typer.Option(min=-90, max=90, help="Where it stands [°].")] = 50.75,
    longitude: Annotated[float, typer.Option(min=-180, max=180, help="Where it stands [°].")] = -2.35,
    speed: Annotated[
        float | None, typer.Option(min=0.001, show_default="as fast as it goes", help="Times as fast as recorded.")
    ] = None,
    register: Register = True,
    ledger: LedgerFile = None,
    no_ledger: NoLedger = False,
    data_dir: DataDir = None,
    mqtt: Mqtt = "",
    mqtt_user: MqttUser = "",
    mqtt_password: MqttPassword = "",
    mqtt_ca_file: MqttCaFile = None,
    mqtt_version: MqttVersion = "5",
    in_flight: InFlight = 100,
    http: Http = "",
    api_key: ApiKey = "",
) -> None:
    """Replay a file of real records through MQTT: one message a row, empty cells are no readings."""
    with plain_errors("replay"):
        targets = find_targets(data_dir, Targets(mqtt, mqtt_user, mqtt_password, http, api_key))
        columns = [parse_column(text) for text in column] if column else columns_by_name(read_header(file))
        if not columns:
            raise TableError(f"no column of {file.name} is called like a metric: give --column COLUMN=METRIC")
        options = replaying.Options(
            broker=broker_of(targets, mqtt_ca_file, mqtt_version, in_flight),
            file=file,
            columns=columns,
            time_column=time_column,
            uid=uid or replaying.uid_for(file),
            name=name or file.name,
            api=api_of(targets) if register else None,
            latitude=latitude,
            longitude=longitude,
            zone=_zone(time_zone),
            speed=speed,
            ledger=None if no_ledger else ledger_of(ledger, "replay"),
        )
        watched = Watched(Console(), None)
        watched.say("; ".join(f"{one.name} is {one.metric.key} [{one.unit or one.metric.unit}]" for one in columns))
        summary, tally = run_until_stopped(
            watched,
            lambda stop: replaying.replay(options, stop, watched.say, lambda publisher, _tally: watched.watch(publisher)),
        )
        show_summary(Console(), summary, tally)
        _say_where(options.ledger)


def verify_command(
    ledger: Annotated[
        list[Path], typer.Argument(help="Every ledger written of the same devices.", exists=True, dir_okay=False)
    ],
    *,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for readings still on their way.")] = 10.0,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Compare ledgers with the database; ends with code 1 unless nothing is lost, duplicate, phantom or wrong."""
    with plain_errors("verify"):
        targets = find_targets(data_dir, Targets(database_url=database))
        figures, examples = verify(ledger, targets.need("database_url", "--database"), wait)
    show_figures(Console(), figures, examples)
    typer.echo(json.dumps(figures.as_dict()))
    if not figures.ok:
        raise typer.Exit(1)


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise TableError(f"no time zone is called {name!r}; an example is Europe/London") from error


def _say_where(ledger: Path | None) -> None:
    if ledger is not None:
        typer.echo(f"The ledger is {ledger}; compare it with the database: hedgerow verify {ledger}")
