"""The simulated county: invented places, and the devices that stand in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from simulators.noise import keys_of, uniform
from simulators.weather import sky_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric that a kind of device sends."""

    metric: str
    signal: str
    decimals: int
    """Resolution of the sensor, in the unit it sends."""
    unit: str = ""
    """SenML unit the message names; empty: none, the value is in the metric's own unit."""
    sent_as: str = ""
    """Name in the message where it is an alias of the metric."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What devices of one make have in common."""

    key: str
    name: str
    domain: str
    interval_s: int
    form: Literal["senml", "flat"]
    places: tuple[str, ...]
    """Where such devices stand: the second half of a site's name."""
    measures: tuple[Measure, ...]
    is_counting: bool = False
    """Whether it counts over its interval: sent more often, its sums would be wrong."""


AIR = Kind(
    "air",
    "Air quality station",
    "air_quality",
    900,
    "senml",
    ("High Street", "school", "market place", "church rooms"),
    (
        Measure("pm2_5", "pm2_5", 1, "ug/m3"),
        Measure("pm10", "pm10", 1, "ug/m3"),
        Measure("no2", "no2", 1, "ug/m3"),
        Measure("o3", "o3", 1, "ug/m3"),
        Measure("air_temperature", "air_temperature", 1, "Cel"),
        Measure("relative_humidity", "relative_humidity", 1, "%RH"),
    ),
)
TRAFFIC = Kind(
    "traffic",
    "Traffic counter",
    "traffic",
    60,
    "senml",
    ("crossroads", "bridge", "bypass", "turnpike"),
    (
        Measure("vehicle_count", "vehicle_count", 0, "count"),
        Measure("speed_mean_time", "speed_mean_time", 1, "km/h"),
        Measure("occupancy", "occupancy", 2, "/100"),
    ),
    is_counting=True,
)
BIN = Kind(
    "bin",
    "Litter bin",
    "asset",
    3_600,
    "flat",
    ("green bin", "car park bin", "playing field bin", "bus stop bin"),
    (
        Measure("fill_level", "fill_level", 0, sent_as="fill"),
        Measure("air_temperature", "air_temperature", 1, sent_as="temperature"),
        Measure("battery_level", "battery_level", 0, sent_as="battery"),
    ),
)
RIVER = Kind(
    "river",
    "River gauge",
    "asset",
    900,
    "senml",
    ("ford", "weir", "mill", "water meadows"),
    (Measure("water_level", "river_level", 1, "cm"), Measure("battery_voltage", "battery_voltage", 3, "V")),
)
GULLY = Kind(
    "gully",
    "Gully sensor",
    "asset",
    21_600,
    "flat",
    ("hill gully", "lane end gully", "station road gully"),
    (
        Measure("silt_depth", "silt_depth", 0),
        Measure("water_level", "gully_level", 3),
        Measure("battery_voltage", "battery_voltage", 3, sent_as="vbat"),
    ),
)
ROAD = Kind(
    "road",
    "Road weather station",
    "asset",
    1_200,
    "senml",
    ("down", "hollow", "long hill", "cutting"),
    (
        Measure("road_surface_temperature", "road_surface_temperature", 1, "Cel"),
        Measure("air_temperature", "air_temperature", 1, "Cel"),
        Measure("relative_humidity", "relative_humidity", 0, "%RH"),
    ),
)
KINDS = (AIR, TRAFFIC, BIN, RIVER, GULLY, ROAD)

_MIX = (TRAFFIC, AIR, BIN, RIVER, TRAFFIC, AIR, GULLY, TRAFFIC, ROAD, AIR, BIN, TRAFFIC)
"""Kinds in turn, so that three devices already cover all domains."""

_FORENAMES = ("", "Nether", "Upper", "Lower", "Great", "Little", "East", "West", "North", "South", "Long", "Old")
_STEMS = (
    "Alderwick", "Brackenhay", "Cuckmarsh", "Dunnelford", "Ebbleton", "Fernicombe", "Gorseleigh", "Hawkhurn", "Inglebourne",
    "Jackstoke", "Kestrelton", "Larkhanger", "Marlbottom", "Nutscombe", "Otterhay", "Pucksey", "Quarrelwood", "Rookminster",
    "Sallowfield", "Thistledown", "Umberleaze", "Vixenhope", "Wrenbury Marsh", "Yaffleton",
)  # fmt: skip
_SURNAMES = ("", "Magna", "Parva", "Abbots", "Regis", "in the Vale", "under Ridge", "on the Brook")

_LATITUDES, _LONGITUDES = (50.74, 50.98), (-2.85, -1.95)
"""A rural rectangle of southern England, all of it land."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulated device and the site it stands at."""

    uid: str
    name: str
    kind: Kind
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class County:
    """Devices, and what their signals and schedules are drawn from; columns are parallel to `devices`."""

    seed: int
    devices: Sequence[Simulated]
    keys: NDArray[np.uint64]
    sky: NDArray[np.uint64]

    @property
    def intervals_us(self) -> NDArray[np.int64]:
        """How often each device naturally sends [µs]."""
        return np.array([device.kind.interval_s for device in self.devices], np.int64) * 1_000_000

    def hurried_us(self, times_faster: float) -> NDArray[np.int64]:
        """How often each device sends [µs] when those that can are made to hurry."""
        counting = np.array([device.kind.is_counting for device in self.devices])
        hurried = np.maximum(np.rint(self.intervals_us / times_faster), 1_000.0).astype(np.int64)
        return np.where(counting, self.intervals_us, hurried)


def make_county(seed: int, size: int) -> County:
    """Invent a county with `size` devices; the same seed gives the same county, a bigger one holds the smaller."""
    if size < 1:
        raise ValueError("a county needs at least one device")
    numbers = [str(number) for number in range(size)]
    keys = keys_of(seed, numbers)
    kinds = islice(cycle(_MIX), size)
    north, east = _spread(keys, _LATITUDES, "north"), _spread(keys, _LONGITUDES, "east")
    return County(
        seed=seed,
        devices=[_device(number, *facts) for number, facts in enumerate(zip(kinds, keys.tolist(), north, east, strict=True))],
        keys=keys,
        sky=sky_of(seed),
    )


def _device(number: int, kind: Kind, key: int, latitude: float, longitude: float) -> Simulated:
    name = f"{_place(number)} {kind.places[key % len(kind.places)]}"
    # 02: an address given out locally, nobody's real EUI-64
    uid = f"sim-{kind.key}-{key % 16**10:010x}" if kind.form == "flat" else f"02{key % 16**14:014x}"
    return Simulated(uid, name, kind, latitude, longitude)


def _place(number: int) -> str:
    """Name the n-th place: every stem once, then again with a forename, then with a surname too."""
    rest, at = divmod(number, len(_STEMS))
    rest, forename = divmod(rest, len(_FORENAMES))
    again, surname = divmod(rest, len(_SURNAMES))
    stem = _STEMS[at * 7 % len(_STEMS)]  # 7 and the number of stems share no factor: neighbours in the list stand apart
    parts = (_FORENAMES[forename], stem, _SURNAMES[surname], str(again + 1) if again else "")
    return " ".join(part for part in parts if part)


def _spread(keys: NDArray[np.uint64], limits: tuple[float, float], purpose: str) -> list[float]:
    low, high = limits
    drawn = low + (high - low) * uniform(keys, purpose)
    return [round(position, 5) for position in drawn.tolist()]
