"""What must hold for alert rules before any Grafana sees them; each finding is one plain sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grafana.evaluate import EVALUATORS, REDUCERS, computes
from grafana.lint import UID, panels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Json = Mapping[str, Any]

_NO_DATA = ("NoData", "Alerting", "OK", "KeepLast")
_FAILED = ("Error", "Alerting", "OK", "KeepLast")
_SPAN = re.compile(r"\d+[smhd]")
_KNOWN_STEPS = ("reduce", "threshold")


def lint_rules(rules: Sequence[Json], dashboards: Sequence[Json], sources: Mapping[str, str], folder: str) -> list[str]:
    """List what is wrong.

    Parameters
    ----------
    rules
        Alert rules as they stand in their file, with `folder` of their group.
    dashboards
        Dashboards as they stand in theirs.
    sources
        Type of each provisioned data source by its uid.
    folder
        Title of the dashboards' folder.
    """
    panels = {board["uid"]: {panel["id"] for panel in panels_of(board)} for board in dashboards}
    uids = [rule["uid"] for rule in rules]
    findings = [
        f"the uid {uid} belongs to more than one alert rule" for uid in sorted({uid for uid in uids if uids.count(uid) > 1})
    ]
    for rule in rules:
        found = [*_lint_words(rule, folder), *_lint_panel(rule, panels), *_lint_steps(rule, sources)]
        findings += [f"alert rule {rule['title']}: {finding}" for finding in found]
    return findings


def _lint_words(rule: Json, folder: str) -> Iterator[str]:
    if not UID.fullmatch(rule["uid"]):
        yield f"Grafana takes no uid like {rule['uid']}"
    # Grafana makes the folders of rules first and without our uid, so it would make two of one name (grafana issue 125079).
    if rule["folder"] == folder:
        yield f"lies in the folder {folder} of the dashboards, which Grafana would then make twice"
    for word in ("summary", "description", "runbook"):
        if not rule["annotations"].get(word):
            yield f"has no {word}"
    if not rule["labels"].get("severity"):
        yield "has no severity"
    if not _SPAN.fullmatch(rule["for"]):
        yield f"lasts {rule['for']}, which is no time"
    if rule["noDataState"] not in _NO_DATA:
        yield f"has no such state without data as {rule['noDataState']}"
    if rule["execErrState"] not in _FAILED:
        yield f"has no such state after an error as {rule['execErrState']}"


def _lint_panel(rule: Json, panels: Mapping[str, set[int]]) -> Iterator[str]:
    uid = rule["dashboardUid"]
    if uid not in panels:
        yield f"belongs to the dashboard {uid}, which is not there"
    elif rule["panelId"] not in panels[uid]:
        yield f"belongs to the panel {rule['panelId']} of {uid}, which is not there"


def _lint_steps(rule: Json, sources: Mapping[str, str]) -> Iterator[str]:
    refs = [step["refId"] for step in rule["data"]]
    if len(set(refs)) < len(refs):
        yield "has two steps of one name"
    if rule["condition"] not in refs:
        yield f"takes the step {rule['condition']} for its condition, which is not there"
    for step in rule["data"]:
        found = _lint_expression(step["model"], refs) if computes(step) else _lint_question(step, sources)
        yield from (f"step {step['refId']}: {finding}" for finding in found)


def _lint_expression(model: Json, refs: Sequence[str]) -> Iterator[str]:
    if model["type"] not in _KNOWN_STEPS:
        yield f"computes by {model['type']}, which is none of {', '.join(_KNOWN_STEPS)}"
        return
    if model["expression"] not in refs:
        yield f"computes with the step {model['expression']}, which is not there"
    if model["type"] == "reduce" and model["reducer"] not in REDUCERS:
        yield f"reduces by {model['reducer']}, which is none of {', '.join(REDUCERS)}"
    if model["type"] == "threshold" and model["conditions"][0]["evaluator"]["type"] not in EVALUATORS:
        yield f"compares by {model['conditions'][0]['evaluator']['type']}, which is none of {', '.join(EVALUATORS)}"


def _lint_question(step: Json, sources: Mapping[str, str]) -> Iterator[str]:
    model = step["model"]
    if step["datasourceUid"] not in sources:
        yield f"the data source {step['datasourceUid']} is not provisioned"
    if model["refId"] != step["refId"]:
        yield f"has the name {model['refId']} inside"
    # A browser fills in variables, and none looks at an alert rule; Grafana takes $NAMES in files from its environment.
    if "$" in str(model):
        yield "has a $: nobody fills in variables or macros of a rule in a file"
    if "rawSql" in model:
        if model["format"] != "time_series":
            yield "is no time series, the only form of SQL whose alarms Grafana promises"
    elif model.get("parser") != "backend" or not model.get("url"):
        yield "has no address, or not the backend parser, without which there are no alarms"
