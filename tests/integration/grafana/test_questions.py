"""Asks what every panel asks: SQL from the real TimescaleDB as Grafana's reader, addresses from the real API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grafana.ask import AskError, Sources, open_view, view_of
from grafana.examine import examine, questions_of
from grafana.expand import View, expand_sql
from grafana.lint import variables_of
from grafana.provisioned import FOLDER, read_dashboards

if TYPE_CHECKING:
    from collections.abc import Mapping

DASHBOARDS = read_dashboards(FOLDER)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: str(dashboard["uid"]))
def test_dashboard_opened_over_a_county_has_every_panel_filled(sources: Sources, dashboard: dict[str, object]) -> None:
    """The reader's rights are enough, all macros expand, each answer has its columns in order, and none is empty."""
    examined = list(examine([dashboard], sources))

    assert len([one for one in examined if one.rows]) >= 5
    assert {one.where: one.findings for one in examined if one.findings} == {}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: str(dashboard["uid"]))
def test_dashboard_opened_without_any_choice_is_no_error(sources: Sources, dashboard: dict[str, object]) -> None:
    """Before the first site is registered there is nothing to choose from: database and API still take every question."""
    opened = open_view(dashboard, sources)
    nothing: dict[str, list[str] | str] = {
        one["name"]: [] if one.get("multi") or one.get("includeAll") else "" for one in variables_of(dashboard)
    }
    view = type(opened)(opened.start, opened.end, opened.interval, nothing)
    for question in questions_of(dashboard, view):
        answer = sources.ask(question.target, question.view)
        if "rawSql" not in question.target and "site" in nothing:
            assert answer.rows == [], question.where


def test_metrics_to_choose_from_have_all_that_is_asked_of_them(sources: Sources) -> None:
    """No state is offered, for it has no mean; of whatever is offered, counters too, every panel of the site can be drawn."""
    (board,) = [one for one in DASHBOARDS if one["uid"] == "hedgerow-site"]
    kinds = dict(sources.ask_database("SELECT DISTINCT metric, kind FROM site_latest WHERE site = 'here'").rows)
    offered = sources.ask_database(expand_sql(_variable(board, "metric"), _seen(board, sources, []))).column("__value")

    assert {"gauge", "counter", "state"} <= set(kinds.values())
    assert set(offered) == {metric for metric, kind in kinds.items() if kind != "state"}
    for metric in offered:
        view = _seen(board, sources, [metric])
        for question in questions_of(board, view):
            sources.ask(question.target, question.view)


def _variable(board: Mapping[str, Any], name: str) -> str:
    (asked,) = [one["query"] for one in variables_of(board) if one["name"] == name]
    return str(asked)


def _seen(board: Mapping[str, Any], sources: Sources, metrics: list[str]) -> View:
    end = datetime.now(UTC)
    wanted = {"site": ["here"], **({"metric": metrics} if metrics else {})}
    return view_of(board, sources, end - timedelta(hours=2), end, wanted)


def test_question_for_a_base_table_is_refused(sources: Sources) -> None:
    """The lint asks as the reader, who sees views only: what it passes, Grafana may ask."""
    with pytest.raises(AskError, match="permission denied"):
        sources.ask_database("SELECT * FROM api_key")
    with pytest.raises(AskError, match="read-only"):
        sources.ask_database("CREATE TEMPORARY TABLE t AS SELECT 1")


def test_examine_of_a_spoilt_panel_says_what_is_wrong(sources: Sources) -> None:
    """A column or parameter the API does not have, SQL that gives nothing or nothing in order: each is a finding."""
    database = {"type": "grafana-postgresql-datasource", "uid": "hedgerow-database"}
    address = {
        "url": "/api/v1/sites?limmit=5",
        "root_selector": "items",
        "format": "table",
        "columns": [{"selector": "code", "text": "Code", "type": "string"}],
    }
    wrong_column = {**address, "url": "/api/v1/sites", "columns": [{"selector": "cod", "text": "Code", "type": "string"}]}
    targets = {
        "nothing": {"datasource": database, "rawSql": "SELECT 1 WHERE false", "format": "table"},
        "nulls": {"datasource": database, "rawSql": "SELECT NULL::int", "format": "table"},
        "no time": {"datasource": database, "rawSql": "SELECT 1 AS value", "format": "time_series"},
        "disorder": {
            "datasource": database,
            "rawSql": "SELECT now() - n * interval '1h' AS time, n FROM generate_series(1, 2) n",
            "format": "time_series",
        },
        "no such view": {"datasource": database, "rawSql": "SELECT 1 FROM no_such_view", "format": "table"},
        "parameter": address,
        "column": wrong_column,
        "path": {**address, "url": "/api/v1/nowhere"},
    }
    panels = [{"title": title, "targets": [target]} for title, target in targets.items()]
    board = {"title": "Spoilt", "time": {"from": "now-1h", "to": "now"}, "panels": panels}

    found = {one.where: " ".join(one.findings) for one in examine([board], sources)}

    expected = {
        "nothing": "gives nothing",
        "nulls": "nothing but nulls",
        "no time": "no column time",
        "disorder": "not in the order of time",
        "no such view": "does not exist",
        "parameter": "limmit",
        "column": "no column cod",
        "path": "answers 404",
    }
    assert {where: said for where, said in expected.items() if said not in found[where]} == {}


def test_view_of_a_dashboard_takes_the_time_that_is_asked_for(sources: Sources) -> None:
    """Macros are expanded over the time chosen, not over the dashboard's own."""
    end = datetime.now(UTC)
    seen = view_of(DASHBOARDS[0], sources, end - timedelta(hours=2), end)
    assert seen.end - seen.start == timedelta(hours=2)
