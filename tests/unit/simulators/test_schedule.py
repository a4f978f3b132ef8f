"""Tests of simulators/schedule.py."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from simulators.noise import keys_of
from simulators.schedule import at_intervals, at_rate

START_US = 1_790_000_000_123_456
KEYS = keys_of(1, [str(number) for number in range(40)])
INTERVALS_US = np.resize([300_000_000, 900_000_000, 21_600_000_000, 45_000_000], 40).astype(np.int64)
DAY_US = 86_400_000_000


def test_at_rate_pieces_are_one_even_stream() -> None:
    """Asked piece by piece or at once, the stream is the same: devices in turn, evenly in time."""
    whole = at_rate(7, 1_000, 0, 5_000, START_US)
    pieces = [at_rate(7, 1_000, first, 100, START_US) for first in range(0, 5_000, 100)]

    assert np.concatenate([piece.measured_us for piece in pieces]).tolist() == whole.measured_us.tolist()
    assert np.concatenate([piece.device for piece in pieces]).tolist() == whole.device.tolist()
    assert set(np.diff(whole.measured_us).tolist()) == {1_000}
    assert np.bincount(whole.device).max() - np.bincount(whole.device).min() <= 1


def test_at_rate_no_two_messages_of_a_device_share_a_time() -> None:
    """Times are as fine as microseconds: even 40,000 a second stay apart."""
    due = at_rate(3, 40_000, 0, 20_000, START_US)

    assert len(set(zip(due.device.tolist(), due.measured_us.tolist(), strict=True))) == 20_000


def test_at_intervals_every_device_keeps_its_interval() -> None:
    """Within a day each device sends as often as it should, evenly, and nothing lies outside."""
    due = at_intervals(KEYS, INTERVALS_US, START_US, START_US + DAY_US)

    assert due.measured_us.min() >= START_US
    assert due.measured_us.max() < START_US + DAY_US
    assert (np.diff(due.measured_us) >= 0).all()
    for device, interval_us in enumerate(INTERVALS_US.tolist()):
        times = due.measured_us[due.device == device]
        assert abs(len(times) - DAY_US / interval_us) <= 1
        assert set(np.diff(times).tolist()) == {interval_us}


def test_at_intervals_neighbouring_stretches_share_nothing_and_miss_nothing() -> None:
    """A day is the sum of its hours, wherever it begins: history and live messages fit together."""
    day = at_intervals(KEYS, INTERVALS_US, START_US, START_US + DAY_US)
    cuts = [START_US, START_US + 1, START_US + 5_000_000_000, START_US + 5_000_000_001, START_US + DAY_US]
    parts = [at_intervals(KEYS, INTERVALS_US, begin, end) for begin, end in pairwise(cuts)]

    assert np.concatenate([part.measured_us for part in parts]).tolist() == day.measured_us.tolist()
    assert sum(map(len, parts)) == len(day) > 10_000
