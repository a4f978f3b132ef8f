"""The table of `hedgerow bench aggregate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.bench.report import Report, number, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.bench.aggregate import Measured, Result

MOST_RATIO = 1.5
_AT_MOST = "\N{LESS-THAN OR EQUAL TO}"


def report(result: Result, machine: Mapping[str, str]) -> Report:
    """Lay out the questions, each beside its bare SQL."""
    headings = ["", "rows", "API p50 [ms]", "p95 [ms]", "to reach", "SQL p50 [ms]", "p95 [ms]", "ratio", "to reach"]
    wanted = result.stock.wanted
    notes = [
        (
            f"The store holds {result.rows:,} readings of {wanted.sites * 5:,} series at {wanted.sites:,} sites, one every"
            f" {wanted.interval_s:,.0f} s: {wanted.month_days} days of each, {wanted.days} days of {wanted.long_sites:,} sites;"
            f" {result.gib:.2f} GiB. It was built in {result.stock.built_s:,.0f} s."
        ),
        (
            "Bare SQL: what a person would write who only knows the tables, its rows made into Python's values. The API: over"
            " HTTP, with an API key, packed with gzip, not unpacked. Both are asked in turn; the ratio is of the medians."
        ),
    ]
    return Report("aggregate", machine, headings, [_row(one) for one in result.measured], notes, _figures(result))


def _row(one: Measured) -> tuple[str, ...]:
    goal = one.question.goal_ms
    return (
        one.question.name,
        number(one.rows),
        number(one.api_ms(0.5), 1),
        number(one.api_ms(0.95), 1),
        "" if goal is None else f"{_AT_MOST} {goal:g}",
        number(one.sql_ms(0.5), 1),
        number(one.sql_ms(0.95), 1),
        number(one.ratio, 2),
        f"{_AT_MOST} {MOST_RATIO:g}" if one.question.is_counted else "",
    )


def _figures(result: Result) -> list[dict[str, object]]:
    return [
        {
            "question": one.question.name,
            "readings_in_store": result.rows,
            "series_in_store": result.stock.wanted.sites * 5,
            "gib": rounded(result.gib),
            "built_s": rounded(result.stock.built_s, 1),
            "rows": one.rows,
            "requests": len(one.api_s),
            "api_p50_ms": rounded(one.api_ms(0.5)),
            "api_p95_ms": rounded(one.api_ms(0.95)),
            "api_p95_ms_to_reach": one.question.goal_ms,
            "sql_p50_ms": rounded(one.sql_ms(0.5)),
            "sql_p95_ms": rounded(one.sql_ms(0.95)),
            "ratio": rounded(one.ratio),
            "ratio_to_reach": MOST_RATIO if one.question.is_counted else None,
        }
        for one in result.measured
    ]
