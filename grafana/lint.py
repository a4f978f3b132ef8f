"""What must hold for dashboards before any Grafana sees them; each finding is one plain sentence."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any

from grafana.expand import VARIABLE, ExpansionError, View, expand_address, expand_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Json = Mapping[str, Any]

UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""What Grafana takes for the uid of a dashboard or an alert rule."""

_COLUMNS = 24
_INFINITY = "yesoreyeram-infinity-datasource"
_POSTGRES = "grafana-postgresql-datasource"
_GRAFANA = ("grafana", "-- Grafana --", "-- Dashboard --", "-- Mixed --")
_WITHOUT_UNIT = ("row", "text", "dashlist", "alertlist", "annolist", "logs")
_WITHOUT_QUESTION = ("row", "text", "dashlist", "alertlist", "annolist")
_LINK = re.compile(r"/d/(?P<uid>[\w-]+)[^\s\"'?]*(?:\?(?P<query>[^\s\"']*))?")
_TIME_COLUMN = re.compile(r"\$__(time|timeEpoch|timeGroupAlias|unixEpochGroupAlias|timeGroup)\(|\btime\b", re.IGNORECASE)


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
    # They lie in one folder, where Grafana takes the one for the other.
    findings += [
        f"the title {title} belongs to more than one dashboard" for title in _repeated(board["title"] for board in dashboards)
    ]
    findings += [f"Grafana takes no uid like {board['uid']}" for board in dashboards if not UID.fullmatch(board["uid"])]
    for board in dashboards:
        found = [*_lint_dashboard(board, sources), *_lint_links(board, dashboards)]
        findings += [f"{board['title']}: {finding}" for finding in found]
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
    """Give all SQL, of panels, variables and annotations, each with where it stands."""
    for title, target in targets_of(dashboard, _POSTGRES):
        yield title, target["rawSql"]
    for variable in variables_of(dashboard):
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]
    for annotation in annotations_of(dashboard):
        yield f"annotation {annotation['name']}", annotation_sql(annotation)


def addresses_of(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Give all questions for the API, each with its panel's title."""
    return targets_of(dashboard, _INFINITY)


def variables_of(dashboard: Json) -> list[Json]:
    """Give every variable."""
    found: list[Json] = dashboard.get("templating", {}).get("list", [])
    return found


def annotations_of(dashboard: Json) -> list[Json]:
    """Give every annotation that asks a data source, so not the one Grafana builds in."""
    found: list[Json] = dashboard.get("annotations", {}).get("list", [])
    return [annotation for annotation in found if (annotation.get("datasource") or {}).get("uid") not in _GRAFANA]


def annotation_sql(annotation: Json) -> str:
    """Give what an annotation asks; empty where it asks nothing."""
    sql: str = annotation.get("rawQuery") or (annotation.get("target") or {}).get("rawSql") or ""
    return sql


def _lint_dashboard(dashboard: Json, sources: Mapping[str, str]) -> Iterator[str]:
    panels = list(panels_of(dashboard))
    for panel_id in _repeated(panel["id"] for panel in panels):
        yield f"the id {panel_id} belongs to more than one panel"
    yield from _lint_grid(panels)
    variables = variables_of(dashboard)
    view = _any_view(variables)
    for panel in panels:
        for finding in _lint_panel(panel, view, sources):
            yield f"{panel.get('title') or panel['id']}: {finding}"
    for variable in variables:
        for finding in [*_lint_source(variable, sources), *_lint_variables(variable, view)]:
            yield f"variable {variable['name']}: {finding}"
    for annotation in annotations_of(dashboard):
        for finding in _lint_annotation(annotation, view, sources):
            yield f"annotation {annotation['name']}: {finding}"
    for link in dashboard.get("links", []):
        for finding in _lint_variables(link, view):
            yield f"link {link.get('title')}: {finding}"


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


def _lint_panel(panel: Json, view: View, sources: Mapping[str, str]) -> Iterator[str]:
    for word in ("title", "description"):
        if not panel.get(word) and panel["type"] != "row":
            yield f"has no {word}"
    if panel["type"] not in _WITHOUT_UNIT and not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"
    yield from _lint_variables(panel, view)
    if (repeated := panel.get("repeat")) and repeated not in view.chosen:
        yield f"is repeated for the variable {repeated}, which is not defined"
    if panel["type"] in _WITHOUT_QUESTION:
        return
    if not panel.get("targets"):
        yield "asks nothing"
    yield from _lint_source(panel, sources)
    for ref in _repeated(target["refId"] for target in panel.get("targets", [])):
        yield f"asks two questions by the name {ref}"
    for target in panel.get("targets", []):
        yield from _lint_source(target, sources)
        yield from _lint_question(target, view)


def _lint_source(holder: Json, sources: Mapping[str, str]) -> Iterator[str]:
    source = holder.get("datasource") or {}
    if source.get("uid") in _GRAFANA or (
        "datasource" not in holder and holder.get("type") in {"custom", "constant", "textbox"}
    ):
        return
    if sources.get(source.get("uid", "")) != source.get("type", ""):
        yield f"the data source {source.get('uid')} of type {source.get('type')} is not provisioned"


def _lint_question(target: Json, view: View) -> Iterator[str]:
    kind = target["datasource"]["type"]
    if kind == _POSTGRES:
        yield from _lint_sql(target.get("rawSql", ""), view, has_time=target.get("format") == "time_series")
    if kind == _INFINITY:
        yield from _lint_address(target, view)


def _lint_sql(sql: str, view: View, *, has_time: bool) -> Iterator[str]:
    if not sql.strip():
        yield "has no SQL"
    elif has_time and not _TIME_COLUMN.search(sql):
        yield "is shown as a time series and has no column time"
    try:
        expand_sql(sql, view)
    except ExpansionError as error:
        if not _is_of_a_variable(sql, view):
            yield f"{error}"


def _lint_address(target: Json, view: View) -> Iterator[str]:
    # An empty address makes the plugin read a file of its own from the Internet.
    if not target.get("url", "").startswith("/"):
        yield f"the address {target.get('url', '')!r} is not a path of the API"
        return
    # Alerts and shared dashboards work with the backend parser only.
    if target.get("parser") != "backend":
        yield "does not use the backend parser"
    if not target.get("columns"):
        yield "names no columns, so times would stay text"
    try:
        expand_address(target, view)
    except ExpansionError as error:
        if not _is_of_a_variable(" ".join(texts_of(target)), view):
            yield f"{error}"


def _lint_annotation(annotation: Json, view: View, sources: Mapping[str, str]) -> Iterator[str]:
    yield from _lint_source(annotation, sources)
    yield from _lint_variables(annotation, view)
    yield from _lint_sql(annotation_sql(annotation), view, has_time=True)


def _lint_links(dashboard: Json, dashboards: Sequence[Json]) -> Iterator[str]:
    """Hold links between dashboards to this: they lead to one of ours, and give it no variable that it does not have."""
    known = {board["uid"]: {variable["name"] for variable in variables_of(board)} for board in dashboards}
    for text in sorted({text for text in texts_of(dashboard) if "/d/" in text}):
        for match in _LINK.finditer(text):
            if match["uid"] not in known:
                yield f"the link {text} leads to a dashboard that is not there"
                continue
            for name in re.findall(r"var-(\w+)", match["query"] or ""):
                if name not in known[match["uid"]]:
                    yield f"the link {text} gives the variable {name}, which is not defined there"


def _lint_variables(holder: Json, view: View) -> Iterator[str]:
    for name in sorted({name for text in texts_of(holder) for name in _names(text)} - set(view.chosen)):
        yield f"the variable {name} is not defined"


def _is_of_a_variable(text: str, view: View) -> bool:
    """Tell whether an unknown variable explains it, which is a finding of its own."""
    return bool(set(_names(text)) - set(view.chosen))


def _any_view(variables: Sequence[Json]) -> View:
    """Choose something for each variable, to try whether what is asked can be written out."""
    now = datetime.now(UTC)
    chosen = {one["name"]: ["x"] if one.get("multi") or one.get("includeAll") else "x" for one in variables}
    return View(now - timedelta(hours=1), now, "1m", chosen)


def _names(text: str) -> Iterator[str]:
    for match in VARIABLE.finditer(text):
        yield match["plain"] or match["braced"] or match["old"]


def texts_of(value: object) -> Iterator[str]:
    """Give every text inside something read from JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def _repeated(values: Iterable[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]
