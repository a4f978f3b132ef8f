"""Rules that hold a reading against those before it: step, flatline and spike; over arrays sorted by series and time.

A neighbour that is not there is NaN: no comparison with it is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_MINUTE_US = 60_000_000
_SCALE = 3 * 1.4826
"""Three standard deviations of a normal distribution, told from the median of absolute deviations (Hampel)."""

SPIKE_WITHIN_US = 3 * 3_600_000_000
"""From the reading before a spike to the one after it [µs]: over longer times a value may well come and go."""


def is_step(
    value: Floats, previous: Floats, second: Floats, since_previous_us: Times, since_second_us: Times, max_step: Floats
) -> Mask:
    """Tell which values changed faster than is plausible, from the reading before and from the one before that.

    Both, so that the value after a spike, which is back where it was, is no step.

    Parameters
    ----------
    value, previous, second
        The values, those before and those before these, shape (n,) each.
    since_previous_us, since_second_us
        Time since then [µs], shape (n,); counted as a minute at least.
    max_step
        Most change a minute, shape (n,).
    """
    is_jump = np.abs(value - previous) > max_step * _minutes(since_previous_us)
    is_back = np.abs(value - second) <= max_step * _minutes(since_second_us)
    step: Mask = is_jump & ~is_back
    return step


def _minutes(time_us: Times) -> Floats:
    return np.maximum(time_us / _MINUTE_US, 1.0)


def is_spike(first: Floats, middle: Floats, last: Floats, within_us: Times, least: Floats) -> Mask:
    """Tell which middle value of three stands alone: Hampel's rule over a window of three.

    It is the greatest or the least of the three and farther from the nearer neighbour than `least` and than three standard
    deviations, as the median of absolute deviations of the three tells them; which is the distance between the neighbours.

    Parameters
    ----------
    first, middle, last
        Three readings in a row, shape (n,) each.
    within_us
        Time from the first to the last [µs], shape (n,).
    least
        It is farther than this from the nearer neighbour, shape (n,).
    """
    before, after = middle - first, middle - last
    lone = np.minimum(np.abs(before), np.abs(after))
    spike: Mask = (
        (before * after > 0) & (lone > least) & (lone > _SCALE * np.abs(first - last)) & (within_us <= SPIKE_WITHIN_US)
    )
    return spike


def runs(
    is_same: Mask, time_us: Times, first: NDArray[np.intp], known_length: NDArray[np.int64], known_since_us: Times
) -> tuple[NDArray[np.int64], Times]:
    """Count identical readings in a row.

    Parameters
    ----------
    is_same
        Whether a reading is the same as the one before in its series, shape (n,).
    time_us
        Its time [µs since 1970], shape (n,).
    first
        Index of the first reading of each series, shape (m,).
    known_length, known_since_us
        Of the run that each series was in before these readings: how long, and since when, shape (m,).

    Returns
    -------
    tuple
        Length of the run up to each reading, and the time of the run's first one [µs since 1970], shape (n,) each.
    """
    if len(first) == len(is_same):
        return np.where(is_same, known_length + 1, 1), np.where(is_same, known_since_us, time_us)
    index = np.arange(len(is_same))
    begins = ~is_same
    begins[first] = True
    length = np.ones(len(is_same), np.int64)
    length[first] = np.where(is_same[first], known_length + 1, 1)
    since_us = time_us.copy()
    since_us[first] = np.where(is_same[first], known_since_us, time_us[first])
    begin = np.maximum.accumulate(np.where(begins, index, 0))
    return length[begin] + (index - begin), since_us[begin]
