"""Makes the alert rules under `provisioning/alerting/`: `python -m grafana.alerts` after every change; a test compares them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from grafana.lint import panels_of
from grafana.targets import API, DATABASE
from sql.queries import split_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    NoData = Literal["NoData", "Alerting", "OK", "KeepLast"]
    Failed = Literal["Error", "Alerting", "OK", "KeepLast"]

FILE = Path(__file__).parent / "provisioning/alerting/hedgerow.yaml"

_DASHBOARDS = Path(__file__).parent / "dashboards"
_OPERATIONS = "docs/operations.md"
_LOOKS_BACK_S = 600
_HEADING = """\
# Alert rules of Hedgerow, made by grafana/alerts.py: change them there. Whom they tell is set in Grafana (contact points).
"""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alert rule: a question that gives one number, and from where on it is an alarm."""

    uid: str
    title: str
    question: str
    """A query of `alerts.sql`; empty: the status of the API."""
    alarm: tuple[Literal["gt", "lt"], float]
    """Above or below which value it is one."""
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    what_to_do: str
    runbook: str
    """Heading in docs/operations.md, as an anchor."""
    panel: tuple[str, str]
    """Uid of the dashboard and title of the panel that shows it."""
    without_data: NoData = "OK"
    failed: Failed = "KeepLast"
    """Only one rule raises the alarm when the database cannot be asked: one fault, one alarm."""


ALARMS = (
    Alarm(
        "hedgerow-ingest-stalled",
        "Ingest stalled",
        "workers_stalled",
        alarm=("gt", 0),
        lasting="2m",
        severity="critical",
        summary="Ingest stores nothing, or the database cannot be asked.",
        what_to_do="A worker has said nothing for a minute, has no broker, has stored nothing for five minutes although "
        "messages wait, or none runs. Messages wait at the broker meanwhile and nothing is lost until its queue is full. "
        "Look at the log of ingest, then at broker and database, and start what is down.",
        runbook="ingest-stalled",
        panel=("hedgerow-ingest", "Workers"),
        without_data="Alerting",
        failed="Alerting",
    ),
    Alarm(
        "hedgerow-ingest-behind",
        "Ingest behind",
        "lag_of_ingest",
        alarm=("gt", 60),
        lasting="10m",
        severity="warning",
        summary="Readings are stored more than a minute after they were received.",
        what_to_do="After an outage this passes by itself. If it lasts, the database is too slow for what comes: look at its "
        "load and at how long a commit takes, then add workers.",
        runbook="ingest-behind",
        panel=("hedgerow-ingest", "Lag"),
    ),
    Alarm(
        "hedgerow-broker-dropping",
        "Broker dropping",
        "messages_dropped",
        alarm=("gt", 0),
        lasting="0s",
        severity="critical",
        summary="The broker has dropped messages: readings are lost.",
        what_to_do="Its queue for ingest was full. See that ingest runs and catches up, then raise the limits of the queue "
        "(max_queued_messages, max_queued_bytes). Sensors with a memory can be asked to send again.",
        runbook="broker-dropping",
        panel=("hedgerow-ingest", "Broker dropped"),
    ),
    Alarm(
        "hedgerow-session-lost",
        "Session lost",
        "sessions_lost",
        alarm=("gt", 0),
        lasting="0s",
        severity="critical",
        summary="The broker had forgotten the session of ingest: what waited in it is gone.",
        what_to_do="The broker was started without its persistence, or the session expired while ingest was away. Check that"
        " the volume of the broker is kept and how long sessions last. What was sent meanwhile is lost unless sensors or "
        "network servers send again.",
        runbook="session-lost",
        panel=("hedgerow-ingest", "Sessions lost"),
    ),
    Alarm(
        "hedgerow-quarantine",
        "Quarantine filling",
        "share_quarantined",
        alarm=("gt", 2),
        lasting="15m",
        severity="warning",
        summary="More than 2 in 100 messages cannot be read.",
        what_to_do="Nothing is lost: open Quarantine in the console, see the reason and the device profile, mend the codec, "
        "and replay.",
        runbook="quarantine-filling",
        panel=("hedgerow-ingest", "Quarantine by reason"),
    ),
    Alarm(
        "hedgerow-sites-offline",
        "Sites offline",
        "sites_offline",
        alarm=("gt", 0),
        lasting="15m",
        severity="warning",
        summary="Sites have been silent for more than six of their intervals and more than a day.",
        what_to_do="The dashboard names them. If they share a gateway, look at that first; else a visit is due. A site that is "
        "being worked at belongs into a maintenance window.",
        runbook="sites-offline",
        panel=("hedgerow-county", "Sites offline"),
    ),
    Alarm(
        "hedgerow-storage",
        "Database large",
        "size_of_database",
        alarm=("gt", 200),
        lasting="1h",
        severity="warning",
        summary="The database takes more than 200 GB.",
        what_to_do="Change the limit to four fifths of the disk of your database. Then shorten what is kept (retention of "
        "readings and of the archive), or enlarge the disk: a full one stops ingest.",
        runbook="database-large",
        panel=("hedgerow-ingest", "Database"),
    ),
    Alarm(
        "hedgerow-api-down",
        "API down",
        "",
        alarm=("lt", 0),
        lasting="2m",
        severity="critical",
        summary="The API does not answer.",
        what_to_do="Console, registration and webhooks are down with it; ingest goes on. Look at the log of the API and at "
        "/readyz, which says what it misses.",
        runbook="api-down",
        panel=("hedgerow-county", "Newest reading"),
        without_data="Alerting",
        failed="Alerting",
    ),
)


class _Readable(yaml.SafeDumper):
    """Writes SQL as lines."""


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
# No anchors: what is said twice is written twice.
_Readable.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def render() -> str:
    """Give the text of the file; the same every time."""
    group = {
        "orgId": 1,
        "name": "Hedgerow",
        "folder": "Hedgerow alarms",
        "interval": "1m",
        "rules": [_rule(alarm) for alarm in ALARMS],
    }
    made = yaml.dump({"apiVersion": 1, "groups": [group]}, Dumper=_Readable, sort_keys=False, width=140, allow_unicode=True)
    return _HEADING + made


def write() -> None:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")


def _rule(alarm: Alarm) -> dict[str, Any]:
    dashboard, title = alarm.panel
    return {
        "uid": alarm.uid,
        "title": alarm.title,
        "condition": "C",
        "data": [_question(alarm), _step("B", {"type": "reduce", "expression": "A", "reducer": "last"}), _threshold(alarm)],
        "dashboardUid": dashboard,
        "panelId": _panels(dashboard)[title],
        "noDataState": alarm.without_data,
        "execErrState": alarm.failed,
        "for": alarm.lasting,
        "annotations": {
            "summary": alarm.summary,
            "description": alarm.what_to_do,
            "runbook": f"{_OPERATIONS}#{alarm.runbook}",
        },
        "labels": {"service": "hedgerow", "severity": alarm.severity},
        "isPaused": False,
    }


def _question(alarm: Alarm) -> dict[str, Any]:
    if not alarm.question:
        return _asked(API.uid, {**_status_of_api(), "refId": "A"})
    sql = {"rawSql": _queries()[alarm.question], "format": "time_series", "rawQuery": True, "editorMode": "code", "refId": "A"}
    return _asked(DATABASE.uid, sql)


def _status_of_api() -> dict[str, Any]:
    """Ask the API how ingest is: any number of sites will do, for no answer is the alarm."""
    return {
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "table",
        "url": "/api/v1/status",
        "url_options": {"method": "GET", "data": "", "params": []},
        "root_selector": "",
        "columns": [{"selector": "sites", "text": "sites", "type": "number"}],
        "filters": [],
    }


def _asked(source: str | None, model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "refId": "A",
        "datasourceUid": source,
        "relativeTimeRange": {"from": _LOOKS_BACK_S, "to": 0},
        # Grafana adds these two when it stores a rule.
        "model": {**model, "intervalMs": 1000, "maxDataPoints": 43_200},
    }


def _step(ref: str, model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasourceUid": "__expr__",
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": ref,
            "datasource": {"type": "__expr__", "uid": "__expr__"},
            **model,
            "intervalMs": 1000,
            "maxDataPoints": 43_200,
        },
    }


def _threshold(alarm: Alarm) -> dict[str, Any]:
    kind, limit = alarm.alarm
    return _step(
        "C", {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": kind, "params": [limit]}}]}
    )


@cache
def _queries() -> dict[str, str]:
    return dict(split_queries(Path(__file__).with_name("alerts.sql").read_text(encoding="utf-8")))


@cache
def _panels(uid: str) -> dict[str, int]:
    """Give the ids of a dashboard's panels by their titles."""
    boards = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(_DASHBOARDS.glob("*.json")))
    board = next(board for board in boards if board["uid"] == uid)
    return {panel["title"]: panel["id"] for panel in panels_of(board)}


if __name__ == "__main__":
    write()
