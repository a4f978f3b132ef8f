"""The order of readings, however far apart their keys and times lie."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.order import order_of


@given(st.data(), st.integers(1, 31), st.integers(1, 62))
def test_order_is_stable_by_key_and_time(data: st.DataObject, key_bits: int, time_bits: int) -> None:
    """Whether all, two or none of key, time and place fit into one number, what is equal stays as it came."""
    keys = st.integers(-(2 ** (key_bits - 1)), 2 ** (key_bits - 1) - 1) | st.just(-1)
    times = st.integers(0, 2**time_bits - 1) | st.just(5)
    rows = data.draw(st.lists(st.tuples(keys, times), max_size=30))

    found = order_of(np.array([key for key, _ in rows], np.int32), np.array([at for _, at in rows], np.int64))

    assert found.tolist() == sorted(range(len(rows)), key=rows.__getitem__)
