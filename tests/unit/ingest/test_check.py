"""Flags at their borders, and clocks that are believed or not."""

from __future__ import annotations

import numpy as np
import pytest

from devices.columns import NO_TIME_US
from devices.flags import Flag
from ingest.check import LATE_AFTER_US, believe_clocks, check
from tests.unit.ingest.examples import RECEIVED_US, Row, batch_of, registry, rows_of

DAY_US = 86_400_000_000
BACK_US, AHEAD_US = 400 * DAY_US, 600_000_000


def believed(time_us: int, back_us: int = BACK_US, ahead_us: int = AHEAD_US) -> tuple[int, int]:
    """Ask for one time, between two that are right."""
    times = np.array([RECEIVED_US, time_us, RECEIVED_US])
    stored, flags = believe_clocks(times, np.full(3, RECEIVED_US), np.full(3, back_us), np.full(3, ahead_us))
    assert stored[[0, 2]].tolist() == [RECEIVED_US] * 2
    assert flags[[0, 2]].tolist() == [0, 0]
    assert flags.dtype == np.int16
    return int(stored[1]), int(flags[1])


@pytest.mark.parametrize("time_us", [RECEIVED_US - BACK_US, RECEIVED_US - 1, RECEIVED_US + 1, RECEIVED_US + AHEAD_US])
def test_believe_clocks_within_the_window_keeps_the_time(time_us: int) -> None:
    """Both borders still belong to the window."""
    assert believed(time_us) == (time_us, 0)


@pytest.mark.parametrize(
    "time_us",
    [
        RECEIVED_US - BACK_US - 1,
        RECEIVED_US + AHEAD_US + 1,
        0,
        -1,
        -(10**15),
        4_294_967_296_000_000,
        2**63 - 1,
        NO_TIME_US,
        NO_TIME_US + 1,
        NO_TIME_US + RECEIVED_US,
    ],
)
def test_believe_clocks_outside_the_window_takes_the_arrival(time_us: int) -> None:
    """1970, 2106, what no clock can mean and one microsecond too far: the reading stays, its time and a flag change."""
    assert believed(time_us) == (RECEIVED_US, Flag.CLOCK)


def test_believe_clocks_wide_window_of_a_historical_replay_keeps_old_times() -> None:
    """A profile may believe a century back; what is no time at all is not believed even then."""
    century_us = 100 * 365 * DAY_US

    assert believed(0, back_us=century_us) == (0, 0)
    assert believed(NO_TIME_US, back_us=century_us) == (RECEIVED_US, Flag.CLOCK)


def test_believe_clocks_closed_window_believes_the_arrival_alone() -> None:
    """A profile whose clocks are worth nothing: every time but the arrival itself is replaced."""
    assert believed(RECEIVED_US, 0, 0) == (RECEIVED_US, 0)
    assert believed(RECEIVED_US - 1, 0, 0) == (RECEIVED_US, Flag.CLOCK)
    assert believed(RECEIVED_US + 1, 0, 0) == (RECEIVED_US, Flag.CLOCK)


def test_believe_clocks_each_reading_has_its_own_window() -> None:
    """Devices of different profiles go through in one array."""
    times = np.full(3, RECEIVED_US - 100)

    _, flags = believe_clocks(times, np.full(3, RECEIVED_US), np.array([99, 100, 101]), np.zeros(3, np.int64))

    assert flags.tolist() == [Flag.CLOCK, 0, 0]


@pytest.mark.parametrize(
    ("metric", "value", "flags"),
    [
        (0, -30.0, 0),
        (0, 45.0, 0),
        (0, np.nextafter(-30.0, -31), Flag.OUT_OF_RANGE),
        (0, np.nextafter(45.0, 46), Flag.OUT_OF_RANGE),
        (0, 1e300, Flag.OUT_OF_RANGE),
        (1, -1e300, 0),
        (1, 1000.0, 0),
        (1, 1000.5, Flag.OUT_OF_RANGE),
        (2, 1e300, 0),
        (2, 0.0, 0),
        (2, -0.5, Flag.OUT_OF_RANGE),
    ],
)
def test_check_value_at_the_limits_of_its_metric(metric: int, value: float, flags: int) -> None:
    """The limits themselves are possible; beyond them the value is kept and flagged; no limit never flags."""
    row = Row(1, RECEIVED_US, value, metric=metric)

    assert rows_of(check(batch_of([row]), registry())) == [row._replace(flags=flags)]


@pytest.mark.parametrize(
    ("age_us", "flags"),
    [(0, 0), (LATE_AFTER_US, 0), (LATE_AFTER_US + 1, Flag.LATE), (400 * DAY_US, Flag.LATE), (-AHEAD_US, 0)],
)
def test_check_reading_older_than_an_hour_is_late(age_us: int, flags: int) -> None:
    """One hour is still in time."""
    row = Row(1, RECEIVED_US - age_us, 20.0)

    assert rows_of(check(batch_of([row]), registry())) == [row._replace(flags=flags)]


def test_check_adds_to_the_flags_that_are_there() -> None:
    """Whatever was known before stays known, and a reading can be doubtful in several ways."""
    row = Row(1, RECEIVED_US - 2 * LATE_AFTER_US, 99.0, flags=Flag.CLOCK)

    checked = check(batch_of([row]), registry())

    assert checked.flags.tolist() == [Flag.CLOCK | Flag.LATE | Flag.OUT_OF_RANGE]
    assert checked.flags.dtype == np.int16


def test_check_empty_batch_stays_empty() -> None:
    """A group of nothing but refused messages comes through here too."""
    assert rows_of(check(batch_of([]), registry())) == []
