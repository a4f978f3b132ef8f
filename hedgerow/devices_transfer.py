"""The commands `hedgerow devices import` and `export`: a spreadsheet in, a spreadsheet out, through the HTTP API."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from simulators.command import ApiKey, DataDir, Http  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets

_PATIENCE_S = 120.0
_MOST_SHOWN = 200


class TransferError(Exception):
    """The API refused a file as a whole, or could not be reached."""


def import_devices(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8) or Excel (.xlsx).", exists=True, dir_okay=False)],
    *,
    commit: Annotated[bool, typer.Option("--commit", help="Import the good rows; without it nothing is changed.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show unchanged rows too.")] = False,
    data_dir: DataDir = None,
    http: Http = "",
    api_key: ApiKey = "",
) -> None:
    """Import devices and sites from a spreadsheet; a dry run unless told otherwise. Ends with 1 where a row was refused."""
    try:
        targets = find_targets(data_dir, Targets(http_url=http, api_key=api_key))
        asked = {"dry_run": "false" if commit else "true"}
        answer = _ask(targets, "POST", "/api/v1/import/devices", params=asked, content=file.read_bytes()).json()
    except (TargetError, TransferError, OSError) as error:
        typer.echo(f"hedgerow devices import: {error}", err=True)
        raise typer.Exit(1) from error
    _show(answer, every=every)
    if answer["counts"]["refused"]:
        raise typer.Exit(1)


def export_devices(
    file: Annotated[Path | None, typer.Argument(show_default="the terminal", help="Where the CSV is written.")] = None,
    *,
    data_dir: DataDir = None,
    http: Http = "",
    api_key: ApiKey = "",
) -> None:
    """Export every device that is not retired, and where it is, as CSV that imports unchanged."""
    try:
        targets = find_targets(data_dir, Targets(http_url=http, api_key=api_key))
        content = _ask(targets, "GET", "/api/v1/export/devices").content
        if file is not None:
            file.write_bytes(content)
    except (TargetError, TransferError, OSError) as error:
        typer.echo(f"hedgerow devices export: {error}", err=True)
        raise typer.Exit(1) from error
    if file is None:
        typer.echo(content.decode(), nl=False)


def _ask(targets: Targets, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own keywords
    url = targets.need("http_url", "--http")
    headers = {"Authorization": f"Bearer {targets.need('api_key', '--api-key')}"}
    try:
        answer = httpx.request(method, url + path, headers=headers, timeout=_PATIENCE_S, trust_env=False, **more)
    except httpx.HTTPError as error:
        raise TransferError(f"the API at {url} cannot be reached: {error!r}") from error
    if answer.is_error:
        is_problem = "json" in answer.headers.get("content-type", "")
        raise TransferError(answer.json()["detail"] if is_problem else f"the API at {url} answers {answer.status_code}")
    return answer


def _show(answer: dict[str, Any], *, every: bool) -> None:
    console = Console()
    counts = answer["counts"]
    done = "would be " if answer["dry_run"] else ""
    told = ", ".join(f"{counts[status]:,} {done}{status}" for status in ("created", "changed", "refused"))
    rows = [row for row in answer["results"] if every or row["status"] != "unchanged"]
    rows.sort(key=lambda row: row["status"] != "refused")
    if rows:
        console.print(_table(rows[:_MOST_SHOWN]))
    if rows[_MOST_SHOWN:]:
        typer.echo(f"… and {len(rows) - _MOST_SHOWN:,} more rows")
    if answer["ignored_columns"]:
        typer.echo(f"not read: {', '.join(answer['ignored_columns'])}")
    many = "row" if answer["rows"] == 1 else "rows"
    typer.echo(f"{answer['rows']:,} {many}: {told}, {counts['unchanged']:,} unchanged")
    if answer["dry_run"] and counts["created"] + counts["changed"]:
        typer.echo("Nothing was changed. To import the good rows, add --commit.")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("row", "status", "device", "site", "what"):
        table.add_column(heading, justify="right" if heading == "row" else "left", overflow="fold")
    for row in rows:
        changes = "; ".join(f"{change['field']}: {change['before']} → {change['after']}" for change in row["changes"])
        table.add_row(str(row["row"]), row["status"], row["uid"], row["site"], (row["reason"] or changes).replace("[", "\\["))
    return table
