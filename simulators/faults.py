"""What goes wrong in the field, by stated probability: takes due messages, gives them with their faults; pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from simulators.noise import between, uniform
from simulators.schedule import Due, Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US

_SKEWS_US = np.array([1, 30, 366 * 80, -500, -366 * 20, -366 * 30], np.int64) * _DAY_US
"""Clocks gone wrong: all outside the window of the generic profile (400 days back, 10 minutes ahead)."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Probability of each fault, from 0 to 1; a message has at most one."""

    duplicate: float = 0.0
    """Sent a second time within seconds."""
    late: float = 0.0
    """Measured an hour to three days ago, kept in the device's memory since."""
    out_of_order: float = 0.0
    """Overtaken by the device's next message."""
    skewed: float = 0.0
    """Stamped by a clock that is days or decades wrong."""
    malformed: float = 0.0
    """Spoilt in one of many ways (malformed.py)."""

    def __post_init__(self) -> None:
        given = self.probabilities
        if (given < 0).any() or given.sum() > 1:
            raise ValueError("probabilities of faults must not be negative, and their sum not more than 1")

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities in the order of `Fault`, from `DUPLICATE` on."""
        return np.array([getattr(self, field.name) for field in fields(self)])


def choose(faults: Faults, keys: NDArray[np.uint64], due: Due) -> NDArray[np.int8]:
    """Draw the fault of each message: the same for the same device and time."""
    drawn = uniform(keys[due.device], "fault", due.measured_us)
    code = np.searchsorted(np.cumsum(faults.probabilities), drawn, side="right") + 1
    return np.where(code > Fault.MALFORMED, Fault.NONE, code).astype(np.int8)


def spoil(due: Due, faults: Faults, keys: NDArray[np.uint64], gaps_us: NDArray[np.int64]) -> Due:
    """Give messages their faults; they come out in the order in which they are to be published.

    Parameters
    ----------
    gaps_us
        Time between two messages of each device [µs]: what is out of order waits for longer.
    """
    fault = choose(faults, keys, due)
    key, time_us = keys[due.device], due.measured_us
    age_us = np.rint(between(_HOUR_US, 3 * _DAY_US, key, "late", time_us)).astype(np.int64)
    measured_us = due.measured_us - np.where(fault == Fault.LATE, age_us, 0)
    skew_us = _SKEWS_US[(uniform(key, "skew", time_us) * len(_SKEWS_US)).astype(np.int64)]
    overtaken = np.where(fault == Fault.OUT_OF_ORDER, gaps_us[due.device] * 5 // 2, 0)
    spoilt = Due(
        device=due.device,
        send_us=due.send_us + overtaken,
        measured_us=measured_us,
        written_us=measured_us + np.where(fault == Fault.SKEWED, skew_us, 0),
        fault=fault,
    )
    return _in_order(spoilt, _repeats(spoilt, key))


def _repeats(due: Due, key: NDArray[np.uint64]) -> Due:
    """Give the second copies of messages that are sent twice."""
    rows = np.flatnonzero(due.fault == Fault.DUPLICATE)
    twice = due.take(rows)
    again_us = np.rint(between(1e5, 5e6, key[rows], "again", twice.measured_us)).astype(np.int64)
    return Due(twice.device, twice.send_us + again_us, twice.measured_us, twice.written_us, twice.fault)


def _in_order(*parts: Due) -> Due:
    joined = Due(
        device=np.concatenate([part.device for part in parts]),
        send_us=np.concatenate([part.send_us for part in parts]),
        measured_us=np.concatenate([part.measured_us for part in parts]),
        written_us=np.concatenate([part.written_us for part in parts]),
        fault=np.concatenate([part.fault for part in parts]),
    )
    return joined.take(np.argsort(joined.send_us, kind="stable"))
