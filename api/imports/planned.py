"""Planned: sites and devices as they are, and as an import will make them, compared with what its rows say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from devices.positions import point_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from api.imports.rows import Wanted
    from devices.positions import Position

_SAME_DEGREES = 1e-6  # a decimetre: a spreadsheet may round what an export wrote


class Change(msgspec.Struct, frozen=True):
    """One thing that is, or would be, otherwise; values as a person reads them."""

    field: str
    before: str
    after: str


@dataclass(slots=True)
class PlannedSite:
    """A site as it is, or as it will be."""

    code: str
    name: str
    domain: str | None = None
    position: Position | None = None
    uprn: int | None = None
    usrn: int | None = None
    is_new: bool = False
    is_changed: bool = False
    said: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """What rows of this file say of it: which row, and what."""


@dataclass(slots=True)
class PlannedDevice:
    """A device as it is, or as it will be, and where it is now."""

    uid: str
    name: str
    profile: str
    serial: str = ""
    note: str = ""
    site: str | None = None
    channel: str = ""
    installed_at: datetime | None = None
    is_retired: bool = False
    is_new: bool = False
    is_changed: bool = False


@dataclass(slots=True)
class Registry:
    """What an import is compared with; the plan writes into it what will be."""

    devices: dict[str, PlannedDevice]
    """Those the file names, by uid."""
    sites: dict[str, PlannedSite]
    """All of them, by code."""
    profiles: Mapping[str, tuple[str, str]]
    """Name and model of each device profile, by key."""
    domains: set[str]
    unseen_uids: frozenset[str] = frozenset()
    """Uids the file names of devices that whoever imports may not see."""
    unseen_codes: frozenset[str] = frozenset()
    """Codes of the sites that whoever imports may not see."""


def compare_site(row: int, wanted: Wanted, site: PlannedSite) -> dict[str, Any]:
    """Give what a row says of a site that is not so yet.

    Raises
    ------
    ValueError
        When an earlier row of the file says something else.
    """
    new_values = {}
    for name, value in said_of_site(wanted).items():
        earlier, other = site.said.get(name, (row, value))
        is_same = is_there(wanted, other) if name == "position" else other == value
        if not is_same:
            raise ValueError(
                f"row {earlier} says {told(other)!r} of the {name} of the site {site.code}, this row {told(value)!r}: make"
                " them the same, or leave one empty"
            )
        present = getattr(site, name)
        if not (is_there(wanted, present) if name == "position" else present == value):
            new_values[name] = value
    return new_values


def said_of_site(wanted: Wanted) -> dict[str, Any]:
    """Give what a row says of its site, by the site's field."""
    said = {
        "name": wanted.site_name,
        "domain": wanted.domain,
        "position": wanted.position,
        "uprn": wanted.uprn,
        "usrn": wanted.usrn,
    }
    return {name: value for name, value in said.items() if value}


def is_there(wanted: Wanted, position: Position | None) -> bool:
    """Tell whether a position is the one a row gives, or lies in the square it gives."""
    if position is None or wanted.position is None:
        return False
    if all(abs(one - other) <= _SAME_DEGREES for one, other in zip(wanted.position, position, strict=True)):
        return True
    try:
        return wanted.square is not None and point_of(position).distance_m(wanted.square) <= 1
    except ValueError:
        return False


def change_device(device: PlannedDevice, wanted: Wanted, profile: str) -> list[Change]:
    """Write what a row says of a known device into it, and tell what is new in it."""
    said = {"name": wanted.name, "profile": profile, "serial": wanted.serial, "note": wanted.note}
    changes = []
    for name, value in said.items():
        before = getattr(device, name)
        if value and value != before:
            changes.append(Change(name, before, value))
            setattr(device, name, value)
            device.is_changed = True
    return changes


def told(value: object) -> str:
    """Write a value as a person reads it."""
    if isinstance(value, tuple):
        return ", ".join(f"{number:.6f}" for number in value)
    return "" if value is None else str(value)
