"""The weather of the simulated county: one sky for all its sites, a little different at each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.noise import between, keys_of, normal, uniform, wander
from simulators.ukclock import local_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOUR_S = 3_600.0
_SHOWER_S = 6 * _HOUR_S
"""The sky decides once in this time [s] whether a shower begins."""


def sky_of(seed: int) -> NDArray[np.uint64]:
    """Give the key of the weather that all sites of one county share, shape (1,)."""
    return keys_of(seed, ["sky"])


def air_temperature(sky: NDArray[np.uint64], site: NDArray[np.uint64], time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Temperature of the air [°C]: season, time of day, passing weather, height of the site."""
    clock = local_time(time_us)
    season = -np.cos(2 * np.pi * (clock.year_part - 0.075))
    day = np.cos(2 * np.pi * (clock.hour - 15.0) / 24.0) * (3.4 + 2.2 * season)
    passing = 4.2 * wander(sky, "fronts", time_us / 1e6, 4 * 86_400.0)
    return 10.6 + 6.2 * season + day + passing + between(-0.9, 0.6, site, "height") + _local_air(site, time_us)


def relative_humidity(sky: NDArray[np.uint64], site: NDArray[np.uint64], time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Relative humidity [%]: falls as the day warms, rises in rain."""
    clock = local_time(time_us)
    day = np.cos(2 * np.pi * (clock.hour - 15.0) / 24.0)
    damp = 7.0 * wander(sky, "damp", time_us / 1e6, 3 * 86_400.0) + 4.0 * np.minimum(wetness(sky, time_us, 4.0, 0.0), 2.5)
    return np.clip(80.0 - 11.0 * day + damp + 2.0 * _local_air(site, time_us), 25.0, 100.0)


def road_surface_temperature(
    sky: NDArray[np.uint64], site: NDArray[np.uint64], time_us: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Temperature of the road [°C]: the sun warms tarmac more than air, a clear night cools it more."""
    clock = local_time(time_us)
    season = -np.cos(2 * np.pi * (clock.year_part - 0.055))
    sun = np.clip(np.cos(2 * np.pi * (clock.hour - 13.0) / 24.0) + 0.35 * season, 0.0, None)
    clear = 0.5 + 0.5 * wander(sky, "cloud", time_us / 1e6, 86_400.0)
    return air_temperature(sky, site, time_us) - 1.8 * clear + sun * (3.0 + 4.5 * (1 + season) * clear)


def wetness(sky: NDArray[np.uint64], time_us: NDArray[np.int64], drains_h: float, lag_h: float) -> NDArray[np.float64]:
    """How much of the rain of the past is still about [mm].

    Parameters
    ----------
    drains_h
        After this time [h] e-fold less is left.
    lag_h
        The water takes this time [h] to arrive, and rises for as long.
    """
    time_s = time_us / 1e6
    cell = np.floor(time_s / _SHOWER_S).astype(np.int64)
    left = np.zeros(len(time_us))
    for back in range(int((6 * drains_h + 2 * lag_h + 4) * _HOUR_S / _SHOWER_S) + 2):  # then e**-6 is left
        start_s, depth_mm, lasts_s = _shower(sky, cell - back)
        since_s = time_s - start_s - lag_h * _HOUR_S
        risen = np.clip(since_s / (lasts_s + lag_h * _HOUR_S), 0.0, 1.0)
        drained = np.clip(since_s - lasts_s - lag_h * _HOUR_S, 0.0, None) / (drains_h * _HOUR_S)
        left += depth_mm * risen * np.exp(-drained)
    return left


def _shower(
    sky: NDArray[np.uint64], cell: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Start [s since 1970], depth [mm] and length [s] of the shower of each cell of time; depth 0 where it stays dry."""
    start_s = (cell + uniform(sky, "shower start", cell)) * _SHOWER_S
    is_wet = uniform(sky, "shower", cell) < 0.32
    depth_mm = np.where(is_wet, 0.4 - 3.5 * np.log1p(-uniform(sky, "shower depth", cell)), 0.0)
    return start_s, np.minimum(depth_mm, 30.0), between(1_800.0, 14_400.0, sky, "shower length", cell)


def _local_air(site: NDArray[np.uint64], time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add what only this site feels: a slow wandering and a breath of noise."""
    slow = 0.6 * wander(site, "air", time_us / 1e6, 2 * _HOUR_S)
    return slow + 0.08 * normal(site, "air", time_us)
