"""The console's words for numbers, times and metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.pages import words

_NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
_LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (9.0, "9"),
        (0.8564, "0.856"),
        (8.256, "8.26"),
        (12.34, "12.3"),
        (100.0, "100"),
        (1234.5, "1,234"),
        (-4.5, "\N{MINUS SIGN}4.5"),
        (1e9, "1,000,000,000"),
    ],
)
def test_number_text_of_any_size_has_fitting_decimals(value: float, text: str) -> None:
    """Small numbers keep two decimals, large ones none, and no zero trails."""
    assert words.number_text(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (8.2, "µg/m³", "8.2\N{NO-BREAK SPACE}µg/m³"),
        (40.0, "%", "40%"),
        (1.0, "bool", "yes"),
        (0.0, "bool", "no"),
        (3.0, "enum", "3"),
        (2.0, "", "2"),
    ],
)
def test_value_text_with_unit_reads_naturally(value: float, unit: str, text: str) -> None:
    """Units follow after a space, percent at once; states are words or plain numbers."""
    assert words.value_text(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-60, "1 minute ahead of this clock"),
        (-1, "just now"),
        (1, "just now"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7300, "2 hours ago"),
        (86400 * 400, "400 days ago"),
    ],
)
def test_ago_text_uses_the_largest_unit(seconds: float, text: str) -> None:
    """How long ago something was is told in one unit."""
    assert words.ago_text(_NOW - timedelta(seconds=seconds), _NOW) == text


def test_moment_text_in_summer_is_local() -> None:
    """Times are the site's own: British Summer Time in July."""
    assert words.moment_text(_NOW, _LONDON) == "1 Jul 2026, 13:00:00"
    assert words.iso(_NOW) == "2026-07-01T12:00:00Z"


@pytest.mark.parametrize(("width_s", "text"), [(30, "1 Jul, 13:00:00"), (3600, "1 Jul, 13:00"), (86400, "1 Jul 2026")])
def test_bucket_text_of_any_width_is_no_longer_than_needed(width_s: int, text: str) -> None:
    """Seconds stand only on narrow buckets, and days need no time."""
    assert words.bucket_text(_NOW, _LONDON, width_s) == text


def test_metric_label_of_unknown_metric_is_its_key_in_words() -> None:
    """A metric a council added needs no entry here to read well."""
    assert words.metric_label("vehicle_count") == "Vehicles"
    assert words.metric_label("leaf_wetness", "north") == "Leaf wetness (north)"


def test_domain_label_of_no_domain_is_mixed() -> None:
    """A site for everything is called mixed."""
    assert [words.domain_label(key) for key in (None, "air_quality", "asset")] == ["Mixed", "Air quality", "Assets"]
