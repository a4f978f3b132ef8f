"""Evaluates an alert rule as Grafana does: asks, reduces, compares, and says what the state would be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from grafana.ask import AskError, Table
from grafana.expand import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grafana.ask import Sources

    Json = Mapping[str, Any]
    State = Literal["Normal", "Alerting", "NoData", "Error", "KeepLast"]

EXPRESSION = "__expr__"
"""What stands in the place of a data source where a step computes."""

REDUCERS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "last": lambda numbers: numbers[-1],
    "mean": lambda numbers: sum(numbers) / len(numbers),
    "min": min,
    "max": max,
    "sum": sum,
    "count": len,
}
"""How a series becomes one number."""

EVALUATORS: Mapping[str, Callable[[float, Sequence[float]], bool]] = {
    "gt": lambda value, limits: value > limits[0],
    "lt": lambda value, limits: value < limits[0],
    "within_range": lambda value, limits: limits[0] < value < limits[1],
    "outside_range": lambda value, limits: value < limits[0] or value > limits[1],
}
"""When a number is an alarm."""


def evaluate(rule: Json, sources: Sources, now: datetime | None = None) -> State:
    """Give the state a rule would have, had it lasted long enough.

    Raises
    ------
    KeyError
        When the rule is unsound (`grafana.lint_rules`).
    """
    try:
        return state_of(rule, answers_of(rule, sources, now))
    except AskError:
        return _given(rule["execErrState"])


def answers_of(rule: Json, sources: Sources, now: datetime | None = None) -> dict[str, Table]:
    """Ask what a rule asks; give the answers by the names of its steps.

    Raises
    ------
    AskError
        When a question gets no answer.
    """
    return {step["refId"]: _ask(step, sources, now or datetime.now(UTC)) for step in rule["data"] if not computes(step)}


def state_of(rule: Json, answers: Mapping[str, Table]) -> State:
    """Give the state a rule has with these answers."""
    steps = {step["refId"]: step["model"] for step in rule["data"] if computes(step)}
    values = _values(rule["condition"], steps, {ref: _numbers(table) for ref, table in answers.items()})
    if not values:
        return _given(rule["noDataState"])
    return "Alerting" if any(values) else "Normal"


def computes(step: Json) -> bool:
    """Tell whether a step of a rule computes instead of asking."""
    return bool(step["datasourceUid"] == EXPRESSION)


def _given(state: str) -> State:
    known: dict[str, State] = {
        "OK": "Normal",
        "Alerting": "Alerting",
        "NoData": "NoData",
        "Error": "Error",
        "KeepLast": "KeepLast",
    }
    return known[state]


def _ask(step: Json, sources: Sources, now: datetime) -> Table:
    span = step["relativeTimeRange"]
    view = View(now - timedelta(seconds=span["from"]), now - timedelta(seconds=span["to"]), "1s", {})
    return sources.ask(step["model"], view)


def _values(ref: str, steps: Mapping[str, Json], answers: Mapping[str, list[list[float]]]) -> list[float]:
    """Give the numbers of one step, one a series."""
    if ref in answers:
        return [numbers[-1] for numbers in answers[ref]]
    model = steps[ref]
    if model["type"] == "reduce":
        return [REDUCERS[model["reducer"]](numbers) for numbers in answers[model["expression"]]]
    evaluator = model["conditions"][0]["evaluator"]
    judged = EVALUATORS[evaluator["type"]]
    return [float(judged(value, evaluator["params"])) for value in _values(model["expression"], steps, answers)]


def _numbers(table: Table) -> list[list[float]]:
    """Give the numbers of each series: columns that are neither time nor text, split by the texts beside them."""
    series: dict[tuple[object, ...], list[float]] = {}
    for row in table.rows:
        labels = tuple(value for value in row if isinstance(value, str))
        for name, value in zip(table.columns, row, strict=True):
            if name != "time" and isinstance(value, (int, float)) and not isinstance(value, bool):
                series.setdefault((name, *labels), []).append(float(value))
    return list(series.values())
