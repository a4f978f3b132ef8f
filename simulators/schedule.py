"""Who sends when: takes a stretch of time, gives the messages due in it as columns; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from simulators.noise import uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Fault(IntEnum):
    """What may be wrong with a message; at most one at a time."""

    NONE = 0
    DUPLICATE = 1
    LATE = 2
    OUT_OF_ORDER = 3
    SKEWED = 4
    MALFORMED = 5


@dataclass(frozen=True, slots=True)
class Due:
    """Messages to come, as parallel arrays of one length."""

    device: NDArray[np.int64]
    """Index into the county's devices."""
    send_us: NDArray[np.int64]
    """When to publish [µs since 1970]."""
    measured_us: NDArray[np.int64]
    """When the values were measured [µs since 1970]."""
    written_us: NDArray[np.int64]
    """What the device's clock said then, the time in the message [µs since 1970]."""
    fault: NDArray[np.int8]

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.device)

    def take(self, rows: NDArray[np.int64]) -> Due:
        """Give some of the messages, in the order of `rows`."""
        return Due(self.device[rows], self.send_us[rows], self.measured_us[rows], self.written_us[rows], self.fault[rows])


def _due(device: NDArray[np.int64], time_us: NDArray[np.int64]) -> Due:
    return Due(device, time_us, time_us, time_us, np.zeros(len(device), np.int8))


def at_rate(devices: int, per_second: float, first: int, number: int, start_us: int) -> Due:
    """Give messages `first` to `first + number` of an even stream, the devices taking turns.

    Parameters
    ----------
    per_second
        Messages a second of all devices together.
    start_us
        Time of message 0 [µs since 1970].
    """
    order = np.arange(first, first + number)
    return _due(order % devices, start_us + np.rint(order * (1e6 / per_second)).astype(np.int64))


def at_intervals(keys: NDArray[np.uint64], intervals_us: NDArray[np.int64], from_us: int, until_us: int) -> Due:
    """Give the messages of devices that each send at their own interval, `from_us` <= time < `until_us`, in order of time.

    Each device has its own offset, fixed for ever: any two stretches of time agree on what lies in both.
    """
    offsets_us = np.floor(uniform(keys, "offset") * intervals_us / 1_000).astype(np.int64) * 1_000
    first = -((offsets_us - from_us) // intervals_us)  # the division rounds down, its negative up
    past = -((offsets_us - until_us) // intervals_us)
    numbers = past - first
    device = np.repeat(np.arange(len(keys)), numbers)
    nth = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    time_us = offsets_us[device] + (first[device] + nth) * intervals_us[device]
    return _due(device, time_us).take(np.argsort(time_us, kind="stable"))
