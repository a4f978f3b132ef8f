"""The command `hedgerow doctor`: one screen on how an installation is, in plain words."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import typer
from psycopg import errors
from rich.console import Console
from rich.table import Table

from hedgerow.doctor.facts import compare_migrations, gather
from hedgerow.doctor.findings import Finding, find, schema
from hedgerow.words import size_text
from simulators.command import Database, DataDir  # noqa: TC001 - typer reads annotations when it runs
from simulators.targets import TargetError, Targets, find_targets
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.doctor.facts import Facts

_WORDS = {"fine": "[green]fine[/]", "look": "[yellow]look[/]", "do": "[bold red]do[/]"}
_TABLES = 12


def doctor_command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a screen.")] = False,
    disk: Annotated[
        Path | None, typer.Option(exists=True, show_default="its data directory", help="A folder on the database's disk.")
    ] = None,
    data_dir: DataDir = None,
    database: Database = "",
) -> None:
    """Say how Hedgerow is: what is set, what is due, sizes, what waits. Ends with 1 where somebody should do something."""
    try:
        targets = find_targets(data_dir, Targets(database_url=database))
        with connect(targets.need("database_url", "--database"), name="hedgerow doctor") as connection:
            facts, findings = examine(connection, disk)
    except (psycopg.Error, TargetError) as error:
        typer.echo(f"hedgerow doctor: {str(error).strip()}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(_plain(facts, findings), indent=2, default=str))
    else:
        _show(facts, findings)
    raise typer.Exit(int(any(finding.level == "do" for finding in findings)))


def examine(connection: psycopg.Connection, disk: Path | None = None) -> tuple[Facts | None, list[Finding]]:
    """Look at everything; at nothing but the schema where that is not the one of this version."""
    try:
        flavour = connection.execute(query("list_applied_migrations")).fetchall()
    except errors.UndefinedTable:
        flavour = []
    if not flavour:
        return None, [Finding("schema", "do", "this database has no tables yet", "Run: hedgerow migrate")]
    migrations = compare_migrations(connection, flavour[0][1])
    if migrations.pending:
        return None, list(schema(migrations))
    facts = gather(connection, disk)
    return facts, find(facts)


def _show(facts: Facts | None, findings: Sequence[Finding]) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    last = ""
    for subject, level, what, advice in findings:
        table.add_row(
            subject if subject != last else "", _WORDS[level], f"{what}\n{advice}" if advice and level != "fine" else what
        )
        last = subject
    console.print(table)
    if facts is None:
        return
    sizes = Table(box=None, pad_edge=False)
    for heading in ("largest tables", "size", "indexes", "rows, about", "partitions", "kept"):
        sizes.add_column(heading, justify="left" if heading in {"largest tables", "kept"} else "right")
    kept = {row["name"]: _kept(row) for row in facts.table_policies}
    kept["reading"] = ", ".join(_policy(row) for row in facts.policies)
    for row in facts.tables[:_TABLES]:
        partitions = str(row["partitions"] or "")
        figures = (
            size_text(row["bytes"]),
            size_text(row["index_bytes"]),
            "" if row["rows"] is None else f"{row['rows']:,}",
            partitions,
        )
        sizes.add_row(row["name"], *figures, kept.get(row["name"], ""))
    console.print(sizes)


def _kept(row: Any) -> str:  # noqa: ANN401 - a row
    return f"{row['keep_days']} days" if row["keep_days"] else "for ever" if row["is_settable"] else ""


def _policy(row: Any) -> str:  # noqa: ANN401 - a row
    length = f"{row['keep_months']} months" if row["keep_months"] else "for ever"
    scope = row["metric"] or row["domain"]
    return f"{scope} {length}" if scope else length


def _plain(facts: Facts | None, findings: Sequence[Finding]) -> dict[str, Any]:
    told: dict[str, Any] = {"findings": [finding._asdict() for finding in findings]}
    if facts is not None:
        told |= {
            "server": facts.server,
            "settings": {name: row["told"] for name, row in facts.settings.items()},
            "tables": facts.tables,
            "policies": {"readings": facts.policies, "tables": facts.table_policies},
            "due": facts.due.counts(),
            "waiting": facts.waiting,
            "workers": facts.workers,
            "growth": facts.growth,
            "disk_free": facts.disk_free,
            "clock_off_s": facts.clock_off_s,
            "retention_last_run_s": facts.last_run_s,
        }
    return told
