"""Shipped device profiles in the database: added once, brought up to date while nobody has changed them, never taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from devices import shipped_profiles as module
from devices.shipped_profiles import ShippedProfile, load_shipped_profiles, ship_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

LSE01 = next(profile for profile in load_shipped_profiles() if profile.key == "dragino-lse01")


def ship(database: str, profiles: Sequence[ShippedProfile], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship as a version of Hedgerow would that carries just these; all of them count as shipped from then on."""
    known = module.shipped_digests() | {profile.digest for profile in profiles}
    monkeypatch.setattr(module, "load_shipped_profiles", lambda: tuple(profiles))
    monkeypatch.setattr(module, "shipped_digests", lambda: known)
    with psycopg.connect(database) as connection:
        ship_profiles(connection)


def row(database: str, key: str = LSE01.key) -> tuple[str, str, int]:
    """Give name, definition and expected interval of a profile."""
    with psycopg.connect(database) as connection:
        cursor = connection.execute("SELECT name, definition, expected_interval_s FROM device_profile WHERE key = %s", (key,))
        (found,) = cursor.fetchall()
    return found


def execute(database: str, statement: str) -> None:
    """Do something to the database behind the program's back."""
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())


def test_ship_profiles_all_are_there_and_shipping_again_changes_nothing(database: str) -> None:
    """Every file of the folder is a row; the second time not a row is written, for programs read the registry anew then."""
    for _ in range(2):
        with psycopg.connect(database) as connection:
            ship_profiles(connection)
            versions = connection.execute("SELECT key, xmin::text FROM device_profile ORDER BY key").fetchall()
    with psycopg.connect(database) as connection:
        ship_profiles(connection)
        assert connection.execute("SELECT key, xmin::text FROM device_profile ORDER BY key").fetchall() == versions

    assert len(versions) == 2 + len(load_shipped_profiles())
    assert row(database) == (LSE01.name, LSE01.definition, LSE01.expected_interval_s)


def test_ship_profiles_one_that_nobody_has_changed_is_brought_up_to_date(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer Hedgerow mends a layout; devices of the profile keep it."""
    ship(database, [LSE01], monkeypatch)
    ship(database, [replace(LSE01, definition="port = 2\n")], monkeypatch)

    assert row(database) == (LSE01.name, "port = 2\n", LSE01.expected_interval_s)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE device_profile SET definition = 'mine' WHERE key = 'dragino-lse01'",
        "UPDATE device_profile SET name = 'Mine' WHERE key = 'dragino-lse01'",
        "UPDATE device_profile SET expected_interval_s = 60 WHERE key = 'dragino-lse01'",
        "UPDATE device_profile SET codec = 'auto' WHERE key = 'dragino-lse01'",
    ],
)
def test_ship_profiles_one_that_a_council_has_changed_stays(
    database: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Whatever of it was changed, it is the council's own from then on."""
    ship(database, [LSE01], monkeypatch)
    execute(database, change)
    theirs = row(database)
    ship(database, [replace(LSE01, definition="port = 2\n", expected_interval_s=1)], monkeypatch)

    assert row(database) == theirs


def test_ship_profiles_key_that_a_council_had_first_stays(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile of the same key that the council made itself is not touched."""
    execute(database, "INSERT INTO device_profile (key, name) VALUES ('dragino-lse01', 'Ours')")
    ship(database, [LSE01], monkeypatch)

    assert row(database) == ("Ours", "", 900)


def test_ship_profiles_one_no_longer_shipped_stays(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices may have it: nothing is ever taken away."""
    ship(database, [LSE01], monkeypatch)
    ship(database, [], monkeypatch)

    assert row(database)[0] == LSE01.name
