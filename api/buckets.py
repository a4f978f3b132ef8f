"""Edges of buckets: where a range of time is cut, from 1970 in UTC up to hours, in a site's time zone from days on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from api.times import AUTO, Every

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

LADDER: Final = tuple(
    Every(count, unit)
    for unit, counts in (
        ("s", (1, 2, 5, 10, 15, 30)),
        ("m", (1, 2, 5, 10, 15, 30)),
        ("h", (1, 2, 3, 6, 12)),
        ("d", (1,)),
        ("w", (1,)),
        ("mo", (1, 3)),
        ("y", (1, 10)),
    )
    for count in counts
)
"""The widths that `auto` chooses from and a cap raises to, narrowest first."""

_NARROWEST_AUTO: Final = Every(1, "m")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = (date(year, 1, 1).toordinal() for year in (2, 9998))
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_FIRST_MONDAY: Final = date(1970, 1, 5).toordinal()


@dataclass(frozen=True, slots=True)
class Buckets:
    """How a range of time is cut into m buckets."""

    every: Every
    edges: NDArray[np.int64]
    """Their m + 1 edges, ascending, µs since 1970."""
    cuts: NDArray[np.int64]
    """The same, cut to the range asked for: bucket i has the times from `cuts[i]` up to, not including, `cuts[i + 1]`."""
    is_hour_ending: bool

    def __len__(self) -> int:
        return max(len(self.edges) - 1, 0)

    @property
    def labels(self) -> NDArray[np.int64]:
        """What each bucket is called by: its start, or its end where it is hour-ending; µs since 1970."""
        return self.edges[1:] if self.is_hour_ending else self.edges[:-1]


def cut_time(every: Every, start: datetime, end: datetime, zone: ZoneInfo, *, is_hour_ending: bool = False) -> Buckets:
    """Cut a range of time into buckets.

    Parameters
    ----------
    start, end
        The range: from `start` up to, not including, `end`. Where buckets are hour-ending, `start` is not included and
        `end` is, as with every bucket: (start, end]. Times are whole microseconds, so this is the same moved by one.
    zone
        Where the days, weeks, months and years are local ones.
    """
    since, until = to_us(start), to_us(end)
    edges = _fixed_edges(every, since, until) if every.is_fixed else _calendar_edges(every, start, end, zone)
    cuts = np.clip(edges, since, until) + int(is_hour_ending)
    return Buckets(every, edges, cuts, is_hour_ending)


def choose_every(
    asked: Every, start: datetime, end: datetime, *, points: int, series: int, most: int, is_hour_ending: bool = False
) -> Every | None:
    """Choose the width of buckets.

    Parameters
    ----------
    asked
        A width; it is raised along the ladder where there would be more than `most` points. `AUTO`: the narrowest of the
        ladder that gives a series no more than `points` points.
    series
        How many series there are; all together have no more than `most` points.

    Returns
    -------
    Every or None
        None where even the widest has too many points.
    """
    steps = [step for step in LADDER if not is_hour_ending or step.is_whole_hours]
    if asked == AUTO:
        wanted = min(points, most // max(series, 1))
        fitting = (step for step in steps if step.is_from(_NARROWEST_AUTO) and count_buckets(step, start, end) <= wanted)
        return next(fitting, None)
    tried = (asked, *(step for step in steps if step.nominal_s > asked.nominal_s))
    return next((step for step in tried if count_buckets(step, start, end) * series <= most), None)


def count_buckets(every: Every, start: datetime, end: datetime) -> int:
    """Give how many buckets a range has: exactly up to hours, else the most it may have in any time zone."""
    since, until = to_us(start), to_us(end)
    width = every.nominal_s * 1_000_000
    if every.is_fixed:
        return -(-until // width) - since // width
    return (until - since) // (every.shortest_s * 1_000_000) + 2


def to_us(time: datetime) -> int:
    """Give a time in µs since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def _fixed_edges(every: Every, since: int, until: int) -> NDArray[np.int64]:
    width = every.nominal_s * 1_000_000
    return np.arange(since // width, -(-until // width) + 1, dtype=np.int64) * width


def _calendar_edges(every: Every, start: datetime, end: datetime, zone: ZoneInfo) -> NDArray[np.int64]:
    number_of, first_day = _CALENDARS[every.unit]
    first, last = (_local_day(time, zone) for time in (start, end))
    numbers = range(number_of(first) // every.count, number_of(last) // every.count + 2)
    days = [min(max(first_day(number * every.count), _FIRST_DAY), _LAST_DAY) for number in numbers]
    edges = _midnights(days, zone)
    # The last edge is the first one at or after the end.
    return edges[: np.searchsorted(edges, to_us(end)) + 1]


def _local_day(time: datetime, zone: ZoneInfo) -> int:
    near_the_ends = time.replace(year=min(max(time.year, 2), 9998))
    return near_the_ends.astimezone(zone).toordinal()


def _midnights(days: Sequence[int], zone: ZoneInfo) -> NDArray[np.int64]:
    """Give the first moment of each local day, µs since 1970. A day that a zone skipped has none of its own."""
    times = [to_us(datetime.fromordinal(day).replace(tzinfo=zone)) for day in days]
    ascending = times[:1] + [later for earlier, later in pairwise(times) if later > earlier]
    return np.array(ascending, np.int64)


def _month_number(day: int) -> int:
    local = date.fromordinal(day)
    return 12 * (local.year - 1970) + local.month - 1


def _first_of_month(number: int) -> int:
    year, month = divmod(number, 12)
    return date(min(max(1970 + year, 1), 9999), month + 1, 1).toordinal()


# For each unit: the number, counted from 1970, of what a day (as an ordinal) lies in, and the first day of one.
_CALENDARS: Final[dict[str, tuple[Callable[[int], int], Callable[[int], int]]]] = {
    "d": (lambda day: day - _EPOCH_DAY, lambda number: number + _EPOCH_DAY),
    "w": (lambda day: (day - _FIRST_MONDAY) // 7, lambda number: number * 7 + _FIRST_MONDAY),
    "mo": (_month_number, _first_of_month),
    "y": (lambda day: date.fromordinal(day).year - 1970, lambda number: _first_of_month(12 * number)),
}
