"""Answers become data frames as Grafana's own data sources make them of rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from grafana.ask import Table
from grafana.snapshot import frame_of

EIGHT, NINE = datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 21, 9, tzinfo=UTC)
EIGHT_MS, NINE_MS = 1_795_248_000_000, 1_795_251_600_000


def test_frame_of_a_table_keeps_its_columns() -> None:
    """Moments in milliseconds, decimals as numbers, what is no number as nothing."""
    rows = [("A", EIGHT, Decimal("1.5"), True, None), ("B", None, float("nan"), False, None)]
    frame = frame_of(Table(["site", "at", "value", "on", "none"], rows, 0.0), "A", "table")

    assert [(one["name"], one["type"], one["values"]) for one in frame["fields"]] == [
        ("site", "string", ["A", "B"]),
        ("at", "time", [EIGHT_MS, None]),
        ("value", "number", [1.5, None]),
        ("on", "boolean", [True, False]),
        ("none", "string", [None, None]),
    ]


def test_frame_of_a_time_series_has_a_column_a_line() -> None:
    """Rows of several lines share their times; where a line has none there is a gap; `metric` is the line's name."""
    rows = [(EIGHT, "A", 1.0), (EIGHT, "B", 2.0), (NINE, "B", 3.0)]
    frame = frame_of(Table(["time", "metric", "value"], rows, 0.0), "A", "time_series")

    assert [(one["name"], one["values"]) for one in frame["fields"]] == [
        ("time", [EIGHT_MS, NINE_MS]),
        ("A", [1.0, None]),
        ("B", [2.0, 3.0]),
    ]
    assert frame["refId"] == "A"


def test_frame_of_a_time_series_with_other_texts_has_labels() -> None:
    """The texts beside a number tell its line; Grafana names it by them."""
    rows = [(EIGHT, "here", "°C", 1.0, None), (NINE, "here", "°C", 2.0, 5.0)]
    (time, one, other) = frame_of(Table(["time", "site", "unit", "mean", "n"], rows, 0.0), "A", "timeseries")["fields"]

    assert time["type"] == "time"
    assert (one["name"], one["labels"], one["values"]) == ("mean", {"site": "here", "unit": "°C"}, [1.0, 2.0])
    assert (other["name"], other["labels"], other["values"]) == ("n", {"site": "here", "unit": "°C"}, [None, 5.0])


def test_frame_of_no_rows_is_empty() -> None:
    """A panel that had nothing to show shows nothing."""
    assert [one["values"] for one in frame_of(Table(["time", "value"], [], 0.0), "A", "time_series")["fields"]] == [[], []]
