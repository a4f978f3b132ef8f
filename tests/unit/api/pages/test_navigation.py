"""Tests of what the header leads to."""

from __future__ import annotations

from api.pages.navigation import ENTRIES, Entry, current_mark, entries_for


def test_entries_for_a_role_are_its_own_and_those_of_roles_below() -> None:
    """A manager sees what an engineer sees and more; nobody sees what a higher role is needed for."""
    assert entries_for("admin") == list(ENTRIES)
    assert {entry.least for entry in entries_for("viewer")} == {"viewer"}
    assert all(entry.least != "admin" for entry in entries_for("manager"))


def test_entries_every_address_stands_once() -> None:
    """Two entries with one address would both be marked as the present page."""
    addresses = [entry.address for entry in ENTRIES]

    assert len(addresses) == len(set(addresses))


def test_current_mark_tells_the_page_from_those_beneath() -> None:
    """The page itself and the pages beneath it are marked; others are not, and not everything lies beneath the overview."""
    devices = Entry("/devices", "Devices", "viewer")

    assert current_mark(devices, "/devices") == "page"
    assert current_mark(devices, "/devices/0011223344556677") == "true"
    assert current_mark(devices, "/devices-lost") == ""
    assert current_mark(Entry("/", "Overview", "viewer"), "/status") == ""
