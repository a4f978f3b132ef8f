"""Positions as people in Great Britain write them: latitude and longitude, OS grid references, eastings and northings."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from convertbng.cutil import convert_bng, convert_lonlat

AGREE_WITHIN_M = 50.0
"""Two positions of one place further apart than this are two places [m]."""

_REFERENCE = re.compile(r"(?P<letters>[A-HJ-Z]{2})\s*(?P<figures>[0-9][0-9 ]*)")
_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # the National Grid has no I
_HUNDRED_KM = 100_000
_DECIMALS = 7  # of a degree: a centimetre


class Position(NamedTuple):
    """A place on WGS 84."""

    latitude: float
    """Degrees north."""
    longitude: float
    """Degrees east."""


class GridSquare(NamedTuple):
    """A square of the National Grid (OSGB36), by its south-west corner; a point has the side 0."""

    easting: float
    """[m]."""
    northing: float
    """[m]."""
    side_m: float = 0.0

    @property
    def position(self) -> Position:
        """The square's middle, by OSTN15.

        Raises
        ------
        ValueError
            When it lies outside the National Grid.
        """
        half = self.side_m / 2
        longitude, latitude = convert_lonlat(self.easting + half, self.northing + half)
        if math.isnan(latitude[0]):
            raise ValueError(
                f"easting {self.easting:.0f}, northing {self.northing:.0f} lies outside Great Britain: eastings go from 0 to"
                " 700,000 m, northings from 0 to 1,250,000 m; check that they are not the wrong way round"
            )
        return Position(round(float(latitude[0]), _DECIMALS), round(float(longitude[0]), _DECIMALS))

    def distance_m(self, other: GridSquare) -> float:
        """How far apart two squares are at their nearest; 0 where they touch [m]."""
        east = max(other.easting - self.easting - self.side_m, self.easting - other.easting - other.side_m, 0.0)
        north = max(other.northing - self.northing - self.side_m, self.northing - other.northing - other.side_m, 0.0)
        return math.hypot(east, north)


def grid_square(reference: str) -> GridSquare:
    """Read an OS grid reference: two letters and 2 to 10 figures, such as `SY 827 798`.

    Source: Ordnance Survey, "A guide to coordinate systems in Great Britain", section 7.

    Raises
    ------
    ValueError
        When it is none, or names a square outside Great Britain.
    """
    match = _REFERENCE.fullmatch(reference.strip().upper())
    figures = match["figures"].replace(" ", "") if match else ""
    if match is None or len(figures) % 2 or len(figures) > 10:
        raise ValueError(
            f"{reference.strip()[:40]!r} is no OS grid reference: write two letters and 2, 4, 6, 8 or 10 figures,"
            " for example SY 827 798"
        )
    first, second = (_LETTERS.index(letter) for letter in match["letters"])
    east = (first - 2) % 5 * 5 + second % 5
    north = 19 - first // 5 * 5 - second // 5
    if not (0 <= east < 7 and 0 <= north < 13):
        raise ValueError(f"there is no square {match['letters']} in Great Britain: check the two letters of the grid reference")
    half = len(figures) // 2
    side = 10.0 ** (5 - half)
    return GridSquare(east * _HUNDRED_KM + int(figures[:half]) * side, north * _HUNDRED_KM + int(figures[half:]) * side, side)


def point_of(position: Position) -> GridSquare:
    """Give the point of the National Grid at a position, by OSTN15.

    Raises
    ------
    ValueError
        When it lies outside Great Britain.
    """
    easting, northing = convert_bng(position.longitude, position.latitude)
    if math.isnan(easting[0]):
        raise ValueError(
            f"latitude {position.latitude:g}, longitude {position.longitude:g} lies outside Great Britain: check that they are"
            " not the wrong way round, and that a longitude west of Greenwich has its minus sign"
        )
    return GridSquare(float(easting[0]), float(northing[0]))


def one_position(degrees: Position | None, metres: GridSquare | None, reference: GridSquare | None) -> Position | None:
    """Make one position of what a row says, the most exact first; None where it says nothing.

    Parameters
    ----------
    degrees
        Latitude and longitude.
    metres
        Easting and northing.
    reference
        The square of a grid reference.

    Raises
    ------
    ValueError
        When one lies outside Great Britain, or two name different places.
    """
    said = {
        "latitude and longitude": point_of(degrees) if degrees else None,
        "easting and northing": metres,
        "the grid reference": reference,
    }
    places = [(words, place) for words, place in said.items() if place is not None]
    for words, place in places[1:]:
        apart = places[0][1].distance_m(place)
        if apart > AGREE_WITHIN_M:
            raise ValueError(
                f"{places[0][0]} and {words} name places {apart:,.0f} m apart: mend one of them, or leave one of them empty"
            )
    return degrees or (places[0][1].position if places else None)
