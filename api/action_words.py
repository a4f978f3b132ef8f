"""Words for actions: what was done, or would be, in sentences a person can check; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.action_schemas import Stretch
from api.reattribution import bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from api.reattribution import Moved
    from api.stays import Stay


def moment(at: datetime) -> str:
    """Write a time as the API does, to the minute: 2026-11-20 10:15 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def stretches(stays: Sequence[Stay], uids: Mapping[int, str], codes: Mapping[int, str]) -> list[Stretch]:
    """Give stays under the names people know."""
    return [
        Stretch(
            device=uids[stay.device_id],
            site=codes[stay.place.site_id],
            channel=stay.place.channel,
            installed_at=bound(stay.start),
            removed_at=bound(stay.end),
        )
        for stay in stays
    ]


def sentences(parts: Mapping[str, Sequence[Stretch]], moved: Moved) -> list[str]:
    """Tell what became of deployments and of readings.

    Parameters
    ----------
    parts
        `removed`, `ended` and `begun`.
    """
    return [
        *(f"{_who(part)}: {_when(part)} is taken back." for part in parts["removed"]),
        *(f"{_who(part)}: now {_when(part)}." for part in parts["ended"]),
        *(f"{_who(part)}: {_when(part)}." for part in parts["begun"]),
        *_of_readings(moved),
    ]


def _who(part: Stretch) -> str:
    return f"{part.device} at {part.site}" + (f" ({part.channel})" if part.channel else "")


def _when(part: Stretch) -> str:
    since = f"from {moment(part.installed_at)}" if part.installed_at else "since ever"
    return f"{since} until {moment(part.removed_at)}" if part.removed_at else f"{since}, until further notice"


def _of_readings(moved: Moved) -> list[str]:
    told = [f"{_readings(moved.moved)} to the line of the site where the device was." if moved.moved else ""]
    if moved.unplaced:
        told.append(
            f"{_count(moved.unplaced)} taken out of the lines of their sites and kept aside: their device was at no site then,"
            " or the line has another reading of the same time. They come back when an action gives them a place."
        )
    if moved.ambiguous:
        told.append(
            f"{_count(moved.ambiguous)} not moved: another device stored into the same lines at that time, and nothing tells"
            " their readings apart."
        )
    if moved.conflicting:
        told.append(f"{moved.conflicting} of those kept aside differ from what the line has at the same time.")
    return [text for text in told if text] or ["No stored reading moves."]


def _readings(count: int) -> str:
    return f"{count:,} stored {'reading moves' if count == 1 else 'readings move'}"


def _count(count: int) -> str:
    return f"{count:,} stored {'reading is' if count == 1 else 'readings are'}"
