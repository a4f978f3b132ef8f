"""Beside: holds readings against other series at their place: the humidity of a site, and metrics that bound each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.quality.companions import HUMID_FOR_US, NONE, as_of, is_above, is_humid
from devices.quality.judge import NEVER_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.registry import Registry
    from ingest.batch import Batch

    Mask = NDArray[np.bool_]


def is_crossed(batch: Batch, is_good: Mask, registry: Registry) -> Mask:
    """Tell which readings are above what another metric at their place allows at the same time; shape (n,).

    Parameters
    ----------
    is_good
        Which values are measurements at all, shape (n,).
    """
    crossed = np.zeros(len(batch), bool)
    rules = registry.rules
    is_bounded = rules.not_above != NONE
    if not is_bounded.any():
        return crossed
    rows = np.flatnonzero(is_bounded[batch.metric] & is_good)
    if len(rows):
        bounds = np.zeros(len(rules.not_above), bool)
        bounds[rules.not_above[is_bounded]] = True
        source = np.flatnonzero(bounds[batch.metric] & is_good)
        bound = registry.series_bound[batch.series[rows]]
        found = as_of(bound, batch.time_us[rows], batch.series[source], batch.time_us[source], 0)
        crossed[rows] = is_above(batch.value[rows], batch.value[source], found, rules.not_above_times[batch.metric[rows]])
    return crossed


class Damp:
    """The last humidity of every site; one thread uses it at a time."""

    def __init__(self) -> None:
        self._time_us = np.zeros(0, np.int64)
        self._value = np.zeros(0)

    def is_humid(self, batch: Batch, is_good: Mask, registry: Registry) -> Mask:
        """Tell which readings of a batch were measured in damp air, shape (n,), and take over the batch's own humidities."""
        humid = np.zeros(len(batch), bool)
        rules = registry.rules
        matters = np.isfinite(rules.humid_above)
        if rules.humidity == NONE or not matters.any():
            return humid
        rows = np.flatnonzero(matters[batch.metric])
        source = np.flatnonzero((batch.metric == rules.humidity) & is_good)
        place = registry.series_site[batch.series[source]]
        self._make_room(len(registry.series_site) and int(registry.series_site.max()) + 1)
        is_damp = rules.humid_above.min()
        if len(rows) and ((batch.value[source] > is_damp).any() or (self._value > is_damp).any()):
            site, time_us = registry.series_site[batch.series[rows]], batch.time_us[rows]
            found = as_of(site, time_us, place, batch.time_us[source], HUMID_FOR_US)
            age_us = time_us - self._time_us[site]
            is_known = (age_us >= 0) & (age_us <= HUMID_FOR_US)
            if len(source):
                is_known &= (found == NONE) | (batch.time_us[source][found] < self._time_us[site])
            # What the site had before stands behind the sources of the batch.
            values = np.concatenate([batch.value[source], self._value[site[is_known]]])
            found[is_known] = np.arange(len(source), len(values))
            humid[rows] = is_humid(values, found, rules.humid_above[batch.metric[rows]])
        self.take_over(place, batch.time_us[source], batch.value[source])
        return humid

    def take_over(self, site: NDArray[np.int32], time_us: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Keep the newest humidity of each site; parameters are parallel, shape (n,)."""
        if not len(site):
            return
        self._make_room(int(site.max()) + 1)
        order = np.argsort(time_us, kind="stable")
        order = order[time_us[order] >= self._time_us[site[order]]]
        self._time_us[site[order]] = time_us[order]  # of several of a site the last one stays
        self._value[site[order]] = value[order]

    def _make_room(self, size: int) -> None:
        if (more := size - len(self._time_us)) > 0:
            self._time_us = np.append(self._time_us, np.full(more, NEVER_US))
            self._value = np.append(self._value, np.full(more, np.nan))
