"""Marks: what was done at a site, as a chart marks it and as a sentence says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.pages.words import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

KINDS = {
    "swap": "Swap one sensor for another",
    "install": "Install a sensor",
    "move": "Move a sensor to another site",
    "co-locate": "Put a second sensor beside another",
    "recall": "Recall a sensor",
    "retire": "Retire a sensor",
}
"""Every kind of action, as a person would say what they did."""


HINTS = {
    "swap": "The new one goes on with the line of the old one",
    "install": "One that is at no site",
    "move": "Its readings go to the other site from then on",
    "co-locate": "Both stay; each has a line of its own",
    "recall": "It comes back to the store",
    "retire": "It will not be used again",
}
"""What each kind means."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was done at a site."""

    kind: str
    at: datetime
    device: str
    old_device: str | None
    channel: str
    note: str
    site: str | None
    old_site: str | None


def label_of(mark: Mark, site: str) -> str:
    """Give the few words a chart has room for."""
    if mark.kind == "swap":
        return f"Swap: {mark.device}"
    arrived = mark.site == site
    return f"{mark.device} {'arrived' if arrived else 'left'}"


def sentence_of(kind: str, device: str, old_device: str | None, site: str | None, old_site: str | None, channel: str) -> str:
    """Say what was done."""
    where = f"{site}, channel {channel}" if channel else f"{site}"
    match kind:
        case "swap":
            return f"{device} took the place of {old_device} at {where}"
        case "install":
            return f"{device} was installed at {where}"
        case "move":
            return f"{device} was moved from {old_site} to {where}"
        case "co-locate":
            return f"{device} was put at {where}, beside another"
        case "recall":
            return f"{device} was taken from {old_site}"
        case _:
            return f"{device} went out of use for good" + (f", from {old_site}" if old_site else "")


def as_data(marks: Sequence[Mark], site: str) -> list[dict[str, str]]:
    """Give what a chart needs of marks; a device that came and one that left are both of the channel they were on."""
    return [{"time": iso(mark.at), "label": label_of(mark, site), "channel": mark.channel} for mark in marks]
