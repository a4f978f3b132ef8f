"""Probes: percentiles of what was seen, and who counts."""

from __future__ import annotations

import pytest

from hedgerow.bench.probes import Latencies, Probes


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99), (1.0, 1.0), (0.001, 0.01)])
def test_latencies_at_a_share_is_the_nearest_rank(share: float, expected: float) -> None:
    """A percentile is a time that was measured: no smaller one covers such a share of the probes."""
    seconds = [number / 100 for number in range(100, 0, -1)]

    assert Latencies(seconds, 0.005).at(share) == expected


def test_latencies_of_few_probes_do_not_flatter() -> None:
    """Of ten probes the worst one is the 99th percentile; of none there is none."""
    assert Latencies([0.1] * 9 + [7.0], 0.005).ms_at(0.99) == 7000.0
    assert Latencies([], 0.005).ms_at(0.99) is None


def test_probes_give_times_from_publishing_to_first_sight() -> None:
    """Each probe's own times are subtracted, whatever the order in which they were seen; older ones can be left out."""
    probes = Probes(sent_s=[10.0, 11.0, 12.0], seen_s={2: 12.5, 0: 14.0, 1: 11.25})

    assert probes.visible == 3
    assert probes.latencies(0.005).seconds == [4.0, 0.25, 0.5]
    assert probes.latencies(0.005, since_s=10.5).seconds == [0.25, 0.5]
