"""The messages of a county as time passes: history at once, then each message when it is due."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from simulators.compose import compose
from simulators.faults import Faults, spoil
from simulators.malformed import MALFORMED
from simulators.publish import now_us
from simulators.schedule import at_intervals, at_rate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from numpy.typing import NDArray

    from simulators.county import County
    from simulators.message import Message
    from simulators.schedule import Due

_WINDOW_US = 250_000
"""Messages are written in pieces of this length [µs]: long enough for arrays to pay, short enough to be on time."""
_SHORTEST_WAIT_S = 0.01
_HISTORY_STEP_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """How a simulation goes."""

    rate: float | None = None
    """Messages a second of all devices together; None: each device keeps its natural interval."""
    times_faster: float = 1.0
    """How many times as often as naturally the devices send, but for those that count; unused where there is a rate."""
    duration_s: float | None = None
    most_messages: int | None = None
    """How many messages to send, history and second copies not counted; None and no duration: without end."""
    history_h: float = 0.0
    """Hours of history that are sent first, without faults."""
    faults: Faults = field(default_factory=Faults)
    malformed: tuple[str, ...] = tuple(MALFORMED)
    """Ways in which a message may be malformed; a broker may not take all."""


async def stream(county: County, course: Course, start_us: int) -> AsyncIterator[list[Message]]:
    """Give messages in the order and at the time at which they are to be published.

    What is late, repeated or overtaken waits its turn; at the end of the course all that still waits comes at once.
    """
    for due in _history(county, course.history_h, start_us):
        yield compose(county, due)
    waiting: list[tuple[int, int, Message]] = []
    number = count()
    for until_us, due in _windows(county, course, now_us()):
        spoilt = spoil(due, course.faults, county.keys, _gaps_us(county, course))
        for send_us, message in zip(spoilt.send_us.tolist(), compose(county, spoilt, course.malformed), strict=True):
            heapq.heappush(waiting, (send_us, next(number), message))
        while True:
            now = now_us()
            if ready := _taken(waiting, now):
                yield ready
            if now >= until_us:  # where the machine is too slow to be on time, what is due is given all the same
                break
            next_us = min(until_us, waiting[0][0] if waiting else until_us)
            await asyncio.sleep(max((next_us - now_us()) / 1e6, _SHORTEST_WAIT_S))
    yield _taken(waiting, None)


def _history(county: County, hours: float, end_us: int) -> Iterator[Due]:
    """Give what the devices naturally sent in the hours before `end_us`, in pieces."""
    from_us = end_us - round(hours * 3.6e9)
    for at_us in range(from_us, end_us, _HISTORY_STEP_US):
        yield at_intervals(county.keys, county.intervals_us, at_us, min(at_us + _HISTORY_STEP_US, end_us))


def _windows(county: County, course: Course, start_us: int) -> Iterator[tuple[int, Due]]:
    """Cut the course into windows: the end of each, and the messages due in it."""
    planned = 0
    end_us = None if course.duration_s is None else start_us + round(course.duration_s * 1e6)
    for nth in count(1):
        until_us = start_us + nth * _WINDOW_US
        until_us = until_us if end_us is None else min(until_us, end_us)
        due = _due(county, course, start_us, planned, until_us)
        if course.most_messages is not None:
            due = due.take(np.arange(min(len(due), course.most_messages - planned)))
        planned += len(due)
        yield until_us, due
        if until_us == end_us or planned == course.most_messages:
            return


def _due(county: County, course: Course, start_us: int, planned: int, until_us: int) -> Due:
    """Give the messages of the window that ends at `until_us`."""
    if course.rate is None:
        from_us = max(start_us, until_us - _WINDOW_US)
        return at_intervals(county.keys, _gaps_us(county, course), from_us, until_us)
    past = int(np.ceil((until_us - start_us) / 1e6 * course.rate))
    return at_rate(len(county.devices), course.rate, planned, past - planned, start_us)


def _gaps_us(county: County, course: Course) -> NDArray[np.int64]:
    """Time between two messages of each device [µs]."""
    if course.rate is None:
        return county.hurried_us(course.times_faster)
    return np.full(len(county.devices), round(len(county.devices) / course.rate * 1e6), np.int64)


def _taken(waiting: list[tuple[int, int, Message]], until_us: int | None) -> list[Message]:
    """Take what is due by a time off the heap; None: everything."""
    taken = []
    while waiting and (until_us is None or waiting[0][0] <= until_us):
        taken.append(heapq.heappop(waiting)[2])
    return taken
