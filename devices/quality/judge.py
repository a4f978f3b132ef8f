"""Judge: holds sorted readings of many series against those before them, and says what is known of each series afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from devices.flags import Flag
from devices.quality.neighbours import is_spike, is_step, runs
from devices.quality.warm_up import resumed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.quality.rules import Rules

Number = TypeVar("Number", np.float64, np.int64)

FEWEST_FLAT = 3
"""Identical readings in a row that can be called a flatline at all."""

NEVER_US = -(2**62)
"""Stands for the time of a reading that is not there."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last readings of some series, shape (m,) each."""

    time_us: NDArray[np.int64]
    """Of the last reading; `NEVER_US` where there is none."""
    value: NDArray[np.float64]
    """NaN where there is none."""
    second_us: NDArray[np.int64]
    """Of the one before it."""
    second: NDArray[np.float64]
    length: NDArray[np.int64]
    """Of the run of identical readings that the last one ends."""
    since_us: NDArray[np.int64]
    """Time of the first reading of that run."""
    resumed_us: NDArray[np.int64]
    """When the series last came back from a long silence; `NEVER_US` where it did not."""


def nothing_known(series: int) -> Known:
    """Give what is known of so many series that have no readings."""
    never = np.full(series, NEVER_US)
    nothing = np.full(series, np.nan)
    return Known(never, nothing, never.copy(), nothing.copy(), np.zeros(series, np.int64), never.copy(), never.copy())


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of some readings."""

    flags: NDArray[np.int16]
    """Shape (n,)."""
    known_is_spike: NDArray[np.bool_]
    """Whether the last reading known of each series has turned out to be a spike, shape (m,)."""
    known: Known
    """Of the same series, with these readings."""


def judge(
    first: NDArray[np.intp],
    time_us: NDArray[np.int64],
    value: NDArray[np.float64],
    metric: NDArray[np.int32],
    profile: NDArray[np.int32] | None,
    rules: Rules,
    known: Known,
) -> Judged:
    """Flag steps, flatlines, spikes and warm-ups.

    Parameters
    ----------
    first
        Index of the first reading of each series, ascending, shape (m,).
    time_us, value, metric
        Readings sorted by series and time, each later than what is known of its series, shape (n,).
    profile
        Position of each device's profile, shape (n,); None where no profile has rules of its own.
    known
        Of these series, shape (m,).
    """
    before, before_us = _shifted(value, first, known.value), _shifted(time_us, first, known.time_us)
    flags = np.zeros(len(value), np.int16)
    known_is_spike = np.zeros(len(first), bool)
    changed = np.flatnonzero(np.abs(value - before) > rules.least_change[metric])
    if len(changed):
        now, previous, second = value[changed], before[changed], _before(changed, before, first, known.second)
        since_us = time_us[changed] - before_us[changed]
        since_second_us = time_us[changed] - _before(changed, before_us, first, known.second_us)
        step = is_step(now, previous, second, since_us, since_second_us, rules.max_step[metric[changed]])
        flags[changed[step]] |= Flag.STEP
        lone = changed[is_spike(second, previous, now, since_second_us, rules.spike_least[metric[changed]])]
        is_first = np.isin(lone, first)
        flags[lone[~is_first] - 1] |= Flag.SPIKE
        known_is_spike[np.searchsorted(first, lone[is_first])] = True
    is_same = (value == before) & (value != 0)
    length, begun_us = runs(is_same, time_us, first, known.length, known.since_us)
    flat = np.flatnonzero(length >= FEWEST_FLAT)
    flat = flat[length[flat] >= rules.flat_count[metric[flat]]]
    flags[flat[time_us[flat] - begun_us[flat] >= rules.flat_for_us[metric[flat]]]] |= Flag.FLATLINE
    last = slice(None) if len(first) == len(value) else np.append(first[1:], len(value)) - 1
    resumed_us = known.resumed_us
    if profile is not None:
        gap_us = np.where(np.isnan(before), 0, time_us - before_us)
        since = resumed(gap_us, time_us, rules.silence_us[profile], first, known.resumed_us)
        flags[time_us < since + rules.warm_up_us[profile]] |= Flag.WARM_UP
        resumed_us = since[last]
    after = Known(time_us[last], value[last], before_us[last], before[last], length[last], begun_us[last], resumed_us)
    return Judged(flags, known_is_spike, after)


def _shifted(values: NDArray[Number], first: NDArray[np.intp], known: NDArray[Number]) -> NDArray[Number]:
    """Give what stands before each value in its series."""
    if len(first) == len(values):
        return known
    before = np.empty_like(values)
    before[1:] = values[:-1]
    before[first] = known
    return before


def _before(
    rows: NDArray[np.intp], before: NDArray[Number], first: NDArray[np.intp], known: NDArray[Number]
) -> NDArray[Number]:
    """Give what stands before what stands before some readings, shape (len(rows),)."""
    found = before[rows - 1]
    series = np.searchsorted(first, rows, side="right") - 1
    is_first = first[series] == rows
    found[is_first] = known[series[is_first]]
    return found
