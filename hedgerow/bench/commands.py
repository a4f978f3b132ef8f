"""The commands `hedgerow bench …`: each measures this machine, says how far it is, and prints a table or JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

bench = typer.Typer(name="bench", help="Measure this machine.", no_args_is_help=True, pretty_exceptions_show_locals=False)


@bench.callback()
def _bench() -> None:
    """Measure this machine."""


@bench.command()
def ingest(
    messages: Annotated[int, typer.Option(help="Messages of five readings.", min=1000)] = 200_000,
    devices: Annotated[int, typer.Option(help="Devices they come from.", min=1)] = 10_000,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Measure how fast messages are stored, beside raw binary COPY of the same rows."""
    from hedgerow.bench.ingest import bench_ingest  # noqa: PLC0415
    from hedgerow.bench.report import table  # noqa: PLC0415

    results = bench_ingest(messages, devices, lambda line: typer.echo(line, err=True))
    if as_json:
        for result in results:
            typer.echo(json.dumps(asdict(result)))
    else:
        Console().print(table(results))
