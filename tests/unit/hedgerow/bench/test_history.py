"""A history has the rows asked for, each key once, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from hedgerow.bench.history import History, end_of_history, months_before


def test_history_batches_hold_every_key_once_in_the_order_of_time() -> None:
    """However it is cut, each series has all its readings, evenly spread from the start to the end."""
    series = np.array([3, 70_000, 12], np.int32)
    start_s, end_s = 1_700_000_000, 1_700_000_000 + 90 * 86_400
    history = History(series, 400_000, start_s, end_s)

    batches = list(history.batches())

    assert sum(map(len, batches)) == history.rows == 1_200_000
    assert len(batches) > 1
    for earlier, later in pairwise(batches):
        for one in series:
            assert earlier.time_us[earlier.series == one].max() < later.time_us[later.series == one].min()
    for batch in batches:
        order = np.lexsort((batch.time_us, batch.series))
        assert (order == np.arange(len(batch))).all()
    times_us = np.concatenate([batch.time_us[batch.series == 12] for batch in batches])
    assert len(np.unique(times_us)) == 400_000
    assert start_s * 1_000_000 <= times_us.min()
    assert times_us.max() < end_s * 1_000_000
    assert len(np.unique(np.diff(times_us))) == 1


def test_history_ends_in_a_month_that_is_nearly_full() -> None:
    """It ends on a 28th that is over, and no reading of eleven months is older than a clock is believed (400 days)."""
    end_s, now_s = end_of_history(), datetime.now(UTC).timestamp()

    end = datetime.fromtimestamp(end_s, UTC)
    assert (end.day, end.hour, end.minute, end.second) == (28, 0, 0, 0)
    assert 86_400 <= now_s - end_s < 33 * 86_400
    assert now_s - months_before(end_s, 11) < 400 * 86_400
