"""The commands `hedgerow bench …`: each measures this machine, says how far it is, and prints a table or JSON lines."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer

from hedgerow.bench.database import BenchError
from hedgerow.bench.machine import describe
from hedgerow.bench.report import Teller
from hedgerow.bench.servers import running_servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DatabaseUrl = Annotated[
    str,
    typer.Option(
        show_default="an embedded PostgreSQL, thrown away afterwards",
        help="Connection string of an EMPTY database of any server, by a superuser; it is emptied again afterwards.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")]

bench = typer.Typer(
    name="bench",
    help="Measure this machine. Every command starts servers of its own, and takes its yardstick in the same run.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@bench.callback()
def _bench() -> None:
    """Measure this machine."""


@bench.command()
def ingest(
    messages: Annotated[int, typer.Option(help="Messages of five readings.", min=1000)] = 200_000,
    devices: Annotated[int, typer.Option(help="Devices they come from.", min=1)] = 10_000,
    warm_up: Annotated[int, typer.Option(help="Messages that go through before anything is measured.", min=1)] = 50_000,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure how fast messages are stored, against raw binary COPY of the same rows into the same table."""
    from hedgerow.bench.ingest import bench_ingest  # noqa: PLC0415 - each command imports what only it needs
    from hedgerow.bench.ingest_report import report  # noqa: PLC0415

    with _told("ingest"), running_servers(database_url) as servers:
        results = bench_ingest(servers, messages, devices, warm_up, Teller())
        report(results, describe(servers)).show(as_json=as_json)


@bench.command()
def drain(
    sensors: Annotated[int, typer.Option(help="Sensors, each with a message of six readings every 5 minutes.", min=1)] = 5_000,
    hours: Annotated[float, typer.Option(help="How long ingest was away [h].", min=0.01)] = 24.0,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure how soon a backlog in the broker is stored, and how long live messages take meanwhile."""
    from hedgerow.bench.drain import bench_drain  # noqa: PLC0415
    from hedgerow.bench.live_report import drain_report  # noqa: PLC0415

    with _told("drain"), running_servers(database_url, needs_mosquitto=True) as servers:
        drained = bench_drain(servers, sensors, hours, Teller())
        drain_report(drained, describe(servers)).show(as_json=as_json)


@bench.command()
def latency(
    rate: Annotated[float, typer.Option(help="Messages of five readings in a second.", min=1)] = 1_000.0,
    seconds: Annotated[float, typer.Option(help="How long live messages are timed [s].", min=1)] = 30.0,
    devices: Annotated[int, typer.Option(help="Devices that the messages come from.", min=1)] = 10_000,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure the time from publishing to the answer of the API, while messages flow at a given rate."""
    from hedgerow.bench.latency import bench_latency  # noqa: PLC0415
    from hedgerow.bench.live_report import latency_report  # noqa: PLC0415

    with _told("latency"), running_servers(database_url) as servers:
        results = bench_latency(servers, rate, seconds, devices, Teller())
        latency_report(results, describe(servers)).show(as_json=as_json)


@bench.command()
def growth(
    rows: Annotated[int, typer.Option(help="Readings that the full store holds.", min=1)] = 100_000_000,
    messages: Annotated[int, typer.Option(help="Messages of five readings in one flood.", min=1000)] = 200_000,
    devices: Annotated[int, typer.Option(help="Devices they come from, with five series each.", min=1)] = 10_000,
    months: Annotated[int, typer.Option(help="Over how many months the readings are spread.", min=1, max=11)] = 6,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Compare what a reading costs in an empty store with what it costs in one that holds very many."""
    from hedgerow.bench.growth import bench_growth  # noqa: PLC0415
    from hedgerow.bench.growth_report import report  # noqa: PLC0415

    with _told("growth"), running_servers(database_url) as servers:
        grown = bench_growth(servers, rows, messages, devices, months, Teller())
        report(grown, describe(servers)).show(as_json=as_json)


@bench.command()
def aggregate(
    readings: Annotated[int, typer.Option(help="Readings that the store holds, about.", min=1000)] = 100_000_000,
    series: Annotated[int, typer.Option(help="Series they are of, five a site.", min=5)] = 10_000,
    days: Annotated[int, typer.Option(help="Days that a hundredth of the sites goes back; the others a month.", min=1)] = 365,
    requests: Annotated[int, typer.Option(help="How often each question is asked in each way.", min=1)] = 200,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep the store in, or where one was kept: building it takes minutes.")
    ] = None,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure what people ask of a full store through the API, beside the bare SQL of the same questions."""
    from hedgerow.bench.aggregate import bench_aggregate  # noqa: PLC0415
    from hedgerow.bench.aggregate_report import report  # noqa: PLC0415
    from hedgerow.bench.stock import Wanted  # noqa: PLC0415

    if keep and database_url:
        raise typer.BadParameter("a database that is emptied afterwards keeps nothing: give either --keep or --database-url")
    with _told("aggregate"), running_servers(database_url, keep=keep) as servers:
        result = bench_aggregate(servers, Wanted.of(readings, series, days), requests, keep, Teller())
        report(result, describe(servers)).show(as_json=as_json)


@bench.command()
def dashboards(
    messages: Annotated[int, typer.Option(help="Messages of five readings in one flood.", min=1000)] = 1_000_000,
    pairs: Annotated[int, typer.Option(help="Floods alone and looked at.", min=1)] = 3,
    viewers: Annotated[int, typer.Option(help="Dashboards that are open.", min=1)] = 20,
    every: Annotated[float, typer.Option(help="How often each refreshes [s].", min=0.1)] = 5.0,
    readings: Annotated[int, typer.Option(help="Readings that the store holds before, about.", min=1000)] = 2_000_000,
    series: Annotated[int, typer.Option(help="Series they are of, five a site.", min=5)] = 10_000,
    days: Annotated[int, typer.Option(help="Days they go back.", min=1, max=31)] = 31,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure how much slower messages are stored while dashboards are looked at."""
    from hedgerow.bench.dashboards import bench_dashboards, report  # noqa: PLC0415
    from hedgerow.bench.stock import Wanted  # noqa: PLC0415

    with _told("dashboards"), running_servers(database_url) as servers:
        wanted = Wanted.of(readings, series, days)
        result = bench_dashboards(servers, wanted, messages, pairs, (viewers, every), Teller())
        report(result, describe(servers)).show(as_json=as_json)


@bench.command()
def steps(
    seconds: Annotated[float, typer.Option(help="How long each step is repeated [s].", min=0.0)] = 2.0,
    *,
    as_json: Json = False,
) -> None:
    """Measure each pure step on one core: decoding every format, resolve, check, sort, encode."""
    from hedgerow.bench.steps import bench_steps  # noqa: PLC0415
    from hedgerow.bench.steps_report import report  # noqa: PLC0415

    with _told("steps"):
        report(bench_steps(seconds, Teller()), describe()).show(as_json=as_json)


@bench.command()
def naive(
    messages: Annotated[int, typer.Option(help="Messages of five readings.", min=1)] = 200_000,
    seconds: Annotated[float, typer.Option(help="After how long one that has not finished is stopped [s].", min=1)] = 20.0,
    devices: Annotated[int, typer.Option(help="Devices they come from.", min=1)] = 10_000,
    database_url: DatabaseUrl = "",
    *,
    as_json: Json = False,
) -> None:
    """Measure what the usual programs of a page or two reach with the same messages, beside ingest."""
    from hedgerow.bench.naive import bench_naive, report  # noqa: PLC0415

    with _told("naive"), running_servers(database_url, needs_mosquitto=True) as servers:
        results = bench_naive(servers, messages, seconds, devices, Teller())
        report(results, describe(servers)).show(as_json=as_json)


@contextmanager
def _told(command: str) -> Iterator[None]:
    """End well whatever happens: servers are stopped, and what went wrong is said in one line."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"hedgerow bench {command}: stopped", err=True)
        raise typer.Exit(130) from None
    except (BenchError, psycopg.Error) as error:
        typer.echo(f"hedgerow bench {command}: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
