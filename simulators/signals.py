"""What the simulated devices measure: takes times, gives values with plausible days, weeks and seasons; pure.

A value depends only on seed, device and time, never on what was asked before: a reading sent late or twice is the same reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simulators.noise import between, normal, uniform, wander
from simulators.ukclock import local_time
from simulators.weather import air_temperature, relative_humidity, road_surface_temperature, wetness

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DAY_S = 86_400.0
COUNT_INTERVAL_S = 60.0
"""Vehicles are counted over this time [s]."""


class Where(NamedTuple):
    """The devices and times of a signal: arrays of one length, and the sky they share, shape (1,)."""

    sky: NDArray[np.uint64]
    device: NDArray[np.uint64]
    time_us: NDArray[np.int64]

    @property
    def time_s(self) -> Floats:
        """Times [s since 1970]."""
        return self.time_us / 1e6


def measure(signal: str, at: Where) -> Floats:
    """Give the values of one signal in its metric's unit; NaN where the device has nothing to say."""
    return SIGNALS[signal](at)


def _pm2_5(at: Where) -> Floats:
    """Fine dust [µg/m³]: stoves on winter evenings, still air, rain that washes it out."""
    clock = local_time(at.time_us)
    winter = 0.5 + 0.5 * np.cos(2 * np.pi * (clock.year_part - 0.04))
    stoves = winter * _bump(clock.hour, 20.0, 3.0)
    still = 1.0 + 0.6 * wander(at.sky, "still air", at.time_s, 2.5 * _DAY_S)
    washed = np.exp(-0.08 * wetness(at.sky, at.time_us, 3.0, 0.0))
    level = (5.0 + 3.0 * winter + 7.0 * stoves + 1.5 * _rush(clock.hour, clock.weekday)) * still * washed
    return np.clip(level * between(0.8, 1.25, at.device, "exposure") + 0.4 * normal(at.device, "pm", at.time_us), 0.3, 400.0)


def _pm10(at: Where) -> Floats:
    """Dust [µg/m³]: the fine part and what dry roads and fields add."""
    clock = local_time(at.time_us)
    dry = 1.0 / (1.0 + wetness(at.sky, at.time_us, 8.0, 0.0))
    coarse = dry * (3.5 + 3.0 * _rush(clock.hour, clock.weekday) + 2.0 * wander(at.device, "dust", at.time_s, 0.4 * _DAY_S))
    return 1.1 * _pm2_5(at) + np.clip(coarse, 0.2, None)


def _no2(at: Where) -> Floats:
    """Nitrogen dioxide [µg/m³]: follows the traffic of the nearest road."""
    clock = local_time(at.time_us)
    cold = 1.0 - 0.3 * np.sin(2 * np.pi * (clock.year_part - 0.25))
    air = 1.0 + 0.4 * wander(at.sky, "still air", at.time_s, 2.5 * _DAY_S)
    level = (5.0 + 16.0 * _rush(clock.hour, clock.weekday)) * cold * air
    return np.clip(level * between(0.5, 1.6, at.device, "roadside") + 0.5 * normal(at.device, "no2", at.time_us), 0.5, 400.0)


def _o3(at: Where) -> Floats:
    """Ozone [µg/m³]: sun makes it, exhaust eats it."""
    clock = local_time(at.time_us)
    spring = 0.5 + 0.5 * np.cos(2 * np.pi * (clock.year_part - 0.38))
    sun = _bump(clock.hour, 15.5, 4.5)
    level = 42.0 + 14.0 * spring + (12.0 + 22.0 * spring) * sun + 9.0 * wander(at.sky, "ozone", at.time_s, 3 * _DAY_S)
    return np.clip(level - 0.45 * _no2(at) + 0.6 * normal(at.device, "o3", at.time_us), 1.0, 300.0)


def _air_temperature(at: Where) -> Floats:
    return air_temperature(at.sky, at.device, at.time_us)


def _relative_humidity(at: Where) -> Floats:
    return relative_humidity(at.sky, at.device, at.time_us)


def _road_surface_temperature(at: Where) -> Floats:
    return road_surface_temperature(at.sky, at.device, at.time_us)


def _flow(at: Where) -> Floats:
    """Vehicles an hour past a point."""
    clock = local_time(at.time_us)
    busy = np.where(clock.weekday < 5, 1.0, np.where(clock.weekday == 5, 0.85, 0.7))
    summer = 1.0 + 0.25 * np.clip(np.cos(2 * np.pi * (clock.year_part - 0.6)), 0.0, None)
    shape = 0.03 + 0.55 * _bump(clock.hour, 13.5, 4.8) + 0.75 * _rush(clock.hour, clock.weekday)
    return between(150.0, 1_400.0, at.device, "importance") * busy * summer * shape


def _vehicle_count(at: Where) -> Floats:
    """Vehicles in the last minute: scattered like chance passers-by."""
    expected = _flow(at) * COUNT_INTERVAL_S / 3_600.0
    return np.clip(np.rint(expected + np.sqrt(expected) * normal(at.device, "passing", at.time_us)), 0.0, 300.0)


def _speed_mean_time(at: Where) -> Floats:
    """Mean speed [km/h]: slower in the rush and in rain; nothing to say when nobody passed."""
    free = between(46.0, 94.0, at.device, "free speed")
    crowded = np.clip(_flow(at) / 1_500.0, 0.0, 1.0)
    wet = np.clip(wetness(at.sky, at.time_us, 1.0, 0.0), 0.0, 4.0)
    speed = free * (1.0 - 0.35 * crowded**2) - wet + 2.0 * normal(at.device, "speed", at.time_us)
    return np.where(_vehicle_count(at) > 0, np.clip(speed, 8.0, 140.0), np.nan)


def _occupancy(at: Where) -> Floats:
    """Part of the time a vehicle stands over the detector [%]."""
    speed = np.nan_to_num(_speed_mean_time(at), nan=50.0)
    per_hour = _vehicle_count(at) * 3_600.0 / COUNT_INTERVAL_S
    return np.clip(per_hour / speed * 0.55, 0.0, 100.0)  # 5.5 m of vehicle and detector


def _fill_level(at: Where) -> Floats:
    """How full a bin is [%]: fills by day, faster at weekends, and is emptied every few days."""
    every_s = np.floor(between(2.0, 8.0, at.device, "round")) * _DAY_S
    round_offset_s = between(5.0, 11.0, at.device, "collected at") * 3_600.0 + between(0.0, 7.0, at.device, "day") // 1 * _DAY_S
    cycle = np.floor((at.time_s - round_offset_s) / every_s).astype(np.int64)
    emptied_s = cycle * every_s + round_offset_s
    full_days = every_s / _DAY_S * between(0.85, 1.5, at.device, "litter", cycle)
    rubbish = _daytime_days(at.time_s) - _daytime_days(emptied_s)
    left_over = between(0.0, 4.0, at.device, "left over", cycle)
    return np.clip(left_over + 100.0 * rubbish / full_days, 0.0, 100.0)


def _daytime_days(time_s: Floats) -> Floats:
    """Days since 1970 as a bin sees them: nearly all of a day passes between morning and evening."""
    whole = np.floor(time_s / _DAY_S)
    hour = (time_s / _DAY_S - whole) * 24.0
    return whole + 0.04 * hour / 24.0 + 0.96 * np.clip((hour - 8.0) / 12.0, 0.0, 1.0)


def _gully_level(at: Where) -> Floats:
    """Water in a gully pot [m]: up in a shower, down within hours, slower where silt has settled."""
    return np.clip(
        between(0.05, 0.15, at.device, "standing water")
        + between(0.01, 0.03, at.device, "catchment") * wetness(at.sky, at.time_us, 2.5, 0.1)
        + 0.002 * normal(at.device, "gully", at.time_us),
        0.0,
        2.0,
    )


def _river_level(at: Where) -> Floats:
    """Water in a river above its datum [m]: rises hours after rain, falls for days."""
    clock = local_time(at.time_us)
    base = between(0.25, 0.8, at.device, "depth") + 0.15 * np.cos(2 * np.pi * (clock.year_part - 0.1))
    rise = between(0.012, 0.035, at.device, "catchment") * wetness(at.sky, at.time_us, 26.0, 5.0)
    return np.clip(base + rise + 0.003 * normal(at.device, "ripples", at.time_us), 0.02, 6.0)


def _silt_depth(at: Where) -> Floats:
    """Silt in a gully pot [mm]: grows for months until it is jetted."""
    part, cycle = _ageing(at, "jetting", 150.0, 400.0)
    deep = between(180.0, 520.0, at.device, "silt", cycle)
    return np.clip(20.0 + deep * part + 2.0 * normal(at.device, "silt", at.time_us), 0.0, 1_200.0)


def _battery_level(at: Where) -> Floats:
    """Charge left [%]: falls for years until somebody brings a new battery."""
    part, _cycle = _ageing(at, "battery", 700.0, 2_200.0)
    return np.clip(100.0 - 95.0 * part, 3.0, 100.0)


def _battery_voltage(at: Where) -> Floats:
    """Voltage of a lithium cell [V]: flat for years, then a cliff; a little lower in the cold."""
    part, _cycle = _ageing(at, "battery", 700.0, 2_200.0)
    cold = 0.002 * (air_temperature(at.sky, at.device, at.time_us) - 15.0)
    return np.clip(3.62 - 0.06 * part - 0.55 * part**30 + cold, 2.5, 3.7)


def _ageing(at: Where, what: str, shortest_days: float, longest_days: float) -> tuple[Floats, NDArray[np.int64]]:
    """Part of a service life that is over, [0, 1), and the number of the life."""
    life_s = between(shortest_days, longest_days, at.device, what) * _DAY_S
    lives = at.time_s / life_s + uniform(at.device, what + "/start")
    cycle = np.floor(lives).astype(np.int64)
    return lives - cycle, cycle


def _rush(hour: Floats, weekday: NDArray[np.int64]) -> Floats:
    """How much of a rush hour it is, [0, 1]: morning and evening on working days, a late stir at weekends."""
    working = np.maximum(_bump(hour, 8.2, 1.1), _bump(hour, 17.2, 1.5))
    return np.where(weekday < 5, working, 0.45 * _bump(hour, 12.5, 3.0))


def _bump(hour: Floats, top: float, width: float) -> Floats:
    """Bell around an hour of the day, 1 at its top, the same at midnight from both sides."""
    away = np.abs((hour - top + 12.0) % 24.0 - 12.0)
    return np.exp(-0.5 * (away / width) ** 2)


SIGNALS: dict[str, Callable[[Where], Floats]] = {
    "pm2_5": _pm2_5,
    "pm10": _pm10,
    "no2": _no2,
    "o3": _o3,
    "air_temperature": _air_temperature,
    "relative_humidity": _relative_humidity,
    "road_surface_temperature": _road_surface_temperature,
    "vehicle_count": _vehicle_count,
    "speed_mean_time": _speed_mean_time,
    "occupancy": _occupancy,
    "fill_level": _fill_level,
    "gully_level": _gully_level,
    "river_level": _river_level,
    "silt_depth": _silt_depth,
    "battery_level": _battery_level,
    "battery_voltage": _battery_voltage,
}
"""Every signal by its name; in the unit of the metric of that name, the levels in metres."""
