"""What must hold for dashboards before any Grafana sees them; each finding is one plain sentence."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

from grafana.expand import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Json = Mapping[str, Any]

_COLUMNS = 24
_INFINITY = "yesoreyeram-infinity-datasource"
_POSTGRES = "grafana-postgresql-datasource"
_WITHOUT_UNIT = ("row", "text", "dashlist")


def lint(dashboards: Sequence[Json], sources: Mapping[str, str]) -> list[str]:
    """List what is wrong.

    Parameters
    ----------
    dashboards
        Dashboards as they stand in their files.
    sources
        Type of each provisioned data source by its uid.
    """
    findings = [f"the uid {uid} belongs to more than one dashboard" for uid in _repeated(board["uid"] for board in dashboards)]
    for board in dashboards:
        findings += [f"{board['title']}: {finding}" for finding in _lint_dashboard(board, sources)]
    return findings


def panels_of(dashboard: Json) -> Iterator[Json]:
    """Give every panel, those inside rows too."""
    for panel in dashboard.get("panels", []):
        yield panel
        yield from panel.get("panels") or []


def targets_of(dashboard: Json, type_of_source: str) -> Iterator[tuple[str, Json]]:
    """Give the questions for one type of data source, each with its panel's title."""
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            if target.get("datasource", {}).get("type") == type_of_source:
                yield panel["title"], target


def sql_of(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Give all SQL, of panels and of variables, each with where it stands."""
    for title, target in targets_of(dashboard, _POSTGRES):
        yield title, target["rawSql"]
    for variable in _variables(dashboard):
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]


def addresses_of(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Give all questions for the API, each with its panel's title."""
    return targets_of(dashboard, _INFINITY)


def _lint_dashboard(dashboard: Json, sources: Mapping[str, str]) -> Iterator[str]:
    panels = list(panels_of(dashboard))
    for panel_id in _repeated(panel["id"] for panel in panels):
        yield f"the id {panel_id} belongs to more than one panel"
    yield from _lint_grid(panels)
    known = {variable["name"] for variable in _variables(dashboard)}
    for panel in panels:
        for finding in _lint_panel(panel, known, sources):
            yield f"{panel.get('title') or panel['id']}: {finding}"
    for variable in _variables(dashboard):
        for finding in [*_lint_source(variable, sources), *_lint_variables(variable, known)]:
            yield f"variable {variable['name']}: {finding}"


def _lint_grid(panels: Sequence[Json]) -> Iterator[str]:
    for panel in panels:
        spot = panel["gridPos"]
        if min(spot["x"], spot["y"]) < 0 or min(spot["w"], spot["h"]) < 1 or spot["x"] + spot["w"] > _COLUMNS:
            yield f"{panel['title']} leaves the grid"
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']} and {other['title']} overlap"


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def _lint_panel(panel: Json, known: set[str], sources: Mapping[str, str]) -> Iterator[str]:
    for word in ("title", "description"):
        if not panel.get(word):
            yield f"has no {word}"
    if panel["type"] not in _WITHOUT_UNIT:
        if not panel.get("targets"):
            yield "asks nothing"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield "has no unit"
    yield from _lint_source(panel, sources)
    yield from _lint_variables(panel, known)
    for target in panel.get("targets", []):
        yield from _lint_source(target, sources)
        yield from _lint_question(target)


def _lint_source(holder: Json, sources: Mapping[str, str]) -> Iterator[str]:
    source = holder.get("datasource") or {}
    if sources.get(source.get("uid", "")) != source.get("type", ""):
        yield f"the data source {source.get('uid')} of type {source.get('type')} is not provisioned"


def _lint_question(target: Json) -> Iterator[str]:
    kind = target["datasource"]["type"]
    if kind == _POSTGRES and not target.get("rawSql", "").strip():
        yield "has no SQL"
    if kind != _INFINITY:
        return
    # An empty address makes the plugin read a file of its own from the Internet.
    if not target.get("url", "").startswith("/"):
        yield f"the address {target.get('url', '')!r} is not a path of the API"
    # Alerts and shared dashboards work with the backend parser only.
    if target.get("parser") != "backend":
        yield "does not use the backend parser"
    if not target.get("columns"):
        yield "names no columns, so times would stay text"


def _lint_variables(holder: Json, known: set[str]) -> Iterator[str]:
    for name in sorted({name for text in _texts(holder) for name in _names(text)} - known):
        yield f"the variable {name} is not defined"


def _names(text: str) -> Iterator[str]:
    for match in VARIABLE.finditer(text):
        yield match["plain"] or match["braced"] or match["old"]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _variables(dashboard: Json) -> list[Json]:
    found: list[Json] = dashboard.get("templating", {}).get("list", [])
    return found


def _repeated(values: Iterator[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]
