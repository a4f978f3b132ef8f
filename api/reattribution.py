"""Re-attribution: writes what deployments become, and brings the readings stored by then into the lines they belong to.

Readings first leave the lines of places where their device turns out not to have been; then every reading without a line whose
device has a place at its time goes there. What has none waits in `unplaced_reading`: nothing is lost, and all of it comes back.
Where two devices stored into one series nothing tells their readings apart: those stay, and are counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.errors import ExclusionViolation

from api.database import row_of, rows_of, value_of
from api.errors import Conflict
from api.stays import EVER, OPEN, Place, Stay, differences, shifts
from devices.flags import Flag
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import AsyncConnection

    from api.stays import Shift

_TRIES = 5
_BETWEEN_TRIES_S = 0.05


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the readings that were stored by then."""

    moved: int = 0
    """Came to another line, or back into one."""
    unplaced: int = 0
    """Came out of a line and are in none: their device was at no site, or the key is taken where it was."""
    ambiguous: int = 0
    """Stayed, for another device stored into the same series at that time."""
    conflicting: int = 0
    """Of those unplaced, readings whose key holds another value where they belong."""


@dataclass(frozen=True, slots=True)
class _Row:
    deployment_id: int
    device_id: int
    site_id: int
    channel: str
    start: datetime | None
    end: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class _Closed:
    what: str
    site: str
    metric: str
    start: datetime
    end: datetime
    id: int


async def hold_deployments(connection: AsyncConnection) -> None:
    """Keep deployments as they are, and ingest from storing by them, until the transaction ends.

    Raises
    ------
    Conflict
        When a redecode is at work: it stores by the deployments it has read.
    """
    await connection.execute(query("lock_registry"))
    for _ in range(_TRIES):
        if await value_of(connection, "try_keep_redecode_away", {}):
            break
        await asyncio.sleep(_BETWEEN_TRIES_S)  # whoever let us in has perhaps not yet let go of this lock too
    else:
        raise Conflict("Messages are being decoded again at the moment (hedgerow redecode). Try again when that has ended.")


async def read_stays(connection: AsyncConnection, device_ids: Sequence[int]) -> list[Stay]:
    """Read where some devices were, in the order of devices and times."""
    rows = await rows_of(connection, _Row, "list_stays", {"devices": list(device_ids)})
    return [
        Stay(
            row.device_id,
            Place(row.site_id, row.channel),
            EVER if row.start is None else row.start,
            OPEN if row.end is None else row.end,
            row.note,
            row.deployment_id,
        )
        for row in rows
    ]


async def reattribute(connection: AsyncConnection, before: Sequence[Stay], after: Sequence[Stay]) -> Moved:
    """Make the deployments of some devices others, and move what is stored.

    Parameters
    ----------
    before
        All deployments of these devices as they are now.
    after
        All that there shall be.

    Raises
    ------
    Conflict
        When a device would be at two places at a time, or readings that people have ratified or adjusted would move.
    """
    found = list(shifts(before, after))
    devices = sorted({shift.device_id for shift in found})
    left = _columns([shift for shift in found if shift.old is not None])
    await _refuse_closed(connection, left)
    await connection.execute(query("allow_long_moves"))
    ambiguous = await value_of(connection, "note_shared_times", left)
    waiting = await value_of(connection, "count_unplaced", {"devices": devices})
    taken = await value_of(connection, "take_readings", left)
    await _write_stays(connection, before, after)
    await connection.execute(query("add_series_for_unplaced"), {"devices": devices})
    await connection.execute(query("ensure_partitions_of_unplaced"), {"devices": devices})
    placed = await value_of(connection, "place_readings", {"devices": devices, "invalid": int(Flag.MANUAL_INVALID)})
    conflicting = await value_of(connection, "note_unplaced_conflicts", {"devices": devices})
    sites = {"sites": sorted({stay.place.site_id for stay in (*before, *after)})}
    await connection.execute(query("renew_latest_at_sites"), sites)
    await connection.execute(query("forget_latest_at_sites"), sites)
    if found:
        times = {"start": bound(min(shift.start for shift in found)), "end": bound(max(shift.end for shift in found))}
        await connection.execute(query("add_quality_due_at_sites"), {**sites, **times})
    await connection.execute(query("outdate_registry"))
    still_waiting = await value_of(connection, "count_unplaced", {"devices": devices})
    return Moved(placed, max(0, min(taken, still_waiting - waiting)), ambiguous, conflicting)


def bound(edge: datetime) -> datetime | None:
    """Give the end of a stay as it is written: nothing stands for ever."""
    return None if edge in (EVER, OPEN) else edge


async def _refuse_closed(connection: AsyncConnection, left: dict[str, object]) -> None:
    closed = await row_of(connection, _Closed, "find_closed_to_moves", left)
    if closed is None:
        return
    of = f"{closed.metric} at {closed.site} from {closed.start:%Y-%m-%dT%H:%M:%SZ} to {closed.end:%Y-%m-%dT%H:%M:%SZ}"
    if closed.what == "ratified":
        raise Conflict(f"This would move readings of {of}, which are ratified. A manager sets the range back first.")
    raise Conflict(f"This would move readings of {of}, which were adjusted. Undo the adjustment {closed.id} first.")


async def _write_stays(connection: AsyncConnection, before: Sequence[Stay], after: Sequence[Stay]) -> None:
    made = differences(before, after)
    await connection.execute(query("remove_stays"), {"ids": [stay.deployment_id for stay in made.removed]})
    try:
        async with connection.transaction():
            # What becomes shorter first: what becomes longer needs the room.
            for stay in sorted(made.ended, key=lambda stay: stay.end):
                await connection.execute(query("bound_stay"), _values(stay))
            for stay in made.begun:
                await connection.execute(query("add_stay"), _values(stay))
    except ExclusionViolation:
        raise Conflict(
            "The device would be at two sites at the same time. Look at its history and choose another time."
        ) from None


def _values(stay: Stay) -> dict[str, object]:
    return {
        "deployment_id": stay.deployment_id,
        "device_id": stay.device_id,
        **stay.place._asdict(),
        "start": bound(stay.start),
        "end": bound(stay.end),
        "note": stay.note,
    }


def _columns(left: Sequence[Shift]) -> dict[str, object]:
    """Give shifts away from a place as parallel arrays."""
    old = [shift.old for shift in left if shift.old is not None]
    return {
        "devices": [shift.device_id for shift in left],
        "sites": [place.site_id for place in old],
        "channels": [place.channel for place in old],
        "starts": [bound(shift.start) for shift in left],
        "ends": [bound(shift.end) for shift in left],
    }
