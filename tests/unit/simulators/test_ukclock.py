"""Tests of simulators/ukclock.py."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulators.ukclock import local_time, summer_time

LONDON = ZoneInfo("Europe/London")


def test_summer_time_random_times_agrees_with_the_time_zone_database() -> None:
    """The rule is right for any time between 1996 (since when it holds) and 2037."""
    rng = np.random.default_rng(3)
    seconds = rng.integers(820_454_400, 2_145_916_800, 5_000)

    expected = [f"{datetime.fromtimestamp(int(second), LONDON):%z}" == "+0100" for second in seconds]

    assert summer_time(seconds * 1_000_000).tolist() == expected


def test_summer_time_changes_at_the_second() -> None:
    """In 2026 the clocks change on 29 March and 25 October at 01:00 UTC."""
    changes = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
    at = np.array([round(change.timestamp()) * 1_000_000 for change in changes])

    assert summer_time(at - 1).tolist() == [0, 1]
    assert summer_time(at).tolist() == [1, 0]


def test_local_time_tells_hour_and_weekday_on_the_wall() -> None:
    """Half past eight in the morning of a Thursday in June, by the clock of the United Kingdom."""
    moment = datetime(2026, 6, 18, 7, 30, tzinfo=UTC)

    clock = local_time(np.array([round(moment.timestamp() * 1e6)]))

    assert clock.hour.tolist() == [8.5]
    assert clock.weekday.tolist() == [3]
    assert abs(clock.year_part[0] - 168 / 365) < 0.01
