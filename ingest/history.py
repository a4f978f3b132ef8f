"""History: stored readings of one series as arrays, and the flags that the rules give them; only the reading is not pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from devices.doubts import doubts_of_value
from devices.flags import Flag
from devices.quality.companions import HUMID_FOR_US, as_of, is_above, is_humid
from devices.quality.judge import judge
from devices.quality.warm_up import is_new_here
from ingest.recent import NO_NEIGHBOUR
from sql.queries import query

if TYPE_CHECKING:
    import psycopg
    from numpy.typing import NDArray

    from devices.quality.judge import Known
    from devices.registry import Registry

OWNED = (
    Flag.OUT_OF_RANGE
    | Flag.STEP
    | Flag.FLATLINE
    | Flag.SPIKE
    | Flag.SENTINEL
    | Flag.WARM_UP
    | Flag.HUMIDITY
    | Flag.CROSS_CHECK
    | Flag.BATTERY_LOW
)
"""Flags that the rules set and clear; the others are what arrival, people and corrections have said."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Readings of one series in the order of their times, as parallel arrays."""

    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    is_open: NDArray[np.bool_]
    """Whether people have left them to the rules: not where they are ratified or adjusted."""

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.time_us)


@dataclass(frozen=True, slots=True)
class Series:
    """A series of the registry."""

    series_id: int
    site_id: int
    metric_id: int
    channel: str
    name: str
    """Of its site and metric."""


def read_stored(
    connection: psycopg.Connection, series_id: int, from_us: int, to_us: int | None = None, most: int | None = None
) -> Stored:
    """Read stored readings from `from_us` up to, but not including, `to_us` [µs since 1970]; `most` of them."""
    values = {"series": series_id, "from_us": from_us, "to_us": to_us, "most": most}
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query("read_to_judge"), values).fetchall()
    time_us, value, flags, is_open = zip(*rows, strict=True) if rows else [()] * 4
    return Stored(np.array(time_us, np.int64), np.array(value, np.float64), np.array(flags, np.int16), np.array(is_open, bool))


class Line:
    """One series with what the registry says of it: which metric it is, and whose devices stood there when."""

    def __init__(self, series: Series, registry: Registry) -> None:
        self.series = series
        self._registry = registry
        self.metric = int(np.flatnonzero(registry.metric_ids == series.metric_id)[0])
        place = (series.site_id, series.channel)
        at = registry.places.index(place) if place in registry.places else None
        rows = (
            np.flatnonzero(registry.deployment_place == at)
            if registry.rules.has_profiles and at is not None
            else np.empty(0, int)
        )
        self._deployments = rows[np.argsort(registry.deployment_from_us[rows], kind="stable")]

    def profiles(self, time_us: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]] | None:
        """Give the profile of the device that stood there last at each time, and since when; None where none matters."""
        if not len(self._deployments):
            return None
        registry = self._registry
        device = np.searchsorted(registry.first_deployment, self._deployments, side="right") - 1
        profiles, from_us = registry.device_profile[device], registry.deployment_from_us[self._deployments]
        which = np.maximum(np.searchsorted(from_us, time_us, side="right") - 1, 0)
        return profiles[which], from_us[which]

    def alone(self, stored: Stored) -> NDArray[np.int16]:
        """Flag readings by themselves, shape (n,)."""
        told = self.profiles(stored.time_us)
        metric = np.full(len(stored), self.metric, np.int32)
        flags = doubts_of_value(stored.value, metric, self._registry, told and told[0])
        if told is not None:
            new = is_new_here(stored.time_us, told[1], self._registry.rules.warm_up_us[told[0]])
            flags |= new * np.int16(Flag.WARM_UP)
        return flags

    def judge(self, stored: Stored, alone: NDArray[np.int16], known: Known) -> tuple[NDArray[np.int16], bool, Known]:
        """Flag readings beside those before them; tell whether the last one known is a spike, and what is known now."""
        rows = np.flatnonzero(alone & np.int16(NO_NEIGHBOUR) == 0)
        flags = np.zeros(len(stored), np.int16)
        if not len(rows):
            return flags, False, known
        told = self.profiles(stored.time_us[rows])
        metric = np.full(len(rows), self.metric, np.int32)
        judged = judge(
            np.zeros(1, np.intp),
            stored.time_us[rows],
            stored.value[rows],
            metric,
            told and told[0],
            self._registry.rules,
            known,
        )
        flags[rows] = judged.flags
        return flags, bool(judged.known_is_spike[0]), judged.known

    def beside(self, stored: Stored, humidity: Stored, bound: Stored) -> NDArray[np.int16]:
        """Flag readings beside those of other series, of which each has only what is a measurement at all."""
        rules = self._registry.rules
        damp = is_humid(humidity.value, _as_of(stored, humidity, HUMID_FOR_US), rules.humid_above[[self.metric]])
        crossed = is_above(stored.value, bound.value, _as_of(stored, bound, 0), rules.not_above_times[[self.metric]])
        crossed &= self.alone(stored) & np.int16(NO_NEIGHBOUR) == 0
        return damp * np.int16(Flag.HUMIDITY) | crossed * np.int16(Flag.CROSS_CHECK)

    def good(self, stored: Stored) -> Stored:
        """Give what is a measurement at all."""
        rows = self.alone(stored) & np.int16(NO_NEIGHBOUR) == 0
        return Stored(stored.time_us[rows], stored.value[rows], stored.flags[rows], stored.is_open[rows])


NOTHING = Stored(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int16), np.empty(0, bool))


def joined(parts: list[Stored]) -> Stored:
    """Put the readings of several series together."""
    return Stored(
        np.concatenate([part.time_us for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.flags for part in parts]),
        np.concatenate([part.is_open for part in parts]),
    )


def _as_of(stored: Stored, source: Stored, within_us: int) -> NDArray[np.int64]:
    return as_of(np.zeros(len(stored), np.int32), stored.time_us, np.zeros(len(source), np.int32), source.time_us, within_us)
