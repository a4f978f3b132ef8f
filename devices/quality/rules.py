"""Settings of the rules as arrays by metric and by device profile, as they come with the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    MetricRow = tuple[
        str,
        float | None,
        int | None,
        int,
        float | None,
        Sequence[float],
        float | None,
        str | None,
        float,
        float | None,
    ]
    """Columns of the query `list_metric_rules`."""
    ProfileRow = tuple[str, int, int | None, Mapping[str, Sequence[float]]]
    """Columns of the query `list_profile_rules`; sentinels by key of the metric."""

NONE = -1
_NEVER_US = np.iinfo(np.int64).max
_NEVER_COUNT = np.iinfo(np.int32).max

HUMIDITY = "relative_humidity"
"""Key of the metric that tells how damp the air is [%]."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Arrays by position of the metric, shape (metrics,), and by position of the profile, shape (profiles,)."""

    max_step: NDArray[np.float64]
    """A minute, in the metric's unit; inf: any."""
    flat_count: NDArray[np.int32]
    flat_for_us: NDArray[np.int64]
    spike_least: NDArray[np.float64]
    """In the metric's unit; inf: never."""
    least_change: NDArray[np.float64]
    """Changes up to this between two readings are neither a step nor a spike."""
    sentinels: NDArray[np.float64]
    """Shape (metrics, most of one metric), NaN where there are fewer."""
    has_inner_sentinel: NDArray[np.bool_]
    """Whether a sentinel, of the metric or of any profile, lies within the metric's range."""
    humid_above: NDArray[np.float64]
    """Relative humidity [%]; inf: no matter."""
    humidity: int
    """Position of the metric relative humidity; `NONE`: there is none."""
    not_above: NDArray[np.int32]
    """Position of the metric this one must not be above; `NONE`: none."""
    not_above_times: NDArray[np.float64]
    low_below: NDArray[np.float64]
    """-inf: no battery."""
    warm_up_us: NDArray[np.int64]
    silence_us: NDArray[np.int64]
    """A silence longer than this means that a device was without power."""
    profile_sentinels: Sequence[tuple[int, int, NDArray[np.float64]]]
    """Positions of profile and metric, and the values."""

    @property
    def has_profiles(self) -> bool:
        """Whether devices of any profile have rules of their own."""
        return bool(self.profile_sentinels) or bool(self.warm_up_us.any())


def build_rules(
    metrics: Sequence[tuple[str, float | None, float | None]],
    profiles: Sequence[str],
    metric_rows: Sequence[MetricRow] = (),
    profile_rows: Sequence[ProfileRow] = (),
) -> Rules:
    """Arrange settings for look-up.

    Parameters
    ----------
    metrics
        Key and valid range of each metric, in the order of the registry.
    profiles
        Key of each profile, in the order of the registry.
    metric_rows, profile_rows
        Rows of the queries `list_metric_rules` and `list_profile_rules`; a metric or profile without a row has no rules.
    """
    at = {row[0]: i for i, row in enumerate(metrics)}
    profile_at = {key: i for i, key in enumerate(profiles)}
    by_metric = {row[0]: row for row in metric_rows}
    rows = [by_metric.get(key, (key, None, None, 0, None, (), None, None, 1.0, None)) for key, _, _ in metrics]
    sentinels = np.full((len(rows), max((len(row[5]) for row in rows), default=0)), np.nan)
    for i, row in enumerate(rows):
        sentinels[i, : len(row[5])] = row[5]
    of_profiles = [
        (profile_at[key], at[metric], np.array(values, np.float64))
        for key, _, _, by_key in profile_rows
        for metric, values in by_key.items()
        if key in profile_at and metric in at and values
    ]
    max_step, spike_least = _floats(rows, 1, np.inf), _floats(rows, 4, np.inf)
    waits = {row[0]: row for row in profile_rows}
    return Rules(
        max_step=max_step,
        flat_count=np.array([row[2] or _NEVER_COUNT for row in rows], np.int32),
        flat_for_us=np.array([row[3] for row in rows], np.int64) * 1_000_000,
        spike_least=spike_least,
        least_change=np.minimum(max_step, spike_least),
        sentinels=sentinels,
        has_inner_sentinel=_inner(metrics, sentinels, of_profiles),
        humid_above=_floats(rows, 6, np.inf),
        humidity=at.get(HUMIDITY, NONE),
        not_above=np.array([at.get(row[7] or "", NONE) for row in rows], np.int32),
        not_above_times=_floats(rows, 8, 1.0),
        low_below=_floats(rows, 9, -np.inf),
        warm_up_us=np.array([waits[key][1] * 1_000_000 if key in waits else 0 for key in profiles], np.int64),
        silence_us=np.array([_us(waits[key][2]) if key in waits else _NEVER_US for key in profiles], np.int64),
        profile_sentinels=of_profiles,
    )


def _floats(rows: Sequence[MetricRow], column: int, default: float) -> NDArray[np.float64]:
    return np.array([default if row[column] is None else row[column] for row in rows], np.float64)


def _us(seconds: int | None) -> int:
    return _NEVER_US if seconds is None else seconds * 1_000_000


def _inner(
    metrics: Sequence[tuple[str, float | None, float | None]],
    sentinels: NDArray[np.float64],
    of_profiles: Sequence[tuple[int, int, NDArray[np.float64]]],
) -> NDArray[np.bool_]:
    """Tell of which metrics a sentinel lies within the range: there every reading must be looked at."""
    least = np.array([-np.inf if low is None else low for _, low, _ in metrics])
    most = np.array([np.inf if high is None else high for _, _, high in metrics])
    inner = np.array(((sentinels >= least[:, None]) & (sentinels <= most[:, None])).any(axis=1), bool)
    for _, metric, values in of_profiles:
        inner[metric] |= bool(((values >= least[metric]) & (values <= most[metric])).any())
    return inner
