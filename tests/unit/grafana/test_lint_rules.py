"""Every fault that the lint of alert rules is there for, planted into a sound rule, is found."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from grafana.lint_rules import lint_rules

Json = dict[str, Any]

SOURCES = {"database": "grafana-postgresql-datasource", "api": "yesoreyeram-infinity-datasource"}
DASHBOARDS = [{"uid": "board", "panels": [{"id": 3}]}]
SOUND: Json = {
    "uid": "rule",
    "title": "Stalled",
    "folder": "Hedgerow alarms",
    "condition": "C",
    "data": [
        {"refId": "A", "datasourceUid": "database", "model": {"refId": "A", "rawSql": "SELECT 1", "format": "time_series"}},
        {"refId": "B", "datasourceUid": "__expr__", "model": {"type": "reduce", "expression": "A", "reducer": "last"}},
        {
            "refId": "C",
            "datasourceUid": "__expr__",
            "model": {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": "gt", "params": [0]}}]},
        },
    ],
    "dashboardUid": "board",
    "panelId": 3,
    "noDataState": "OK",
    "execErrState": "KeepLast",
    "for": "5m",
    "annotations": {"summary": "s", "description": "d", "runbook": "r"},
    "labels": {"severity": "warning"},
}

FAULTS: dict[str, tuple[str, object, str]] = {
    "uid": ("uid", "a uid", "takes no uid like a uid"),
    "folder": ("folder", "Hedgerow", "lies in the folder Hedgerow of the dashboards"),
    "summary": ("annotations.summary", "", "has no summary"),
    "description": ("annotations.description", "", "has no description"),
    "runbook": ("annotations.runbook", "", "has no runbook"),
    "severity": ("labels", {}, "has no severity"),
    "for": ("for", "5 minutes", "which is no time"),
    "no data": ("noDataState", "Error", "no such state without data as Error"),
    "error": ("execErrState", "NoData", "no such state after an error as NoData"),
    "dashboard": ("dashboardUid", "other", "the dashboard other, which is not there"),
    "panel": ("panelId", 4, "the panel 4 of board, which is not there"),
    "condition": ("condition", "D", "the step D for its condition"),
    "two steps": ("data.1.refId", "A", "two steps of one name"),
    "step": ("data.1.model.type", "resample", "step B: computes by resample"),
    "expression": ("data.2.model.expression", "X", "step C: computes with the step X"),
    "reducer": ("data.1.model.reducer", "median", "step B: reduces by median"),
    "evaluator": ("data.2.model.conditions.0.evaluator.type", "eq", "step C: compares by eq"),
    "source": ("data.0.datasourceUid", "other", "step A: the data source other is not provisioned"),
    "inner name": ("data.0.model.refId", "Z", "step A: has the name Z inside"),
    "variable": ("data.0.model.rawSql", "SELECT $site", "step A: has a $"),
    "table": ("data.0.model.format", "table", "step A: is no time series"),
    "address": ("data.0.model", {"refId": "A", "url": "/x", "parser": "simple"}, "step A: has no address"),
}


def spoilt(path: str, value: object) -> Json:
    """Give the sound rule with one value changed."""
    rule = deepcopy(SOUND)
    holder: Any = rule
    *way, last = path.split(".")
    for step in way:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    holder[last] = value
    return rule


@pytest.mark.parametrize("name", FAULTS)
def test_lint_rules_of_a_planted_fault_names_it(name: str) -> None:
    """The sentence says what is wrong, and in which rule."""
    path, value, expected = FAULTS[name]
    assert lint_rules([SOUND], DASHBOARDS, SOURCES, "Hedgerow") == []
    (finding, *_) = lint_rules([spoilt(path, value)], DASHBOARDS, SOURCES, "Hedgerow")
    assert finding.startswith("alert rule Stalled: ")
    assert expected in finding


def test_lint_rules_of_two_with_one_uid_names_it() -> None:
    """Grafana would take the one for the other."""
    assert lint_rules([SOUND, SOUND], DASHBOARDS, SOURCES, "Hedgerow") == ["the uid rule belongs to more than one alert rule"]
