"""What a dashboard is opened with: its time, and the interval of each panel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from grafana.ask import AskError, relative_time, view_of_panel
from grafana.expand import View

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("now-90s", NOW - timedelta(seconds=90)),
        ("now-24h", NOW - timedelta(days=1)),
        ("now-2w", NOW - timedelta(days=14)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:30:00Z", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("2026-11-01T08:30:00+01:00", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_relative_time_of_what_grafana_writes_is_a_moment(text: str, moment: datetime) -> None:
    """Relative to now, or a time of its own, UTC where nothing is said."""
    assert relative_time(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "now/d", "now-1", ""])
def test_relative_time_of_anything_else_is_an_error(text: str) -> None:
    """A form that is not known is not guessed at."""
    with pytest.raises(ValueError, match=r".+"):
        relative_time(text, NOW)


@pytest.mark.parametrize(
    ("panel", "days", "interval"),
    [
        ({"maxDataPoints": 500}, 1, "2m"),
        ({"maxDataPoints": 500}, 30, "1h"),
        ({"maxDataPoints": 500, "interval": "6h"}, 1, "6h"),
        ({"interval": ">15m"}, 1, "15m"),
        ({}, 365, "6h"),
    ],
)
def test_view_of_panel_has_its_interval(panel: dict[str, object], days: int, interval: str) -> None:
    """The time shown is shared among the points a panel draws, rounded, and never below the panel's least."""
    view = View(NOW - timedelta(days=days), NOW, "1m", {})
    assert view_of_panel(panel, view).interval == interval


def test_view_of_panel_with_an_odd_interval_is_an_error() -> None:
    """Grafana would not understand it either."""
    with pytest.raises(AskError, match="is no interval"):
        view_of_panel({"interval": "often"}, View(NOW - timedelta(days=1), NOW, "1m", {}))
