"""Last values that wait: the newest of each series, and a pause that follows the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import EMPTY_BATCH, last_of_each_series, sort_unique
from ingest.encode import encode_latest
from ingest.latest import Latest, newest_of
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.ingest.examples import Row, batch_of, rows, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@DETERMINISTIC
@given(st.lists(st.lists(rows, max_size=10), min_size=1, max_size=4))
def test_newest_of_batches_gives_the_newest_reading_of_each_series(batches: Sequence[Sequence[Row]]) -> None:
    """One row a series over all that waits; of equal times any one of them."""
    waiting = [last_of_each_series(sort_unique(batch_of(one)).batch) for one in batches]
    every = [row for one in waiting for row in rows_of(one)]

    newest = rows_of(newest_of(waiting))

    assert [row.series for row in newest] == sorted({row.series for row in every})
    for row in newest:
        assert row in every
        assert row.time_us == max(other.time_us for other in every if other.series == row.series)


def test_latest_nothing_added_is_never_due() -> None:
    """An empty batch is nothing either."""
    latest = Latest()
    latest.add(EMPTY_BATCH, as_sent=True)

    assert not latest.is_waiting()
    assert not latest.is_due()


def test_latest_first_rows_are_due_at_once_and_then_wait_no_longer() -> None:
    """A quiet system shows what it has; taking empties it."""
    latest = Latest()
    latest.add(batch_of([Row(1, 5, 1.0)]), as_sent=True)
    latest.add(batch_of([Row(1, 3, 2.0), Row(2, 1, 3.0)]), as_sent=True)

    assert latest.is_due()
    assert latest.take() == (encode_latest(batch_of([Row(1, 5, 1.0), Row(2, 1, 3.0)])), True)
    assert not latest.is_waiting()


def test_latest_one_doubtful_batch_makes_all_that_waits_doubtful() -> None:
    """Where another value may stand under a key, what was stored is looked up; after that all is certain again."""
    latest = Latest()
    latest.add(batch_of([Row(1, 5, 1.0)]), as_sent=False)
    latest.add(batch_of([Row(2, 5, 1.0)]), as_sent=True)

    assert latest.take()[1] is False
    latest.add(batch_of([Row(1, 6, 1.0)]), as_sent=True)
    assert latest.take()[1] is True


def test_latest_after_a_costly_write_the_next_one_waits() -> None:
    """Writing last values takes only a small part of the writer's time; what waits stays there meanwhile."""
    latest = Latest()
    latest.wrote(cost_s=1_000.0)
    latest.add(batch_of([Row(1, 5, 1.0)]), as_sent=True)

    assert latest.is_waiting()
    assert not latest.is_due()
    latest.wrote(cost_s=0.0)
    assert latest.is_due()


def test_latest_rows_of_the_same_series_become_one_while_they_wait() -> None:
    """A flood must not fill the memory with values that were the newest a moment ago."""
    latest = Latest()
    for time_us in range(30):
        latest.add(batch_of([Row(series, time_us, float(time_us)) for series in range(4_000)]), as_sent=True)
        assert len(latest) <= 104_000

    assert latest.take()[0] == encode_latest(batch_of([Row(series, 29, 29.0) for series in range(4_000)]))
    assert len(latest) == 0
