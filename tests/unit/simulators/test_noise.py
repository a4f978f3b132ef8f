"""Tests of simulators/noise.py."""

from __future__ import annotations

import numpy as np

from simulators.noise import between, keys_of, normal, uniform, wander

POSITIONS = np.arange(-50_000, 50_000, dtype=np.int64)


def test_uniform_many_positions_fills_the_interval_evenly() -> None:
    """Numbers lie in [0, 1) and every tenth of it holds about a tenth of them."""
    drawn = uniform(keys_of(1, ["a"]), "test", POSITIONS)

    counts, _edges = np.histogram(drawn, bins=10, range=(0, 1))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert counts.sum() == len(POSITIONS)
    assert np.abs(counts / len(POSITIONS) - 0.1).max() < 0.005


def test_uniform_neighbours_are_not_alike() -> None:
    """Positions side by side, and keys side by side, have nothing to do with each other."""
    drawn = uniform(keys_of(1, ["a"]), "test", POSITIONS)
    other_key = uniform(keys_of(1, ["b"]), "test", POSITIONS)
    other_purpose = uniform(keys_of(1, ["a"]), "another", POSITIONS)

    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(drawn, other_key)[0, 1]) < 0.02
    assert abs(np.corrcoef(drawn, other_purpose)[0, 1]) < 0.02


def test_uniform_asked_one_by_one_gives_what_it_gives_together() -> None:
    """A number depends on key and position alone, not on what else is asked."""
    keys = keys_of(7, [str(number) for number in range(20)])
    together = uniform(keys, "test", POSITIONS[:20])

    assert together.tolist() == [float(uniform(keys[i : i + 1], "test", POSITIONS[i : i + 1])[0]) for i in range(20)]


def test_keys_another_seed_gives_other_keys() -> None:
    """Seeds tell counties apart."""
    names = [str(number) for number in range(1_000)]

    assert len(set(keys_of(1, names).tolist()) | set(keys_of(2, names).tolist())) == 2_000


def test_between_stays_within_its_limits() -> None:
    """Numbers lie in [low, high)."""
    drawn = between(-3, 5, keys_of(1, ["a"]), "test", POSITIONS)

    assert drawn.min() >= -3
    assert drawn.max() < 5


def test_normal_has_mean_0_and_deviation_1() -> None:
    """The bell has the place and width it should, and no infinity."""
    drawn = normal(keys_of(1, ["a"]), "test", POSITIONS)

    assert np.isfinite(drawn).all()
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02


def test_wander_is_smooth_and_bounded() -> None:
    """The curve stays in [-1, 1] and moves little within a hundredth of its period."""
    curve = wander(keys_of(1, ["a"]), "test", np.arange(0, 100_000, 1.0), 100.0)

    assert np.abs(curve).max() <= 1
    assert np.abs(curve).max() > 0.9
    assert np.abs(np.diff(curve)).max() < 0.04
