"""Stays: where a device was from when to when, and what an action makes of it; pure.

A stay is a deployment before it is written: actions are worked out on lists of them, and two lists tell which readings move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EVER = datetime.min.replace(tzinfo=UTC)
"""Stands for a start since ever."""

OPEN = datetime.max.replace(tzinfo=UTC)
"""Stands for an open end."""


class Place(NamedTuple):
    """Where a device is put: its readings go to the series of this place."""

    site_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A device at a place from `start` (included) to `end` (not included)."""

    device_id: int
    place: Place
    start: datetime = EVER
    end: datetime = OPEN
    note: str = ""
    deployment_id: int | None = None
    """None: not written yet."""

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a time."""
        return self.start <= at < self.end

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether it holds at some time of a range."""
        return self.start < end and start < self.end

    @property
    def key(self) -> tuple[int, Place, datetime, datetime]:
        """What makes two stays the same."""
        return self.device_id, self.place, self.start, self.end


class Shift(NamedTuple):
    """Readings of a device at times from `start` to `end` belong to another place than before; None: to none."""

    device_id: int
    start: datetime
    end: datetime
    old: Place | None
    new: Place | None


class Differences(NamedTuple):
    """What is to be written so that one list of stays becomes another."""

    removed: list[Stay]
    ended: list[Stay]
    """With another start or end than before; their deployment keeps its id."""
    begun: list[Stay]


def stay_at(stays: Sequence[Stay], at: datetime) -> Stay | None:
    """Give the stay that holds at a time."""
    return next((stay for stay in stays if stay.holds(at)), None)


def next_start(stays: Sequence[Stay], at: datetime) -> datetime:
    """Give the start of the first stay after a time."""
    return min((stay.start for stay in stays if stay.start > at), default=OPEN)


def end_from(stays: Sequence[Stay], at: datetime) -> datetime:
    """Give the time until which a device put somewhere stays: it leaves when it would have left, or is put elsewhere."""
    held = stay_at(stays, at)
    return held.end if held else next_start(stays, at)


def taken_away(stays: Sequence[Stay], at: datetime) -> list[Stay]:
    """Give the stays of a device that is taken from where it is at a time."""
    cut = [replace(stay, end=at) if stay.holds(at) else stay for stay in stays]
    return [stay for stay in cut if stay.start < stay.end]


def put(stays: Sequence[Stay], new: Stay) -> list[Stay]:
    """Give the stays of a device that is put somewhere, from where it is at that time."""
    return sorted([*taken_away(stays, new.start), new], key=lambda stay: stay.start)


def overlapping(stays: Sequence[Stay]) -> Stay | None:
    """Give a stay that begins before the one before it has ended, of stays of one device in order."""
    return next((later for earlier, later in pairwise(stays) if later.start < earlier.end), None)


def differences(before: Sequence[Stay], after: Sequence[Stay]) -> Differences:
    """Say what is to be written so that `before` becomes `after`."""
    kept = {stay.deployment_id: stay for stay in after if stay.deployment_id is not None}
    return Differences(
        removed=[stay for stay in before if stay.deployment_id not in kept],
        ended=[kept[stay.deployment_id] for stay in before if stay.deployment_id in kept and kept[stay.deployment_id] != stay],
        begun=[stay for stay in after if stay.deployment_id is None],
    )


def restored(present: Sequence[Stay], wanted: Sequence[Stay]) -> list[Stay]:
    """Give stays that were there once, to be there again: what began alike keeps its deployment."""
    ids = {(stay.device_id, stay.place, stay.start): stay.deployment_id for stay in present}
    return [replace(stay, deployment_id=ids.get((stay.device_id, stay.place, stay.start))) for stay in wanted]


def shifts(before: Sequence[Stay], after: Sequence[Stay]) -> Iterator[Shift]:
    """Give the times at which devices are elsewhere than before; both lists have stays of the same devices."""
    for device_id in sorted({stay.device_id for stay in (*before, *after)}):
        old = [stay for stay in before if stay.device_id == device_id]
        new = [stay for stay in after if stay.device_id == device_id]
        edges = sorted({EVER, OPEN, *(edge for stay in (*old, *new) for edge in (stay.start, stay.end))})
        for start, end in pairwise(edges):
            was, becomes = _place_at(old, start), _place_at(new, start)
            if was != becomes:
                yield Shift(device_id, start, end, was, becomes)


def _place_at(stays: Sequence[Stay], at: datetime) -> Place | None:
    held = stay_at(stays, at)
    return held.place if held else None
