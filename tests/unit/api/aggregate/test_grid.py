"""Grids of buckets and series: from columns of the database, and with their gaps filled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.aggregate.grid import Fill, Grid, fill, grid_of
from api.buckets import cut_time
from api.times import Every

START = datetime(2026, 1, 1, tzinfo=UTC)
NAN = float("nan")


def make(*means: float) -> Grid:
    """Make a grid of one series with hourly means."""
    bucket = np.flatnonzero(~np.isnan(np.array(means, np.float64)))
    values = np.array(means, np.float64)[bucket]
    ones = np.ones(len(bucket), np.int64)
    told = {"series_id": 7 * ones, "bucket": bucket, "n": ones, "flags": 3 * ones, "sum": values}
    buckets = cut_time(Every(1, "h"), START, START + timedelta(hours=len(means)), ZoneInfo("UTC"))
    return grid_of(told, np.array([7], np.int32), buckets, ["mean", "count"])


def test_grid_of_points_has_each_where_it_belongs() -> None:
    """Whatever the order of points, each stands at its bucket and series; the rest is empty."""
    buckets = cut_time(Every(1, "h"), START, START + timedelta(hours=2), ZoneInfo("UTC"))
    told: dict[str, list[float]] = {"series_id": [9, 4], "bucket": [1, 0], "n": [2, 0], "flags": [128, 1]}
    told |= {"sum": [10.0, NAN], "first": [4.0, NAN], "last": [6.0, NAN]}
    columns = {name: np.array(values) for name, values in told.items()}
    grid = grid_of(columns, np.array([4, 9], np.int32), buckets, ["mean", "first", "last", "count"])

    assert grid.n.tolist() == [[0, 0], [0, 2]]
    assert grid.flags.tolist() == [[1, 0], [0, 128]]
    assert grid.is_there.tolist() == [[False, False], [False, True]]
    assert [grid.statistics[name][1, 1] for name in ("mean", "first", "last", "count")] == [5, 4, 6, 2]
    assert np.isnan(grid.statistics["mean"][0]).all()


@pytest.mark.parametrize(
    ("way", "expected", "filled"),
    [
        ("null", [NAN, 2, NAN, NAN, 8, NAN], [0, 0, 0, 0, 0, 0]),
        ("previous", [NAN, 2, 2, 2, 8, 8], [0, 0, 1, 1, 0, 1]),
        ("linear", [NAN, 2, 4, 6, 8, NAN], [0, 0, 1, 1, 0, 0]),
    ],
)
def test_fill_makes_up_what_it_says_and_marks_it(way: Fill, expected: list[float], filled: list[int]) -> None:
    """Every bucket is given; made-up values are marked; nothing is made up before the first value, nor counts."""
    grid = make(NAN, 2, NAN, NAN, 8, NAN)
    fill(grid, way)

    assert np.array_equal(grid.statistics["mean"][:, 0], np.array(expected), equal_nan=True)
    assert grid.is_filled[:, 0].tolist() == [bool(one) for one in filled]
    assert grid.is_there.all()
    assert grid.statistics["count"][:, 0].tolist() == [0, 1, 0, 0, 1, 0]


@given(st.lists(st.floats(-100, 100) | st.just(NAN), max_size=30), st.sampled_from(["previous", "linear"]))
def test_fill_changes_no_value_there_is(means: list[float], way: Fill) -> None:
    """What was measured stays as it is, and linear values lie between their neighbours."""
    grid = make(*means)
    known = ~np.isnan(grid.statistics["mean"])
    before = grid.statistics["mean"][known].tolist()
    fill(grid, way)

    assert grid.statistics["mean"][known].tolist() == before
    assert not (grid.is_filled & known).any()
    assert all(min(before) - 1e-9 <= value <= max(before) + 1e-9 for value in grid.statistics["mean"][grid.is_filled])
