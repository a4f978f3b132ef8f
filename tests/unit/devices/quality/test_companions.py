"""What was measured elsewhere at a time or shortly before, against a slow search."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.quality.companions import NONE, as_of, is_above, is_humid

KEYS_AND_TIMES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=25)


@given(KEYS_AND_TIMES, KEYS_AND_TIMES, st.integers(0, 8))
def test_as_of_finds_the_last_source_of_its_key_that_is_not_too_old(
    wanted: list[tuple[int, int]], sources: list[tuple[int, int]], within: int
) -> None:
    """Of the same key, at the time or before it, within the time given; of several at one time the last one."""
    found = as_of(*_arrays(wanted), *_arrays(sources), within)

    for (key, time), at in zip(wanted, found.tolist(), strict=True):
        fitting = [(other[1], i) for i, other in enumerate(sources) if other[0] == key and time - within <= other[1] <= time]
        assert at == (max(fitting)[1] if fitting else NONE)


def test_is_humid_and_is_above_say_nothing_where_there_is_no_source() -> None:
    """Without a humidity or another metric there is no doubt; limits themselves are no doubt either."""
    sources = np.array([NONE, 0, 1], np.int64)

    assert is_humid(np.array([95.0, 95.1]), sources, np.array([95.0])).tolist() == [False, False, True]
    assert is_above(np.array([9.0, 11.0, 11.0]), np.array([10.0, 9.0]), sources, np.array([1.1])).tolist() == [
        False,
        False,
        True,
    ]


def _arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    columns = np.array(rows, np.int64).reshape(-1, 2)
    return columns[:, 0].astype(np.int32), columns[:, 1]
