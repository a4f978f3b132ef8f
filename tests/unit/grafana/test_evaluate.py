"""Answers become states of alert rules as in Grafana: reduced, compared, and what holds where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grafana.ask import Table
from grafana.evaluate import state_of

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def rule(reducer: str, kind: str, *limits: float, without_data: str = "OK") -> dict[str, Any]:
    """Give a rule that reduces its question A and compares."""
    threshold = {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": kind, "params": list(limits)}}]}
    return {
        "condition": "C",
        "data": [
            {"refId": "A", "datasourceUid": "database", "model": {}},
            {"refId": "B", "datasourceUid": "__expr__", "model": {"type": "reduce", "expression": "A", "reducer": reducer}},
            {"refId": "C", "datasourceUid": "__expr__", "model": threshold},
        ],
        "noDataState": without_data,
    }


def series(*values: float | None) -> Table:
    """Give an answer of one line."""
    return Table(["time", "value"], [(NOW + timedelta(minutes=n), value) for n, value in enumerate(values)], 0.0)


@pytest.mark.parametrize(
    ("reducer", "kind", "limits", "state"),
    [
        ("last", "gt", (3,), "Normal"),
        ("last", "gt", (2.9,), "Alerting"),
        ("last", "lt", (3,), "Normal"),
        ("max", "gt", (7,), "Alerting"),
        ("min", "lt", (1,), "Normal"),
        ("sum", "gt", (11,), "Alerting"),
        ("mean", "lt", (4.1,), "Alerting"),
        ("count", "within_range", (2, 4), "Alerting"),
        ("last", "within_range", (3, 4), "Normal"),
        ("last", "outside_range", (4, 9), "Alerting"),
        ("last", "outside_range", (3, 9), "Normal"),
    ],
)
def test_state_of_a_rule_reduces_and_compares(reducer: str, kind: str, limits: tuple[float, ...], state: str) -> None:
    """Limits themselves are no alarm."""
    assert state_of(rule(reducer, kind, *limits), {"A": series(1, 8, 3)}) == state


@pytest.mark.parametrize(
    ("given", "state"), [("OK", "Normal"), ("Alerting", "Alerting"), ("NoData", "NoData"), ("KeepLast", "KeepLast")]
)
def test_state_of_a_rule_without_data_is_what_it_says(given: str, state: str) -> None:
    """No row, and nothing but nulls, are both no data."""
    for table in (series(), series(None, None)):
        assert state_of(rule("last", "gt", 0, without_data=given), {"A": table}) == state


def test_state_of_a_rule_of_several_lines_is_that_of_the_worst() -> None:
    """One line over its limit is enough, whatever the others say."""
    rows = [(NOW, "good", 1.0), (NOW, "bad", 9.0), (NOW + timedelta(minutes=1), "good", 2.0)]
    table = Table(["time", "worker", "value"], rows, 0.0)
    assert state_of(rule("last", "gt", 5), {"A": table}) == "Alerting"
    assert state_of(rule("last", "gt", 9), {"A": table}) == "Normal"
