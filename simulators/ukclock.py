"""What the clock on the wall says: people drive, shop and empty bins by local time, so signals follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000


class LocalTime(NamedTuple):
    """Local time of day and where the day stands in week and year, shape (n,) each."""

    hour: NDArray[np.float64]
    """Hours since local midnight, [0, 24)."""
    weekday: NDArray[np.int64]
    """0 is Monday."""
    year_part: NDArray[np.float64]
    """Part of the year that is over, [0, 1)."""


def local_time(time_us: NDArray[np.int64]) -> LocalTime:
    """Read the wall clock of the United Kingdom at each time [µs since 1970]."""
    local_us = time_us + summer_time(time_us) * _HOUR_US
    days = local_us // _DAY_US
    return LocalTime(
        hour=(local_us - days * _DAY_US) / _HOUR_US,
        weekday=(days + 3) % 7,  # 1 January 1970 was a Thursday
        year_part=(local_us / (_DAY_US * 365.2425)) % 1.0,
    )


def summer_time(time_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tell by 1 where British Summer Time holds: from 01:00 UTC on the last Sunday of March to that of October."""
    years = time_us.astype("datetime64[us]").astype("datetime64[Y]")
    return ((time_us >= _last_sunday_us(years, 3)) & (time_us < _last_sunday_us(years, 10))).astype(np.int64)


def _last_sunday_us(years: NDArray[np.datetime64], month: int) -> NDArray[np.int64]:
    """01:00 UTC on the last Sunday of a month of 31 days [µs since 1970]."""
    last_day = (years.astype("datetime64[M]") + (month - 1)).astype("datetime64[D]").astype(np.int64) + 30
    return (last_day - (last_day + 4) % 7) * _DAY_US + _HOUR_US
