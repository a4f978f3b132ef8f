"""Every fault that lint is there for, planted into a sound dashboard, is found."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from grafana.lint import lint, sql_of
from grafana.targets import API, DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable

    Dashboard = dict[str, Any]

SOURCES = {str(ref.uid): str(ref.type_val) for ref in (API, DATABASE)}
_DATABASE = {"uid": DATABASE.uid, "type": DATABASE.type_val}
_API = {"uid": API.uid, "type": API.type_val}


def panel(number: int, kind: str, source: Dashboard, target: Dashboard) -> Dashboard:
    """Give a sound panel, the others below it."""
    return {
        "id": number,
        "type": kind,
        "title": f"Panel {number}",
        "description": "What it shows.",
        "gridPos": {"x": 0, "y": 8 * number, "w": 12, "h": 8},
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": "short"}},
        "targets": [{"refId": "A", "datasource": source, **target}],
    }


_SERIES = (
    "SELECT $__timeGroupAlias(time, $__interval), count(*) FROM x WHERE $__timeFilter(time) AND site IN ($site) GROUP BY 1"
)
_ADDRESS = {
    "format": "timeseries",
    "parser": "backend",
    "url": "/api/v1/aggregate?$__combineValues(site=,,&,${site:csv})",
    "url_options": {"params": [{"key": "metric", "value": "${metric}"}]},
    "columns": [{"selector": "time", "text": "time", "type": "timestamp"}],
}
SOUND: Dashboard = {
    "uid": "hedgerow-traffic",
    "title": "Traffic",
    "links": [],
    "templating": {
        "list": [
            {"name": "site", "type": "query", "datasource": _DATABASE, "query": "SELECT site FROM x", "multi": True},
            {"name": "metric", "type": "custom", "query": "no2"},
        ]
    },
    "panels": [
        panel(1, "stat", _DATABASE, {"format": "table", "rawSql": "SELECT 1"}),
        panel(2, "timeseries", _DATABASE, {"format": "time_series", "rawSql": _SERIES}),
        panel(3, "timeseries", _API, _ADDRESS),
    ],
}


def chart(dashboard: Dashboard, kind: str = DATABASE.type_val or "") -> Dashboard:
    """Give the first chart that asks this type of data source."""
    charts = (panel for panel in dashboard["panels"] if panel["type"] == "timeseries")
    return next(panel for panel in charts if panel["datasource"]["type"] == kind)


def api_chart(dashboard: Dashboard) -> Dashboard:
    """Give the chart that asks the API."""
    return chart(dashboard, API.type_val or "")


def plant(path: str, value: object, panel: Callable[[Dashboard], Dashboard] = chart) -> Callable[[Dashboard], None]:
    """Make a function that puts a value into one panel: `targets.0.url`."""

    def change(dashboard: Dashboard) -> None:
        holder: Any = panel(dashboard)
        *way, last = path.split(".")
        for step in way:
            holder = holder[int(step)] if step.isdigit() else holder[step]
        holder[last] = value

    return change


ASKED = {"datasource": _DATABASE, "format": "table", "rawSql": "SELECT 1"}

FAULTS: dict[str, tuple[Callable[[Dashboard], None], str]] = {
    "same panel id": (plant("id", 1), "the id 1 belongs to more than one panel"),
    "overlap": (plant("gridPos.y", 9), "overlap"),
    "outside": (plant("gridPos.x", 20), "leaves the grid"),
    "unknown source": (
        plant("datasource", {"uid": "other", "type": "x"}),
        "the data source other of type x is not provisioned",
    ),
    "wrong type": (plant("targets.0.datasource.uid", API.uid), "is not provisioned"),
    "no description": (plant("description", ""), "has no description"),
    "no unit": (plant("fieldConfig.defaults.unit", ""), "has no unit"),
    "no question": (plant("targets", []), "asks nothing"),
    "no SQL": (plant("targets.0.rawSql", "  "), "has no SQL"),
    "unknown variable": (plant("targets.0.rawSql", "SELECT $place"), "the variable place is not defined"),
    "unknown braced": (plant("title", "${place:csv}"), "the variable place is not defined"),
    "unknown old": (plant("title", "[[place]]"), "the variable place is not defined"),
    "empty address": (plant("targets.0.url", "", api_chart), "the address '' is not a path of the API"),
    "elsewhere": (plant("targets.0.url", "https://example.org/x", api_chart), "is not a path of the API"),
    "browser parser": (plant("targets.0.parser", "simple", api_chart), "does not use the backend parser"),
    "no columns": (plant("targets.0.columns", [], api_chart), "names no columns"),
    "unknown macro": (plant("targets.0.rawSql", "SELECT $__tme(time)"), "$__tme is no macro"),
    "function in a macro": (plant("targets.0.rawSql", "SELECT $__time(max(time))"), "no function inside"),
    "no time": (plant("targets.0.rawSql", "SELECT 1 AS value"), "has no column time"),
    "unknown macro of an address": (plant("targets.0.url", "/x?$__combine(a)", api_chart), "$__combine is no macro"),
    "repeated for nothing": (plant("repeat", "place"), "repeated for the variable place, which is not defined"),
    "one name twice": (plant("targets", [{"refId": "A"} | ASKED, {"refId": "A"} | ASKED]), "two questions by the name A"),
    "link to nowhere": (plant("links", [{"url": "/d/no-such"}]), "/d/no-such leads to a dashboard that is not there"),
    "link with a wrong variable": (
        plant("links", [{"url": "/d/hedgerow-traffic/traffic?var-site=a&var-place=b"}]),
        "gives the variable place, which is not defined there",
    ),
}


def traffic() -> Dashboard:
    """Give a sound dashboard, to be spoilt."""
    dashboard = deepcopy(SOUND)
    assert lint([dashboard], SOURCES) == []
    return dashboard


@pytest.mark.parametrize("name", FAULTS)
def test_lint_of_a_planted_fault_names_it(name: str) -> None:
    """The sentence says what is wrong, and in which dashboard."""
    change, expected = FAULTS[name]
    dashboard = traffic()
    change(dashboard)
    findings = lint([dashboard], SOURCES)
    assert any(expected in finding and finding.startswith("Traffic: ") for finding in findings), findings


def test_lint_of_two_dashboards_with_one_uid_names_it() -> None:
    """Grafana would take the one for the other."""
    assert "the uid hedgerow-traffic belongs to more than one dashboard" in lint([traffic(), traffic()], SOURCES)


def test_lint_of_two_dashboards_with_one_title_names_it() -> None:
    """In one folder Grafana mixes them up."""
    assert (
        lint([traffic(), {**traffic(), "uid": "another"}], SOURCES)[0] == "the title Traffic belongs to more than one dashboard"
    )


def test_lint_of_a_uid_that_grafana_refuses_names_it() -> None:
    """At most forty letters, digits, hyphens and underscores."""
    for uid in ("with space", "x" * 41):
        assert f"Grafana takes no uid like {uid}" in lint([{**traffic(), "uid": uid}], SOURCES)


def test_lint_looks_into_rows() -> None:
    """A panel inside a collapsed row is held to the same rules."""
    dashboard = traffic()
    inner = dashboard["panels"].pop()
    inner["description"] = ""
    spot = {"x": 0, "y": 90, "w": 24, "h": 1}
    row = {"id": 99, "type": "row", "title": "More", "description": "Row.", "gridPos": spot, "panels": [inner]}
    dashboard["panels"].append({**row, "datasource": inner["datasource"], "fieldConfig": {"defaults": {}}})
    assert f"Traffic: {inner['title']}: has no description" in lint([dashboard], SOURCES)


def test_lint_of_a_variable_names_its_unknown_source() -> None:
    """Variables are asked from data sources too."""
    dashboard = traffic()
    dashboard["templating"]["list"][0]["datasource"]["uid"] = "other"
    assert any("variable site: the data source other" in finding for finding in lint([dashboard], SOURCES))


def annotated(**changes: object) -> Dashboard:
    """Give a sound dashboard with one annotation, which the changes spoil."""
    dashboard = traffic()
    sound = {
        "name": "Swaps",
        "datasource": _DATABASE,
        "target": {"rawSql": "SELECT time, text FROM x WHERE $__timeFilter(time)"},
    }
    builtin = {"name": "Built in", "datasource": {"type": "grafana", "uid": "-- Grafana --"}}
    dashboard["annotations"] = {"list": [builtin, {**sound, **changes}]}
    return dashboard


def test_lint_of_a_sound_annotation_finds_nothing() -> None:
    """The one that Grafana builds in asks nothing of ours."""
    assert lint([annotated()], SOURCES) == []
    assert [where for where, _ in sql_of(annotated()) if where.startswith("annotation")] == ["annotation Swaps"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"datasource": {"uid": "other", "type": "x"}}, "the data source other"),
        ({"target": {"rawSql": ""}}, "has no SQL"),
        ({"target": {"rawSql": "SELECT text FROM x"}}, "has no column time"),
        ({"target": {"rawSql": "SELECT time FROM x WHERE site = $place"}}, "the variable place is not defined"),
    ],
)
def test_lint_of_a_spoilt_annotation_names_it(change: Dashboard, expected: str) -> None:
    """Annotations are held to the rules of questions."""
    (finding,) = lint([annotated(**change)], SOURCES)
    assert finding.startswith("Traffic: annotation Swaps: ")
    assert expected in finding


def test_lint_of_a_dashboard_link_names_its_unknown_variable() -> None:
    """Links at the top of a dashboard are filled in too."""
    dashboard = traffic()
    dashboard["links"].append({"title": "Report", "url": "/report?site=$place"})
    assert lint([dashboard], SOURCES) == ["Traffic: link Report: the variable place is not defined"]
