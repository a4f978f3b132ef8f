"""The metric vocabulary: the one table of what can be measured, carried as data and filled into the database."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from devices.model import Kind, Metric
from devices.states import parse_states
from sql.queries import query

if TYPE_CHECKING:
    import psycopg

    from devices.quality.rules import MetricRow

_FILE = Path(__file__).parent / "metric_vocabulary.csv"
_QUALITY_FILE = Path(__file__).parent / "metric_quality.csv"

_SENTINELS = (-9999.0, -999.0, -200.0, -99.0, 65535.0)
"""By which devices commonly say that they have no value (domain reference, section 1.9)."""


@cache
def load_vocabulary() -> tuple[Metric, ...]:
    """Read every metric of the carried table."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(_metric(row) for row in csv.DictReader(file, restval=""))


def _metric(row: dict[str, str]) -> Metric:
    return Metric(
        key=row["metric"],
        aliases=tuple(row["aliases"].split()),
        domain=row["domain"],
        kind=cast("Kind", row["kind"]),
        unit_senml=row["unit_senml"],
        unit=row["unit"],
        valid_min=_number(row["min"]),
        valid_max=_number(row["max"]),
        max_step_per_min=_number(row["max_step_per_min"]),
        description=row["description"],
        states=parse_states(row["states"]),
    )


@cache
def _quality() -> dict[str, dict[str, str]]:
    """Read what the rules begin with, by key of the metric."""
    with _QUALITY_FILE.open(encoding="utf-8", newline="") as file:
        return {row.pop("metric"): row for row in csv.DictReader(file, restval="")}


def _quality_row(metric: Metric) -> dict[str, object]:
    """Give what the rules for a metric begin with; a common sentinel that is a possible value is none here."""
    row = _quality().get(metric.key, dict.fromkeys(("flat_count", "flat_for_min", "not_above", "not_above_times"), ""))
    low, high = metric.valid_min, metric.valid_max
    return {
        "metric": metric.key,
        "flat_count": int(row["flat_count"]) if row["flat_count"] else None,
        "flat_for_s": int(row["flat_for_min"] or 0) * 60,
        "not_above": row["not_above"] or None,
        "not_above_times": _number(row["not_above_times"]) or 1.0,
        "sentinels": [
            value for value in _SENTINELS if (low is not None and value < low) or (high is not None and value > high)
        ],
        **{name: _number(row.get(name, "")) for name in ("spike_least", "humid_above", "low_below")},
    }


def shipped_rules() -> list[MetricRow]:
    """Give what the rules begin with, of every metric, as rows of the query `list_metric_rules`."""
    rows = [(metric, _quality_row(metric)) for metric in load_vocabulary()]
    return [
        (
            metric.key,
            metric.max_step_per_min,
            *(row[name] for name in ("flat_count", "flat_for_s", "spike_least", "sentinels", "humid_above", "not_above")),
            row["not_above_times"],
            row["low_below"],
        )  # type: ignore[misc]
        for metric, row in rows
    ]


def _number(text: str) -> float | None:
    return float(text) if text else None


def fill_vocabulary(connection: psycopg.Connection) -> None:
    """Bring the tables metric, metric_alias and metric_state to the carried vocabulary; rows a council added stay."""
    metrics = load_vocabulary()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(query("put_metric"), [_row(metric) for metric in metrics])
        cursor.executemany(
            query("put_metric_alias"),
            [{"alias": alias, "key": metric.key} for metric in metrics for alias in metric.aliases],
        )
        cursor.executemany(query("put_metric_quality"), [_quality_row(metric) for metric in metrics if metric.kind == "gauge"])
        cursor.executemany(
            query("put_metric_state"),
            [{"key": metric.key, "code": code, "label": label} for metric in metrics for code, label in metric.states],
        )


def _row(metric: Metric) -> dict[str, object]:
    return {name: getattr(metric, name) for name in Metric.__slots__ if name not in {"aliases", "states"}}
