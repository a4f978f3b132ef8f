"""Rules that hold a reading against another series at its place: damp air, and metrics that cannot be above each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.order import order_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

NONE = -1  # stands for nothing found

HUMID_FOR_US = 3_600_000_000
"""How long a reading of the humidity counts [µs]."""


def as_of(
    key: NDArray[np.int32],
    time_us: NDArray[np.int64],
    source_key: NDArray[np.int32],
    source_time_us: NDArray[np.int64],
    within_us: int,
) -> NDArray[np.int64]:
    """Find the last source of the same key at a time or before it.

    Parameters
    ----------
    key, time_us
        What is looked for, and when [µs since 1970], shape (n,).
    source_key, source_time_us
        What there is, in any order, shape (m,); of several at one time the last one counts.
    within_us
        How old a source may be [µs]; 0: of the same time.

    Returns
    -------
    numpy.ndarray
        Index into the sources, `NONE` where there is none, shape (n,).
    """
    sources = len(source_key)
    all_keys, all_times = np.concatenate([source_key, key]), np.concatenate([source_time_us, time_us])
    order = order_of(all_keys, all_times)  # stable: sources stand before what is looked for at their time
    is_source = order < sources
    at = np.maximum.accumulate(np.where(is_source, np.arange(len(order)), NONE))
    row = np.flatnonzero(~is_source)
    found = np.full(len(key), NONE, np.int64)
    candidate = order[np.maximum(at[row], 0)]
    wanted = order[row]
    fits = (
        (at[row] != NONE) & (all_keys[candidate] == all_keys[wanted]) & (all_times[wanted] - all_times[candidate] <= within_us)
    )
    found[wanted[fits] - sources] = candidate[fits]
    return found


def is_humid(humidity: NDArray[np.float64], source: NDArray[np.int64], above: NDArray[np.float64]) -> Mask:
    """Tell which readings were measured in damp air.

    Parameters
    ----------
    humidity
        Values of the sources [%], shape (m,).
    source
        What `as_of` found for each reading, shape (n,).
    above
        More than this is damp [%], shape (n,).
    """
    return _at(humidity, source) > above


def is_above(
    value: NDArray[np.float64], bound: NDArray[np.float64], source: NDArray[np.int64], times: NDArray[np.float64]
) -> Mask:
    """Tell which values are more than another metric's at the same place and time can allow, `times` its value.

    Parameters
    ----------
    value, times
        The values and the factor of each, shape (n,).
    bound
        Values of the other metric, shape (m,).
    source
        What `as_of` found for each value, shape (n,).
    """
    return value > _at(bound, source) * times


def _at(values: NDArray[np.float64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.append(values, np.nan)[source]  # NONE is the last one
