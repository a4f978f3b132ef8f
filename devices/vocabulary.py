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

_FILE = Path(__file__).parent / "metric_vocabulary.csv"


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
        cursor.executemany(
            query("put_metric_state"),
            [{"key": metric.key, "code": code, "label": label} for metric in metrics for code, label in metric.states],
        )


def _row(metric: Metric) -> dict[str, object]:
    return {name: getattr(metric, name) for name in Metric.__slots__ if name not in {"aliases", "states"}}
