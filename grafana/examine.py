"""Asks every question of every dashboard of the real database and the real API, and judges what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from grafana.ask import AskError, Table, open_view, view_of_panel
from grafana.expand import ExpansionError, View
from grafana.lint import annotation_sql, annotations_of, panels_of, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grafana.ask import Sources

    Json = Mapping[str, Any]

_SERIES = ("time_series", "timeseries")


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a dashboard, as it stands in its file."""

    where: str
    target: Json
    view: View
    may_be_empty: bool = False


@dataclass(slots=True)
class Examined:
    """What came of one question."""

    dashboard: str
    where: str
    rows: int = 0
    took_ms: float = 0.0
    findings: list[str] = field(default_factory=list)


def examine(dashboards: Sequence[Json], sources: Sources, now: datetime | None = None) -> Iterator[Examined]:
    """Ask everything that is asked when somebody opens each dashboard.

    Parameters
    ----------
    dashboards
        Sound ones (`grafana.lint.lint`).
    sources
        The database, as whoever may become Grafana's reader, and the API with a viewer's key.
    now
        When they are opened; None: now.
    """
    for dashboard in dashboards:
        try:
            view = open_view(dashboard, sources, now)
        except (AskError, ExpansionError) as error:
            yield Examined(dashboard["title"], "variables", findings=[str(error)])
            continue
        for question in questions_of(dashboard, view):
            yield _examined(dashboard, question, sources)


def questions_of(dashboard: Json, view: View) -> Iterator[Question]:
    """Give what a dashboard asks: for its variables, its annotations, and each panel with the interval it has."""
    for variable in variables_of(dashboard):
        if variable["type"] == "query":
            asked = variable["query"]
            target = {"rawSql": asked} if isinstance(asked, str) else asked
            yield Question(f"variable {variable['name']}", target, view)
    for annotation in annotations_of(dashboard):
        target = {"rawSql": annotation_sql(annotation), "format": "annotation"}
        yield Question(f"annotation {annotation['name']}", target, view, may_be_empty=True)
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            yield Question(panel["title"], target, view_of_panel(panel, view))


def judge(table: Table, form: str) -> list[str]:
    """Say what is wrong with an answer.

    Parameters
    ----------
    table
        What came back.
    form
        What Grafana is to make of it: `time_series` (database), `timeseries` (API), `annotation`, or a table.
    """
    if form in {*_SERIES, "annotation"} and "time" not in table.columns:
        return ["has no column time"]
    if not table.rows:
        return ["gives nothing"]
    if all(value is None for row in table.rows for value in row):
        return ["gives nothing but nulls"]
    return _judge_series(table) if form in _SERIES else []


def _judge_series(table: Table) -> list[str]:
    times = table.column("time")
    if not all(isinstance(moment, datetime) for moment in times):
        return ["has times that are none"]
    findings = [] if times == sorted(times) else ["is not in the order of time, so no lines can be made of it"]
    others = [name for name in table.columns if name != "time"]
    if not any(_is_number(value) for name in others for value in table.column(name)):
        findings.append("has no number")
    return findings


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _examined(dashboard: Json, question: Question, sources: Sources) -> Examined:
    found = Examined(dashboard["title"], question.where)
    try:
        table = sources.ask(question.target, question.view)
        found.rows, found.took_ms = len(table.rows), table.took_ms
        if table.rows or not question.may_be_empty:
            found.findings += judge(table, question.target.get("format", ""))
    except (AskError, ExpansionError) as error:
        found.findings.append(str(error))
    return found
