"""Values that annual statistics are held against, with where they stand: a table that is carried as data."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, cast

_FILE = Path(__file__).parent / "limits.csv"


class Limit(NamedTuple):
    """The most that a statistic may be. Exceeded means strictly greater (European Environment Agency's rule)."""

    regime: str
    metric: str
    statistic: str
    threshold: float | None
    """Of statistics that count: above which is counted [µg/m³]."""
    limit: float
    """In the statistic's unit: µg/m³, hours or days."""
    kind: str
    standing: Literal["compliance", "comparison"]
    """Whether it is law here today."""
    since: str
    source: str


@cache
def load_limits() -> tuple[Limit, ...]:
    """Read the carried table (domain reference, section 1.2)."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(_limit(row) for row in csv.DictReader(file))


def _limit(row: dict[str, str]) -> Limit:
    return Limit(
        regime=row["regime"],
        metric=row["metric"],
        statistic=row["statistic"],
        threshold=float(row["threshold"]) if row["threshold"] else None,
        limit=float(row["limit"]),
        kind=row["kind"],
        standing=cast("Literal['compliance', 'comparison']", row["standing"]),
        since=row["since"],
        source=row["source"],
    )


def limited_metrics() -> tuple[str, ...]:
    """Name the metrics that have limits, in the order of the table."""
    return tuple(dict.fromkeys(limit.metric for limit in load_limits()))


def limited_statistics(metric: str) -> tuple[tuple[str, float | None], ...]:
    """Name the statistics of a metric that have limits, each with its threshold, in the order of the table."""
    return tuple(dict.fromkeys((limit.statistic, limit.threshold) for limit in load_limits() if limit.metric == metric))


def limits_of(metric: str, statistic: str, threshold: float | None) -> tuple[Limit, ...]:
    """Give the limits that one statistic is held against."""
    asked = (metric, statistic, threshold)
    return tuple(limit for limit in load_limits() if (limit.metric, limit.statistic, limit.threshold) == asked)
