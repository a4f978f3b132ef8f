"""Clocks: what messages tell of the clocks of their devices, gathered in memory and written to device_clock now and then.

It takes 0.05 µs a message (groups of 8,000 messages of five readings). A crash loses what waits, half a minute at most.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from devices.columns import NO_TIME_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_EVERY_S = 30.0
_DAY_US = 86_400_000_000
_NONE_LESS, _NONE_GREATER = np.iinfo(np.int64).max, np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Sightings:
    """One row for each device in each message that has readings of it, as parallel arrays of one length."""

    device: NDArray[np.int32]
    """Device id."""
    received_us: NDArray[np.int64]
    """Arrival [µs since 1970]."""
    newest_us: NDArray[np.int64]
    """Newest time of the device that is believed [µs since 1970]; `NO_TIME_US` where none is."""
    unbelievable: NDArray[np.int64] | None = None
    """How many of its times are not believed; None: none in any row."""
    last_us: NDArray[np.int64] | None = None
    """The last of those, as it was sent [µs since 1970]; `NO_TIME_US` where it was no time at all."""
    message: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """Index of the message within its group; empty once groups are cut at midnight."""


NO_SIGHTINGS = Sightings(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64))


def sightings(
    message: NDArray[np.int32],
    device: NDArray[np.int32],
    time_us: NDArray[np.int64],
    received_us: NDArray[np.int64],
    doubted: NDArray[np.bool_],
    device_ids: NDArray[np.int32],
) -> Sightings:
    """Read the clocks of a group.

    Parameters
    ----------
    message
        Message of each reading; those of one message and device stand together, shape (n,).
    device
        Device of each reading: index into `device_ids`, shape (n,).
    time_us, received_us
        The device's own time of each reading, and the arrival of its message [µs since 1970], shape (n,).
    doubted
        Which of the times are not believed, shape (n,).
    device_ids
        Of the table device.
    """
    if not len(message):
        return NO_SIGHTINGS
    first = np.flatnonzero(np.append(True, (message[1:] != message[:-1]) | (device[1:] != device[:-1])))
    if not doubted.any():
        newest_us = np.maximum.reduceat(time_us, first)
        return Sightings(device_ids[device[first]], received_us[first], newest_us, message=message[first])
    newest_us = np.maximum.reduceat(np.where(doubted, NO_TIME_US, time_us), first)
    last = np.maximum.reduceat(np.where(doubted, np.arange(len(message)), -1), first)
    return Sightings(
        device_ids[device[first]],
        received_us[first],
        newest_us,
        np.add.reduceat(doubted.astype(np.int64), first),
        np.where(last < 0, NO_TIME_US, time_us[last]),
        message[first],
    )


class _Day:
    """What one UTC day has told so far, by device id."""

    def __init__(self) -> None:
        self.messages = np.zeros(0, np.int64)
        self.least_us = np.zeros(0, np.int64)
        self.greatest_us = np.zeros(0, np.int64)
        self.unbelievable = np.zeros(0, np.int64)
        self.last_offset_s = np.zeros(0, np.float64)

    def add(self, seen: Sightings) -> None:
        self._make_room(int(seen.device.max()) + 1)
        # A time that equals the arrival was put there for want of one: it tells nothing of any clock.
        told = (seen.newest_us != NO_TIME_US) & (seen.newest_us != seen.received_us)
        device, delay_us = seen.device[told], (seen.received_us - seen.newest_us)[told]
        self.messages += np.bincount(device, minlength=len(self.messages))
        np.minimum.at(self.least_us, device, delay_us)
        np.maximum.at(self.greatest_us, device, delay_us)
        if seen.unbelievable is not None and seen.last_us is not None:
            np.add.at(self.unbelievable, seen.device, seen.unbelievable)
            rows = np.flatnonzero(seen.unbelievable)
            last_us, received_us = seen.last_us[rows], seen.received_us[rows]
            offset_s = np.where(last_us == NO_TIME_US, np.nan, (last_us - received_us.astype(np.float64)) / 1e6)
            self.last_offset_s[seen.device[rows]] = offset_s  # of several of a device the last one stays

    def _make_room(self, devices: int) -> None:
        more = devices - len(self.messages)
        if more > 0:
            self.messages = np.append(self.messages, np.zeros(more, np.int64))
            self.least_us = np.append(self.least_us, np.full(more, _NONE_LESS))
            self.greatest_us = np.append(self.greatest_us, np.full(more, _NONE_GREATER))
            self.unbelievable = np.append(self.unbelievable, np.zeros(more, np.int64))
            self.last_offset_s = np.append(self.last_offset_s, np.full(more, np.nan))

    def rows(self, day: int) -> dict[str, list[object]]:
        """Give one row a device, sorted, as columns of the query `note_clocks`."""
        device = np.flatnonzero((self.messages > 0) | (self.unbelievable > 0))
        has_delay = self.messages[device] > 0
        return {
            "devices": device.tolist(),
            "days": [day] * len(device),
            "messages": self.messages[device].tolist(),
            "least": _or_none(self.least_us[device] / 1e6, has_delay),
            "greatest": _or_none(self.greatest_us[device] / 1e6, has_delay),
            "unbelievable": self.unbelievable[device].tolist(),
            "offsets": _or_none(self.last_offset_s[device], ~np.isnan(self.last_offset_s[device])),
        }


class Clocks:
    """What waits to be written; one thread adds, another takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: dict[int, _Day] = {}
        self._due = time.monotonic() + _EVERY_S

    def add(self, seen: Sightings) -> None:
        """Add what a stored group has told."""
        if not len(seen.device):
            return
        with self._lock:
            for day, part in _by_day(seen):
                self._days.setdefault(day, _Day()).add(part)

    def is_due(self) -> bool:
        """Whether there is something to write and the time has come."""
        return bool(self._days) and time.monotonic() >= self._due

    def take(self) -> Iterator[dict[str, list[object]]]:
        """Give what waits, day by day; it waits no longer."""
        with self._lock:
            days, self._days = self._days, {}
            self._due = time.monotonic() + _EVERY_S
        for day in sorted(days):
            yield days[day].rows(day)


def _by_day(seen: Sightings) -> Iterator[tuple[int, Sightings]]:
    """Cut at midnight UTC of the arrival; a group of one day, the usual one, stays whole."""
    days = seen.received_us // _DAY_US
    if days.min() == days.max():
        yield int(days[0]), seen
        return
    for day in np.unique(days).tolist():
        rows = days == day
        yield (
            day,
            Sightings(
                seen.device[rows],
                seen.received_us[rows],
                seen.newest_us[rows],
                None if seen.unbelievable is None else seen.unbelievable[rows],
                None if seen.last_us is None else seen.last_us[rows],
            ),
        )


def _or_none(values: NDArray[np.float64], is_there: NDArray[np.bool_]) -> list[object]:
    return [value if there else None for value, there in zip(values.tolist(), is_there.tolist(), strict=True)]
