"""Warm-up: readings of the first minutes after a device was put up, or came back from a silence that meant no power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Times = NDArray[np.int64]


def is_new_here(time_us: Times, deployed_us: Times, warm_up_us: Times) -> NDArray[np.bool_]:
    """Tell which readings are of the first minutes of a deployment.

    Parameters
    ----------
    time_us, deployed_us
        Time of the reading and start of its deployment [µs since 1970], shape (n,); the least int64: since ever.
    warm_up_us
        How long the device warms up [µs], shape (n,).
    """
    new: NDArray[np.bool_] = (time_us >= deployed_us) & (time_us < deployed_us + warm_up_us)
    return new


def resumed(gap_us: Times, time_us: Times, silence_us: Times, first: NDArray[np.intp], known_us: Times) -> Times:
    """Give the time of the last reading that followed a long silence [µs since 1970], for each reading, shape (n,).

    Parameters
    ----------
    gap_us
        Time since the reading before in the series [µs], 0 where there is none, shape (n,).
    time_us
        Time of the reading [µs since 1970], sorted within each series, shape (n,).
    silence_us
        A gap longer than this is a silence [µs], shape (n,).
    first
        Index of the first reading of each series, shape (m,).
    known_us
        What this function gave last for the series before these readings, shape (m,).
    """
    resumes = gap_us > silence_us
    since_us = np.where(resumes, time_us, 0)
    since_us[first] = np.where(resumes[first], time_us[first], known_us)
    begins = resumes
    begins[first] = True
    return since_us[np.maximum.accumulate(np.where(begins, np.arange(len(time_us)), 0))]
