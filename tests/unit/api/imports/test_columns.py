"""Columns are found by the many names people give them."""

from __future__ import annotations

import pytest

from api.errors import Unusable
from api.imports.columns import field_of, find_columns


@pytest.mark.parametrize(
    ("headings", "field"),
    [
        (["DevEUI", "EUI", "device_eui", "Device EUI", "DEV-EUI", " eui ", "uid"], "uid"),
        (["lat", "Latitude", "LATITUDE"], "latitude"),
        (["lng", "lon", "long", "Longitude"], "longitude"),
        (["grid ref", "Grid Reference", "OS Grid-Ref.", "NGR"], "grid_ref"),
        (["Easting", "eastings"], "easting"),
        (["Northing", "NORTHINGS"], "northing"),
        (["UPRN", "u.p.r.n."], "uprn"),
        (["Site", "site code", "Site_ID"], "site"),
        (["Site name", "Location"], "site_name"),
        (["Serial No.", "Serial number", "S/N"], "serial"),
        (["Notes", "comment"], "note"),
        (["Date installed", "installed at", "Install date"], "installed_at"),
        (["colour", "", "Latitudes of the tropics"], None),
    ],
)
def test_heading_in_any_usual_spelling_names_its_field(headings: list[str], field: str | None) -> None:
    """Capitals, spaces and punctuation do not matter; what is no column of ours is none."""
    assert {field_of(heading) for heading in headings} == {field}


def test_columns_unknown_are_named_and_left_out() -> None:
    """Whoever misspells a heading is told that its column is not read."""
    columns, ignored = find_columns(["Colour", "DevEUI", "", "Profil"])

    assert {field: column.at for field, column in columns.items()} == {"uid": 1}
    assert ignored == ["Colour", "Profil"]


def test_columns_of_the_same_thing_are_refused() -> None:
    """Of two columns with latitudes nobody knows which is meant."""
    with pytest.raises(Unusable, match="'lat' and 'Latitude' are both read as latitude"):
        find_columns(["uid", "lat", "Latitude"])
