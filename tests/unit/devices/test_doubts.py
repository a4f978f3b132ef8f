"""Doubts: clocks that are believed or not."""

from __future__ import annotations

import numpy as np
import pytest

from devices.columns import NO_TIME_US
from devices.doubts import believe_clocks
from devices.flags import Flag

RECEIVED_US = 1_700_000_000_000_000
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
