"""What a site page says of each metric."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.pages.ranges import Range
from api.pages.sections import Bucket, SiteSeries, every_text, make_section, summary_text

_START = datetime(2026, 1, 5, tzinfo=UTC)
_UTC = ZoneInfo("UTC")


def _bucket(hour: float, mean: float, spread: float = 0, n: int = 4) -> Bucket:
    time = _START + timedelta(hours=hour)
    return Bucket(1, time, mean, mean - spread, mean + spread, mean * n, n)


def test_summary_text_weighs_buckets_by_their_readings() -> None:
    """The mean is that of the readings, not of the buckets."""
    rows = [_bucket(0, 10, n=3), _bucket(1, 20, n=1)]

    assert summary_text("mm", rows, 3600, 900, _UTC) == (
        "Mean 12.5\N{NO-BREAK SPACE}mm; lowest 10\N{NO-BREAK SPACE}mm (from 5 Jan, 00:00),"
        " highest 20\N{NO-BREAK SPACE}mm (from 5 Jan, 01:00); 4 readings."
    )


def test_summary_text_of_one_value_says_so() -> None:
    """A level line needs no lowest and highest."""
    assert summary_text("%", [_bucket(0, 83, n=1)], 3600, 900, _UTC) == "83% throughout; 1 reading."


def test_summary_text_with_gaps_tells_the_longest() -> None:
    """Hours without readings are told in words, for those who cannot see the break in the line."""
    rows = [_bucket(hour, hour) for hour in (0, 1, 2, 7, 8, 12)]

    assert summary_text("m", rows, 3600, 900, _UTC).endswith("24 readings. 2 gaps, the longest about 5 hours.")


def test_summary_text_of_slower_device_has_no_gaps() -> None:
    """Hourly records in minute-wide buckets are complete."""
    rows = [_bucket(hour, hour) for hour in range(5)]

    assert "gap" not in summary_text("m", rows, 60, 900, _UTC)


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (90, "90s"), (900, "15m"), (7200, "2h"), (172800, "2d")])
def test_every_text_is_what_the_api_takes(seconds: int, text: str) -> None:
    """Widths are written in the largest unit that is exact."""
    assert every_text(seconds) == text


def test_make_section_without_buckets_has_links_but_no_summary() -> None:
    """Where nothing lies in the range there is nothing to sum up."""
    series = SiteSeries(1, "no2", "µg/m³", "gauge", "", _START, 8.0, 0)
    chosen = Range("custom", _START, _START + timedelta(days=1))

    section = make_section(series, [], chosen, "high-street", zone=_UTC, expected_s=900, flagged=True)

    assert section.summary == ""
    assert section.json == (
        "/api/v1/aggregate?site=high-street&metric=no2&from=2026-01-05T00%3A00%3A00Z&to=2026-01-06T00%3A00%3A00Z"
        "&every=3m&include_flagged=true&stat=mean&stat=min&stat=max"
    )
    assert section.csv.startswith("/sites/high-street/readings.csv?metric=no2&from=")
