"""The registry in memory: a snapshot of devices, deployments and series, looked up by whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.invalidations import Invalidations, invalidations_of
from devices.quality.rules import build_rules
from devices.states import codes_by_label
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg
    from numpy.typing import NDArray

    from devices.quality.rules import MetricRow, ProfileRow, Rules

NONE = -1
"""Stands for nothing found."""

_EARLIEST, _LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Profile(NamedTuple):
    """What decoding needs to know of a device profile."""

    key: str
    codec: str
    """auto, cayenne_lpp, layout or javascript."""
    definition: str
    """TOML: the binary layout, or how a codec's output becomes metrics."""
    script: str
    """JavaScript."""


@dataclass(frozen=True, slots=True)
class Registry:
    """One moment of the registry. Positions are indices into its arrays, not database ids."""

    metric_position: dict[str, int]
    """By key and by alias."""
    metric_ids: NDArray[np.int32]
    metric_keys: Sequence[str]
    metric_units: Sequence[tuple[str, str]]
    """Stored unit and SenML unit of each metric."""
    valid_min: NDArray[np.float64]
    """-inf where unlimited [metric's unit]."""
    valid_max: NDArray[np.float64]
    device_position: dict[str, int]
    """By uid."""
    device_ids: NDArray[np.int32]
    device_profile: NDArray[np.int32]
    """Index into `profiles`."""
    profiles: Sequence[Profile]
    clock_back_us: NDArray[np.int64]
    clock_ahead_us: NDArray[np.int64]
    first_deployment: NDArray[np.int64]
    """Of each device, shape (devices + 1,): its deployments are those from its entry up to the next one's."""
    deployment_from_us: NDArray[np.int64]
    deployment_to_us: NDArray[np.int64]
    deployment_place: NDArray[np.int32]
    """Index into `places`."""
    places: Sequence[tuple[int, str]]
    """Site id and channel."""
    series_of: NDArray[np.int32]
    """Series id by place and metric, shape (places, metrics); `NONE` where there is no series yet."""
    state_codes: dict[tuple[int, str], int]
    """Code of a state by metric position and plain label (`devices/states.py`)."""
    series_site: NDArray[np.int32]
    """Site id by series id; `NONE` where there is no such series."""
    series_bound: NDArray[np.int32]
    """By series id, the series at its place that it must not be above; `NONE` where there is none."""
    rules: Rules
    """By which flags are set."""
    invalidations: Invalidations
    kept_from_us: NDArray[np.int64]
    """By series id: readings before it are no longer kept [µs since 1970]; the last entry stands for every later series."""
    version: int
    """Grows when deployments or invalidations of times that have passed change: what was resolved before is resolved again."""

    def profile(self, uid: str) -> Profile | None:
        """Profile of a device; None where it is not registered."""
        position = self.device_position.get(uid)
        return None if position is None else self.profiles[self.device_profile[position]]

    def profiles_of(self, device: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """Position of the profile of each device; None where no profile has rules of its own."""
        return self.device_profile[device] if self.rules.has_profiles else None

    def devices(self, uids: Sequence[str]) -> NDArray[np.int32]:
        """Position of each device; `NONE` where it is not registered."""
        return np.array([self.device_position.get(uid, NONE) for uid in uids], np.int32)

    def metrics(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Position of each metric, by key or alias in any capitals; `NONE` where the vocabulary lacks it."""
        return np.array([self.metric_position.get(key.lower(), NONE) for key in keys], np.int32)

    def is_kept(self, series: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell whether readings of these series (ids) and times [µs since 1970] are still kept, shape (n,)."""
        kept: NDArray[np.bool_] = time_us >= self.kept_from_us[np.minimum(series, len(self.kept_from_us) - 1)]
        return kept

    def deployments(self, device: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Deployment of each device at each time.

        Parameters
        ----------
        device
            Positions of registered devices, shape (n,).
        time_us
            Microseconds since 1970, shape (n,).

        Returns
        -------
        numpy.ndarray
            Index into the deployment columns, `NONE` where the device was nowhere.
        """
        at = self.first_deployment[device]
        end = self.first_deployment[device + 1]
        found = np.full(len(device), NONE, np.int64)
        if not len(self.deployment_from_us):
            return found
        # As many rounds as the device with most deployments has; nearly all devices have one.
        while (left := at < end).any():
            row = np.minimum(at, len(self.deployment_from_us) - 1)
            inside = (self.deployment_from_us[row] <= time_us) & (time_us < self.deployment_to_us[row])
            found = np.where(left & inside, row, found)
            at = at + 1
        return found


def load_registry(connection: psycopg.Connection) -> Registry:
    """Read the registry in one transaction: all of it or an older whole, never halves of two."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = {
            name: cursor.execute(query(name)).fetchall()
            for name in (
                "list_metrics",
                "list_metric_aliases",
                "list_metric_states",
                "list_profiles",
                "list_devices",
                "list_deployments",
                "list_series",
                "list_kept_from",
                "list_metric_rules",
                "list_profile_rules",
                "list_invalidations",
                "read_registry_version",
            )
        }
    return build_registry(**rows)


def build_registry(
    list_metrics: Sequence[tuple[int, str, str, str, float | None, float | None]],
    list_metric_aliases: Sequence[tuple[str, int]],
    list_metric_states: Sequence[tuple[int, str, int]],
    list_profiles: Sequence[tuple[int, str, str, str, str, int, int]],
    list_devices: Sequence[tuple[int, str, int]],
    list_deployments: Sequence[tuple[int, int, int, str, int | None, int | None]],
    list_series: Sequence[tuple[int, int, int, str]],
    list_metric_rules: Sequence[MetricRow] = (),
    list_profile_rules: Sequence[ProfileRow] = (),
    list_invalidations: Sequence[tuple[int, int, int]] = (),
    list_kept_from: Sequence[tuple[int, int]] = (),
    read_registry_version: Sequence[tuple[int]] = ((0,),),
) -> Registry:
    """Arrange the rows of the queries of the same names for look-up."""
    metric_at = {row[0]: i for i, row in enumerate(list_metrics)}
    metric_position = {alias: metric_at[metric_id] for alias, metric_id in list_metric_aliases}
    metric_position |= {row[1]: i for i, row in enumerate(list_metrics)}
    device_ids = np.array([row[0] for row in list_devices], np.int32)
    profile_at = {row[0]: i for i, row in enumerate(list_profiles)}
    device_profile = np.array([profile_at[row[2]] for row in list_devices], np.int32)
    clock_back_us, clock_ahead_us = (
        np.array([row[column] for row in list_profiles], np.int64)[device_profile] * 1_000_000 for column in (5, 6)
    )
    deployed_ids = np.array([row[1] for row in list_deployments], np.int32)
    bounds = np.searchsorted(deployed_ids, device_ids, side="left")
    places: dict[tuple[int, str], int] = {}
    place = [places.setdefault((row[2], row[3]), len(places)) for row in list_deployments]
    series_of = np.full((len(places), len(list_metrics)), NONE, np.int32)
    for series_id, site_id, metric_id, channel in list_series:
        if (site_id, channel) in places:
            series_of[places[site_id, channel], metric_at[metric_id]] = series_id
    kept_from_us = np.full(max((series_id for series_id, _ in list_kept_from), default=-1) + 2, _EARLIEST, np.int64)
    for series_id, from_us in list_kept_from:
        kept_from_us[series_id] = from_us
    rules = build_rules(
        [(row[1], *row[4:6]) for row in list_metrics], [row[1] for row in list_profiles], list_metric_rules, list_profile_rules
    )
    series_site, series_bound = _by_series(list_series, metric_at, rules)
    return Registry(
        metric_position=metric_position,
        metric_ids=np.array([row[0] for row in list_metrics], np.int32),
        metric_keys=[row[1] for row in list_metrics],
        metric_units=[(row[2], row[3]) for row in list_metrics],
        valid_min=np.array([-np.inf if row[4] is None else row[4] for row in list_metrics]),
        valid_max=np.array([np.inf if row[5] is None else row[5] for row in list_metrics]),
        device_position={row[1]: i for i, row in enumerate(list_devices)},
        device_ids=device_ids,
        device_profile=device_profile,
        profiles=[Profile(*row[1:5]) for row in list_profiles],
        clock_back_us=clock_back_us,
        clock_ahead_us=clock_ahead_us,
        first_deployment=np.append(bounds, len(list_deployments)).astype(np.int64),
        deployment_from_us=np.array([_EARLIEST if row[4] is None else row[4] for row in list_deployments], np.int64),
        deployment_to_us=np.array([_LATEST if row[5] is None else row[5] for row in list_deployments], np.int64),
        deployment_place=np.array(place, np.int32),
        places=list(places),
        series_of=series_of,
        state_codes=codes_by_label(
            [(metric_at[metric_id], label, code) for metric_id, label, code in list_metric_states],
            [i for i, row in enumerate(list_metrics) if row[2] == "bool"],
        ),
        series_site=series_site,
        series_bound=series_bound,
        rules=rules,
        invalidations=invalidations_of(list_invalidations),
        kept_from_us=kept_from_us,
        version=read_registry_version[0][0],
    )


def _by_series(
    list_series: Sequence[tuple[int, int, int, str]], metric_at: Mapping[int, int], rules: Rules
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give site and bound of each series, by its id."""
    size = max((row[0] for row in list_series), default=-1) + 1
    site, bound = np.full(size, NONE, np.int32), np.full(size, NONE, np.int32)
    site[[row[0] for row in list_series]] = [row[1] for row in list_series]
    is_bound = set(np.unique(rules.not_above).tolist()) - {NONE}
    bounds = {
        (site_id, channel, metric_at[metric_id]): series_id
        for series_id, site_id, metric_id, channel in list_series
        if metric_at[metric_id] in is_bound
    }
    for series_id, site_id, metric_id, channel in list_series:
        if (at := rules.not_above[metric_at[metric_id]]) != NONE:
            bound[series_id] = bounds.get((site_id, channel, at), NONE)
    return site, bound


EMPTY_REGISTRY = build_registry([], [], [], [], [], [], [])
"""Nothing registered, nothing measured."""
