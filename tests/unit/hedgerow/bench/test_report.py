"""What a benchmark prints: a table with every word in it, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hedgerow.bench.report import Report, number, rounded, spread

if TYPE_CHECKING:
    import pytest

_REPORT = Report(
    "drain",
    {"machine": "2 cores [virtual]"},
    ["", "commits [ms]"],
    [("time [s]", "1.50"), ("",), ("peak [MiB]", number(None))],
    ["a note [1]"],
    [{"seconds": 1.5}, {"seconds": None}],
)


def test_report_as_a_table_keeps_what_stands_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """Units are written in brackets, which the table's own markup must not swallow."""
    _REPORT.show(as_json=False)

    printed = capsys.readouterr().out
    for text in (
        "hedgerow bench drain",
        "2 cores [virtual]",
        "commits [ms]",
        "time [s]",
        "1.50",
        "peak [MiB]",
        "a note [1]",
    ):
        assert text in printed


def test_report_as_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line stands by itself: which benchmark, where, and its figures; what is unknown is null."""
    _REPORT.show(as_json=True)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    where = {"machine": "2 cores [virtual]"}
    assert lines == [
        {"bench": "drain", "seconds": 1.5, "where": where},
        {"bench": "drain", "seconds": None, "where": where},
    ]


def test_figures_are_written_for_people_and_for_programs() -> None:
    """Thousands are grouped, digits are as asked for, and what is unknown stays unknown."""
    assert number(1234567.891) == "1,234,568"
    assert number(0.5, 2) == "0.50"
    assert spread([3.0, 1.0, 2.0], 1) == "1.0 \N{EN DASH} 3.0"
    assert rounded(2.34567) == 2.346
    assert repr(rounded(1234.4, 0)) == "1234"
    assert rounded(None) is None
