"""The commands `hedgerow grafana …`: dashboards, data sources and alert rules for a Grafana of one's own."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grafana.ask import AskError, Sources, relative_time, view_of
from grafana.evaluate import answers_of, state_of
from grafana.examine import examine
from grafana.expand import ExpansionError
from grafana.lint import lint, variables_of
from grafana.lint_rules import lint_rules
from grafana.provisioned import read_dashboards, read_provisioned
from grafana.push import Wanted, push
from grafana.remote import GrafanaError, call, open_grafana
from grafana.snapshot import SnapshotError, snapshot_of
from simulators.command import ApiKey, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana_client.api import GrafanaApi

    from grafana.provisioned import Provisioned

_PATIENCE_S = 30.0
_DAY_S = 86_400

DatabaseUrl = Annotated[
    str, typer.Option("--database-url", help="PostgreSQL connection string.", envvar="HEDGEROW_DATABASE_URL")
]
Url = Annotated[
    str, typer.Option("--url", help="Where Grafana is: https://HOST, with its path.", envvar="HEDGEROW_GRAFANA_URL")
]
Token = Annotated[
    str, typer.Option(help="Token of a service account of Grafana with the role Admin.", envvar="HEDGEROW_GRAFANA_TOKEN")
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Take http:// to another machine, though everybody on the way can then read token, API key and password.",
    ),
]
ApiUrl = Annotated[str, typer.Option("--api-url", help="The API: http://HOST:PORT.", envvar="HEDGEROW_HTTP_URL")]

grafana = typer.Typer(
    name="grafana",
    help="Dashboards, data sources and alert rules for Grafana.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@grafana.callback()
def _grafana() -> None:
    """Bring dashboards, data sources and alert rules into a Grafana, and hold them to what there is."""


@grafana.command("lint")
def lint_command(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Look at the files alone; ask nothing.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Check every dashboard and alert rule, and ask every question of the database and the API. Ends with 1 on findings."""
    provisioned = read_provisioned()
    findings = lint(provisioned.dashboards, provisioned.types_of_sources)
    findings += lint_rules(provisioned.rules, provisioned.dashboards, provisioned.types_of_sources, provisioned.folder["title"])
    if not offline and not findings:  # an unsound dashboard cannot be asked
        try:
            targets = find_targets(data_dir, Targets(database_url=database_url, http_url=api_url, api_key=api_key))
            with sources_of(targets) as sources:
                findings += _ask_all(provisioned, sources)
        except (AskError, TargetError, psycopg.Error) as error:
            typer.echo(f"hedgerow grafana lint: {str(error).strip()} (or look at the files alone: --offline)", err=True)
            raise typer.Exit(1) from error
    for finding in findings:
        typer.echo(finding)
    counted = f"{len(provisioned.dashboards)} dashboards, {len(provisioned.rules)} alert rules"
    typer.echo(f"{counted}: {'nothing to find fault with' if not findings else f'{len(findings)} findings'}")
    if findings:
        raise typer.Exit(1)


@grafana.command("push")
def push_command(
    *,
    url: Url,
    token: Token,
    folder: Annotated[str, typer.Option(help="Title of the folder.", show_default="Hedgerow")] = "",
    api_url: Annotated[
        str, typer.Option(help="The API as Grafana reaches it: https://HOST.", envvar="HEDGEROW_GRAFANA_API_URL")
    ] = "",
    api_key: Annotated[
        str, typer.Option(help="A viewer's API key, for Grafana to keep.", envvar="HEDGEROW_GRAFANA_API_KEY")
    ] = "",
    database: Annotated[
        str, typer.Option(help="The database as Grafana reaches it: HOST:PORT.", envvar="HEDGEROW_GRAFANA_DATABASE")
    ] = "",
    database_name: Annotated[str, typer.Option(help="Its name.")] = "hedgerow",
    reader_password: Annotated[
        str, typer.Option(help="Password of the role hedgerow_reader.", envvar="HEDGEROW_GRAFANA_READER_PASSWORD")
    ] = "",
    sslmode: Annotated[
        str, typer.Option(help="TLS to the database: disable, require, verify-ca, verify-full.")
    ] = "verify-full",
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Send key and password again: Grafana tells nobody its own.")
    ] = False,
    insecure: Insecure = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Bring folder, data sources, dashboards and alert rules into a Grafana (11.6 or newer). Again and again gives the same."""
    provisioned = read_provisioned()
    values = {
        "API_URL": api_url.rstrip("/"),
        "API_KEY": api_key,
        "DATABASE_ADDRESS": database,
        "DATABASE_NAME": database_name,
        "READER_PASSWORD": reader_password,
    }
    wanted = Wanted(values, folder or provisioned.folder["title"], sslmode, secrets, dry_run)
    counts: Counter[str] = Counter()
    try:
        with open_grafana(url, token, insecure=insecure) as remote:
            for change in push(remote, provisioned, wanted):
                counts[change.done] += 1
                typer.echo(f"{change.done:9}  {change.what}{f' ({change.note})' if change.note else ''}")
    except GrafanaError as error:
        typer.echo(f"hedgerow grafana push: {error}", err=True)
        if counts and not dry_run:
            typer.echo("What is listed above is done; the same command does the rest.", err=True)
        raise typer.Exit(1) from error
    told = ", ".join(f"{counts[done]} {done}" for done in ("created", "changed", "unchanged", "left"))
    typer.echo(f"{told}{': a dry run, nothing was changed' if dry_run else ''}")


@grafana.command("snapshot")
def snapshot_command(
    dashboard: Annotated[str, typer.Argument(help="Uid of a dashboard: hedgerow-county, or county.")],
    *,
    start: Annotated[str, typer.Option("--from", help="now-24h, or 2026-11-01, or 2026-11-01T08:30:00Z (UTC).")] = "",
    end: Annotated[str, typer.Option("--to", help="Likewise.", show_default="now")] = "now",
    choose: Annotated[
        list[str] | None, typer.Option(help="What is chosen: site=high-street, site=a,b.", show_default="as it opens")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New file for the snapshot.")] = None,
    url: Url = "",
    token: Token = "",
    days: Annotated[int, typer.Option(min=0, help="How long Grafana keeps it; 0: for ever.")] = 0,
    insecure: Insecure = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Take a picture of a dashboard with its figures inside, as a file (--out) or into a Grafana (--url)."""
    if out is None and not url:
        raise typer.BadParameter("say where to: --out FILE, or --url (and --token) of a Grafana")
    try:
        targets = find_targets(data_dir, Targets(database_url=database_url, http_url=api_url, api_key=api_key))
        with sources_of(targets) as sources:
            taken = _take(_dashboard(dashboard), sources, (start, end), choose or [])
        if out is not None:
            with out.open("x", encoding="utf-8") as file:
                json.dump({"dashboard": taken, "name": taken["title"], "expires": days * _DAY_S}, file, ensure_ascii=False)
            typer.echo(f"written: {out}")
        if url:
            with open_grafana(url, token, insecure=insecure) as remote:
                _post(taken, remote, days)
    except (AskError, ExpansionError, GrafanaError, SnapshotError, TargetError, psycopg.Error, OSError, ValueError) as error:
        typer.echo(f"hedgerow grafana snapshot: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error


def _dashboard(uid: str) -> dict[str, Any]:
    boards = {board["uid"]: board for board in read_dashboards()}
    found = boards.get(uid) or boards.get(f"hedgerow-{uid}")
    if found is None:
        raise SnapshotError(f"there is no dashboard {uid}; there are {', '.join(boards)}")
    return found


def _take(board: dict[str, Any], sources: Sources, span: tuple[str, str], choose: list[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    start, end = relative_time(span[0] or board["time"]["from"], now), relative_time(span[1], now)
    if start >= end:
        raise SnapshotError("the time shown ends before it begins")
    wanted = {name: values.split(",") for name, _, values in (one.partition("=") for one in choose)}
    if unknown := sorted(set(wanted) - {variable["name"] for variable in variables_of(board)}):
        raise SnapshotError(f"{board['title']} has no variable {', '.join(unknown)}")
    return snapshot_of(board, sources, view_of(board, sources, start, end, wanted), now)


def _post(taken: dict[str, Any], remote: GrafanaApi, days: int) -> None:
    made = call("snapshot", remote.snapshots.create_new_snapshot, taken, name=taken["title"], expires=days * _DAY_S)
    typer.echo(f"snapshot: {made['url']}")
    typer.echo(f"whoever has this address may delete it: {made['deleteUrl']}")


@contextmanager
def sources_of(targets: Targets) -> Iterator[Sources]:
    """Open the two ways on which Grafana reads."""
    headers = {"Authorization": f"Bearer {targets.need('api_key', '--api-key')}"}
    url = targets.need("http_url", "--api-url")
    with (
        connect(targets.need("database_url", "--database-url"), name="hedgerow grafana") as connection,
        httpx.Client(base_url=url, headers=headers, timeout=_PATIENCE_S, trust_env=False) as api,
    ):
        yield Sources(connection, api)


def _ask_all(provisioned: Provisioned, sources: Sources) -> Iterator[str]:
    """Ask everything, show what came, and give what is wrong."""
    console = Console()
    table = _table("dashboard", "panel", "rows", "ms")
    for one in examine(provisioned.dashboards, sources):
        table.add_row(one.dashboard, escape(one.where), f"{one.rows:,}", f"{one.took_ms:.0f}")
        yield from (f"{one.dashboard}: {one.where}: {finding}" for finding in one.findings)
    states = _table("alert rule", "state now")
    for rule in provisioned.rules:
        try:
            state: str = state_of(rule, answers_of(rule, sources))
        except AskError as error:
            state = "not known"
            yield f"alert rule {rule['title']}: {error}"
        states.add_row(rule["title"], state)
    for shown in (table, states):
        console.print(shown)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in {"rows", "ms"} else "left", overflow="fold")
    return table
