"""Sorting and thinning a batch, against going through it row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import EMPTY_BATCH, last_of_each_series, sort_unique
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.ingest.examples import Row, batch_of, rows, rows_of


@DETERMINISTIC
@given(st.lists(rows, max_size=40))
def test_sort_unique_keeps_the_first_of_each_key_and_counts_the_rest(given_rows: list[Row]) -> None:
    """The first to arrive counts; a repeat with another value is a conflict, one with the same value is none."""
    first: dict[tuple[int, int], Row] = {}
    duplicate, refused = 0, []
    for row in given_rows:
        key = (row.series, row.time_us)
        if key in first:
            duplicate += 1
            if row.value != first[key].value:
                refused.append(row)
        else:
            first[key] = row

    unique = sort_unique(batch_of(given_rows))

    assert rows_of(unique.batch) == [first[key] for key in sorted(first)]
    assert (unique.duplicate, unique.conflicting) == (duplicate, len(refused))
    assert sorted(rows_of(unique.refused)) == sorted(refused)


def test_sort_unique_single_and_no_rows_come_through() -> None:
    """There is nothing to compare with."""
    assert len(sort_unique(EMPTY_BATCH).batch) == 0
    assert rows_of(sort_unique(batch_of([Row(1, 2, 3.0)])).batch) == [Row(1, 2, 3.0)]


def test_sort_unique_negative_times_sort_before_1970() -> None:
    """History before 1970 is history too."""
    unique = sort_unique(batch_of([Row(1, 5, 0.0), Row(1, -5, 1.0), Row(1, 0, 2.0)]))

    assert unique.batch.time_us.tolist() == [-5, 0, 5]


@DETERMINISTIC
@given(st.lists(rows, max_size=40))
def test_last_of_each_series_gives_the_newest_row(given_rows: list[Row]) -> None:
    """One row a series, the one with the greatest time."""
    batch = sort_unique(batch_of(given_rows)).batch
    newest = {row.series: row for row in sorted(rows_of(batch), key=lambda row: row.time_us)}

    assert rows_of(last_of_each_series(batch)) == [newest[series] for series in sorted(newest)]


@DETERMINISTIC
@given(st.lists(rows, max_size=10), st.data())
def test_take_by_index_or_mask_gives_those_rows(given_rows: list[Row], data: st.DataObject) -> None:
    """All columns are cut alike."""
    batch = batch_of(given_rows)
    mask = data.draw(st.lists(st.booleans(), min_size=len(given_rows), max_size=len(given_rows)))

    taken = batch.take(np.array(mask, bool))

    assert rows_of(taken) == [row for row, wanted in zip(given_rows, mask, strict=True) if wanted]
