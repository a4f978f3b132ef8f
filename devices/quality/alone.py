"""Rules that need nothing but the reading itself: sentinels and batteries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.quality.rules import Rules


def is_sentinel(
    value: NDArray[np.float64],
    metric: NDArray[np.int32],
    profile: NDArray[np.int32] | None,
    is_out_of_range: NDArray[np.bool_],
    rules: Rules,
) -> NDArray[np.bool_]:
    """Tell which values are numbers by which a device says that it has none, such as -999 or 65535.

    Parameters
    ----------
    value, metric
        Value and position of the metric, shape (n,).
    profile
        Position of the device's profile, shape (n,); None where no profile has rules of its own.
    is_out_of_range
        Shape (n,): nearly all sentinels lie out of range, so that few readings have to be looked at.
    """
    found = np.zeros(len(value), bool)
    looked_at = is_out_of_range | rules.has_inner_sentinel[metric] if rules.has_inner_sentinel.any() else is_out_of_range
    rows = np.flatnonzero(looked_at)
    if len(rows):
        found[rows] = (value[rows, None] == rules.sentinels[metric[rows]]).any(axis=1)
        if profile is not None:
            for of_profile, of_metric, values in rules.profile_sentinels:
                is_theirs = (profile[rows] == of_profile) & (metric[rows] == of_metric)
                found[rows[is_theirs]] |= np.isin(value[rows[is_theirs]], values)
    return found


def is_battery_low(value: NDArray[np.float64], metric: NDArray[np.int32], rules: Rules) -> NDArray[np.bool_]:
    """Tell which readings are of a nearly empty battery, shape (n,)."""
    if np.isneginf(rules.low_below).all():
        return np.zeros(len(value), bool)
    low: NDArray[np.bool_] = value < rules.low_below[metric]
    return low
