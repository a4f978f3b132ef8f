"""Readings that are expected, from who was there."""

from __future__ import annotations

import numpy as np
import pytest

from api.aggregate.expected import Stay, expected_readings

HOUR = 3_600_000_000
CUTS = np.arange(5, dtype=np.int64) * HOUR
LATER = 100 * HOUR


def stay(
    since: float | None, until: float | None, interval_s: float, *, names: bool = False, first: float | None = None
) -> Stay:
    """Make a stay from hours."""
    edges = (None if hour is None else int(hour * HOUR) for hour in (since, until, first))
    since_us, until_us, first_us = edges
    return Stay(1, since_us, until_us, interval_s, names, first_us)


@pytest.mark.parametrize(
    ("stays", "expected"),
    [
        ([stay(0, None, 900)], [4, 4, 4, 4]),
        ([stay(0.5, 3.5, 900)], [2, 4, 4, 2]),
        ([stay(0, 1.5, 900), stay(1.5, None, 600)], [4, 5, 6, 6]),
        ([stay(0, None, 901)], [4, 4, 4, 4]),
        ([stay(0, None, 7200)], [None] * 4),
        ([stay(0, None, 600), stay(0, None, 1800)], [2, 2, 2, 2]),
        ([stay(0, None, 600, names=True), stay(0, None, 1800)], [6, 6, 6, 6]),
        ([stay(None, None, 900, first=2)], [None, None, 4, 4]),
        ([stay(None, None, 900)], [None, 4, 4, 4]),
        ([], [None] * 4),
    ],
    ids=str,
)
def test_expected_readings_are_whole_intervals_of_who_was_there(stays: list[Stay], expected: list[int | None]) -> None:
    """Each bucket expects what the device that was there promised for as long as it was there."""
    found = expected_readings(stays, CUTS, LATER, first_us=HOUR)

    assert [None if np.isnan(one) else one for one in found] == expected


def test_expected_readings_of_a_bucket_that_lasts_are_those_so_far() -> None:
    """What is still to come is not missing."""
    found = expected_readings([stay(0, None, 900)], CUTS, int(1.5 * HOUR), first_us=None)

    assert found[:2].tolist() == [4, 2]
    assert np.isnan(found[2:]).all()
