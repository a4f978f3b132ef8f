"""Warm-up after a device was put up, and after silences, against one reading after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.quality.judge import NEVER_US
from devices.quality.warm_up import is_new_here, resumed

EVER_US = np.iinfo(np.int64).min


def test_is_new_here_up_to_the_end_of_the_warm_up() -> None:
    """The minute it ends counts again; a deployment since ever has no start, and some devices need no warm-up."""
    new = is_new_here(np.array([99, 100, 0, 50, 49]), np.array([50, 50, EVER_US, 50, 50]), np.array([50, 50, 50, 0, 50]))

    assert new.tolist() == [True, False, False, False, False]


@given(st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=10), min_size=1, max_size=4), st.integers(1, 15))
def test_resumed_is_the_last_reading_after_a_long_gap(gaps: list[list[int]], silence: int) -> None:
    """In each series; what was known before counts until the next silence."""
    flat = np.array([gap for series in gaps for gap in series], np.int64)
    times = np.cumsum(flat)
    first = np.cumsum([0, *map(len, gaps)][:-1]).astype(np.intp)
    known = np.where(np.arange(len(gaps)) % 2, NEVER_US, -5)

    found = resumed(flat, times, np.full(len(flat), silence), first, known)

    expected, at = [], 0
    for series, since in zip(gaps, known.tolist(), strict=True):
        for gap in series:
            since = int(times[at]) if gap > silence else since  # noqa: PLW2901 - what is known moves on
            expected.append(since)
            at += 1
    assert found.tolist() == expected
