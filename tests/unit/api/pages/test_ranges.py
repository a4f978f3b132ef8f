"""The range of time a site page shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.pages.ranges import CHOICES, RangeError, choose_range, local_input, width_for

_NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
_LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize("choice", list(CHOICES))
def test_choose_range_of_every_choice_ends_now_with_300_to_600_points(choice: str) -> None:
    """Each ready range is live and drawn with a sensible number of points."""
    chosen = choose_range(choice, "", "", _LONDON, _NOW)

    assert chosen.is_live
    assert (chosen.start, chosen.end) == (_NOW - CHOICES[choice].span, _NOW)
    assert 300 <= chosen.span.total_seconds() / chosen.chart_every_s <= 600
    assert chosen.span.total_seconds() / chosen.table_every_s <= 50


def test_choose_range_unknown_choice_is_a_day() -> None:
    """A mistyped address still shows something."""
    assert choose_range("fortnight", "", "", _LONDON, _NOW).choice == "24h"


def test_choose_range_own_times_without_offset_are_local() -> None:
    """What a person types is the site's local time; what a chart writes has its offset."""
    typed = choose_range("custom", "2026-07-01T08:00", "2026-07-01T09:30", _LONDON, _NOW)
    written = choose_range("custom", "2026-07-01T07:00:00.000Z", "2026-07-01T08:30:00.000Z", _LONDON, _NOW)

    assert typed == written
    assert not typed.is_live
    assert typed.start == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert local_input(typed.start, _LONDON) == "2026-07-01T08:00"


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("", "2026-07-01T08:00", "from"),
        ("2026-07-01T08:00", "", "to"),
        ("yesterday", "2026-07-01T08:00", "from"),
        ("2026-07-01T08:00", "2026-07-01T08:00", "to"),
        ("2026-07-02T08:00", "2026-07-01T08:00", "to"),
        ("1800-01-01T00:00", "2026-07-01T08:00", "from"),
        ("0001-01-01T00:00+14:00", "2026-07-01T08:00", "from"),
    ],
)
def test_choose_range_unusable_times_names_the_field_to_mend(start: str, end: str, field: str) -> None:
    """A slip is told at the field where it was made."""
    with pytest.raises(RangeError) as slip:
        choose_range("custom", start, end, _LONDON, _NOW)

    assert slip.value.field == field


def test_width_for_centuries_is_the_widest() -> None:
    """Beyond the last width the number of buckets may grow."""
    assert width_for(timedelta(days=365 * 100), 600) == 2592000
