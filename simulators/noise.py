"""Chance without memory: random numbers that depend only on a key and a position, so a repeated reading is the same reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def keys_of(seed: int, names: Iterable[str]) -> NDArray[np.uint64]:
    """Give each name its own 64-bit key under a seed."""
    return np.array([xxhash.xxh3_64_intdigest(f"{seed}/{name}".encode()) for name in names], np.uint64)


def subkeys(keys: NDArray[np.uint64], purpose: str) -> NDArray[np.uint64]:
    """Derive keys for one purpose: what is drawn for one tells nothing about another."""
    return _mixed(keys ^ np.uint64(xxhash.xxh3_64_intdigest(purpose.encode())))


def uniform(keys: NDArray[np.uint64], purpose: str, position: NDArray[np.int64] | int = 0) -> NDArray[np.float64]:
    """Draw numbers in [0, 1), one for each pair of key and position."""
    at = np.asarray(position, np.int64).astype(np.uint64)
    drawn = _mixed(subkeys(keys, purpose) + at * _GOLDEN)
    return (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53


def between(
    low: float, high: float, keys: NDArray[np.uint64], purpose: str, position: NDArray[np.int64] | int = 0
) -> NDArray[np.float64]:
    """Draw numbers in [low, high)."""
    return low + (high - low) * uniform(keys, purpose, position)


def normal(keys: NDArray[np.uint64], purpose: str, position: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw numbers with mean 0 and standard deviation 1 (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(keys, purpose + "/radius", position)))
    return radius * np.cos(2.0 * np.pi * uniform(keys, purpose + "/angle", position))


def wander(keys: NDArray[np.uint64], purpose: str, time_s: NDArray[np.float64], period_s: float) -> NDArray[np.float64]:
    """Give a smooth random curve in [-1, 1] that changes its mind about once in `period_s` [s]."""
    steps = time_s / period_s
    before = np.floor(steps).astype(np.int64)
    part = steps - before
    ease = part * part * (3.0 - 2.0 * part)
    left, right = uniform(keys, purpose, before), uniform(keys, purpose, before + 1)
    return 2.0 * (left + (right - left) * ease) - 1.0


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (the finaliser of SplitMix64); arrays wrap around without a warning."""
    z = numbers + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))
