"""Doubts: which flags the values and times of readings deserve; never drops a value; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.columns import NO_TIME_US
from devices.flags import Flag
from devices.quality.alone import is_battery_low, is_sentinel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.registry import Registry

LATE_AFTER_US = 3_600_000_000
"""A reading older than this when it arrives [µs] is late: its hour may already have been aggregated."""


def believe_clocks(
    time_us: NDArray[np.int64],
    received_us: NDArray[np.int64],
    back_us: NDArray[np.int64],
    ahead_us: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Put the time of arrival in the place of times no clock should show.

    Parameters
    ----------
    time_us, received_us
        The device's time and the message's arrival [µs since 1970], shape (n,).
    back_us, ahead_us
        How far back and ahead of the arrival the device's clock is believed [µs], shape (n,).

    Returns
    -------
    tuple
        Times to store [µs since 1970] and flags, shape (n,) each.
    """
    wrong = (time_us == NO_TIME_US) | (time_us < received_us - back_us) | (time_us > received_us + ahead_us)
    flags = np.where(wrong, np.int16(Flag.CLOCK), np.int16(0))
    return np.where(wrong, received_us, time_us), flags


def doubts(
    value: NDArray[np.float64],
    metric: NDArray[np.int32],
    time_us: NDArray[np.int64],
    received_us: NDArray[np.int64],
    registry: Registry,
    profile: NDArray[np.int32] | None = None,
) -> NDArray[np.int16]:
    """Flag what is doubtful about each reading by itself: range, lateness, and what `doubts_of_value` tells.

    Parameters
    ----------
    value
        In the unit of its metric, shape (n,).
    metric
        Position in the registry, shape (n,).
    time_us, received_us
        Time of the reading and arrival of its message [µs since 1970], shape (n,).
    registry
        Knows the range of each metric.
    profile
        Position of the device's profile, shape (n,); None where no profile has rules of its own.

    Returns
    -------
    numpy.ndarray
        Flags, shape (n,).
    """
    late = received_us - time_us > LATE_AFTER_US
    return doubts_of_value(value, metric, registry, profile) | late * np.int16(Flag.LATE)


def doubts_of_value(
    value: NDArray[np.float64], metric: NDArray[np.int32], registry: Registry, profile: NDArray[np.int32] | None = None
) -> NDArray[np.int16]:
    """Flag what the value alone tells: out of range, a sentinel, a nearly empty battery; parameters as of `doubts`."""
    out_of_range = (value < registry.valid_min[metric]) | (value > registry.valid_max[metric])
    sentinel = is_sentinel(value, metric, profile, out_of_range, registry.rules)
    low = is_battery_low(value, metric, registry.rules)
    flags: NDArray[np.int16] = out_of_range * np.int16(Flag.OUT_OF_RANGE)
    flags |= sentinel * np.int16(Flag.SENTINEL)
    flags |= low * np.int16(Flag.BATTERY_LOW)
    return flags
