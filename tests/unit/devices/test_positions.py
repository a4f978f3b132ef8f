"""Positions: grid references, eastings and northings become degrees; what contradicts itself is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.positions import GridSquare, Position, grid_square, one_position, point_of

_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"


def metres_apart(one: Position, other: Position) -> float:
    """Give the distance of two near positions [m]."""
    north = (one.latitude - other.latitude) * 111_320
    east = (one.longitude - other.longitude) * 111_320 * math.cos(math.radians(one.latitude))
    return math.hypot(north, east)


def letters_of(easting: int, northing: int) -> str:
    """Name a square of 100 km the slow way: by looking for it among all of them."""
    for first in _LETTERS:
        for second in _LETTERS:
            east = (_LETTERS.index(first) % 5 - 2) * 5 + _LETTERS.index(second) % 5
            north = (3 - _LETTERS.index(first) // 5) * 5 + 4 - _LETTERS.index(second) // 5
            if (east, north) == (easting // 100_000, northing // 100_000):
                return first + second
    raise AssertionError("every point lies in a square")


@pytest.mark.parametrize(
    ("reference", "square"),
    [
        ("SY 827 798", GridSquare(382_700, 79_800, 100)),
        ("sy827798", GridSquare(382_700, 79_800, 100)),
        (" SY 8 7 ", GridSquare(380_000, 70_000, 10_000)),
        ("SY8279", GridSquare(382_000, 79_000, 1000)),
        ("SY 8270 7980", GridSquare(382_700, 79_800, 10)),
        ("TG 51409 13177", GridSquare(651_409, 313_177, 1)),
        ("HP 6 1", GridSquare(460_000, 1_210_000, 10_000)),
        ("SV00", GridSquare(0, 0, 10_000)),
    ],
)
def test_grid_reference_of_any_length_names_its_square(reference: str, square: GridSquare) -> None:
    """Two to ten figures, with or without spaces, name a square by its corner and side."""
    assert grid_square(reference) == square


@pytest.mark.parametrize(
    "reference", ["", "SY", "SY 827 79", "S 827 798", "IO 11", "SY 123456 123456", "827 798", "SY 82O 798"]
)
def test_grid_reference_that_is_none_is_refused_with_an_example(reference: str) -> None:
    """Odd figures, too many, a letter I or O: the answer shows how one is written."""
    with pytest.raises(ValueError, match="SY 827 798"):
        grid_square(reference)


@pytest.mark.parametrize("reference", ["AA 12", "ZZ 1 1", "HA 1 1"])
def test_grid_reference_of_no_square_of_britain_is_refused(reference: str) -> None:
    """Letters that name no square of Great Britain are told apart from a slip in the figures."""
    with pytest.raises(ValueError, match="two letters"):
        grid_square(reference)


@given(st.integers(0, 699_999), st.integers(0, 1_249_999))
def test_grid_square_against_the_slow_way_is_the_same(easting: int, northing: int) -> None:
    """A point written with ten figures is read as the metre it lies in."""
    reference = f"{letters_of(easting, northing)} {easting % 100_000:05d} {northing % 100_000:05d}"

    assert grid_square(reference) == GridSquare(easting, northing, 1)


def test_position_of_ordnance_surveys_own_example_is_right() -> None:
    """Caister water tower: OS publishes both its National Grid and its ETRS89 position."""
    position = GridSquare(651_409.804, 313_177.450).position

    assert metres_apart(position, Position(52.658007833, 1.716073973)) < 0.02


@given(st.floats(50.0, 58.0), st.floats(-5.0, 1.5))
def test_position_there_and_back_is_the_same(latitude: float, longitude: float) -> None:
    """A position's easting and northing are at that position, to a decimetre."""
    position = Position(latitude, longitude)

    assert metres_apart(point_of(position).position, position) < 0.1


@pytest.mark.parametrize(
    "position", [Position(50.7, 2.4366), Position(-2.4366, 50.7156), Position(48.85, 2.35), Position(0, 0)]
)
def test_position_outside_great_britain_is_refused_with_the_usual_slips(position: Position) -> None:
    """A lost minus sign, or latitude and longitude the wrong way round, is what it mostly is."""
    with pytest.raises(ValueError, match="minus sign"):
        point_of(position)
    with pytest.raises(ValueError, match="wrong way round"):
        _ = GridSquare(79_800, 1_382_700).position


def test_positions_that_agree_are_one_the_most_exact() -> None:
    """Degrees stay as they are given; a grid reference that covers them says nothing else."""
    degrees = Position(50.61764, -2.24589)

    assert one_position(degrees, GridSquare(382_700, 79_770), grid_square("SY 827 797")) == degrees
    assert one_position(None, GridSquare(382_700, 79_800), grid_square("SY87")) == GridSquare(382_700, 79_800).position
    assert one_position(None, None, grid_square("SY 827 798")) == GridSquare(382_750, 79_850).position
    assert one_position(None, None, None) is None


def test_positions_that_disagree_are_refused_with_the_distance() -> None:
    """Two places in one row are nobody's to choose between; how far apart they are helps to see which is wrong."""
    with pytest.raises(ValueError, match=r"easting and northing name places 1,0\d\d m apart"):
        one_position(Position(50.6177, -2.2459), GridSquare(383_700, 79_800), None)
    with pytest.raises(ValueError, match="easting and northing and the grid reference"):
        one_position(None, GridSquare(382_700, 79_800), grid_square("SY 827 899"))
