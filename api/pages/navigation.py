"""What the header leads to: the console's pages, each for those whose role has a use for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from api.people import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.people import Role


class Entry(NamedTuple):
    """A page the header leads to."""

    address: str
    text: str
    least: Role


ENTRIES: Sequence[Entry] = (
    Entry("/", "Overview", "viewer"),
    Entry("/devices", "Devices", "viewer"),
    Entry("/register", "Register", "engineer"),
    Entry("/profiles", "Profiles", "viewer"),
    Entry("/quarantine", "Quarantine", "viewer"),
    Entry("/import", "Import", "engineer"),
    Entry("/labels", "Labels", "engineer"),
    Entry("/status", "Status", "viewer"),
    Entry("/areas", "Areas", "manager"),
    Entry("/people", "People", "admin"),
    Entry("/audit", "Audit", "admin"),
    Entry("/account", "Account", "viewer"),
)
"""In the order of the header; a page adds its own line."""


def entries_for(role: Role) -> list[Entry]:
    """Give the pages a role has a use for, in the order of the header."""
    return [entry for entry in ENTRIES if ROLES.index(role) >= ROLES.index(entry.least)]


def current_mark(entry: Entry, here: str) -> str:
    """Give `aria-current` for an entry: "page" on that page, "true" on those beneath it, empty elsewhere.

    Parameters
    ----------
    here
        Path of the page that is shown, without its query.
    """
    if entry.address == here:
        return "page"
    return "true" if entry.address != "/" and here.startswith(f"{entry.address}/") else ""
