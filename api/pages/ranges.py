"""The range of time a site page shows, and how wide its buckets are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Choice(NamedTuple):
    """A range that ends now: the text of its link, and how it is called in a sentence."""

    text: str
    words: str
    span: timedelta


CHOICES = {
    "1h": Choice("1 hour", "the last hour", timedelta(hours=1)),
    "24h": Choice("24 hours", "the last 24 hours", timedelta(hours=24)),
    "7d": Choice("7 days", "the last 7 days", timedelta(days=7)),
    "30d": Choice("30 days", "the last 30 days", timedelta(days=30)),
}
"""Ranges that end now, by the key in the address."""

# A bucket is one of these, so that its edges fall on round times. In seconds.
_WIDTHS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 180, 300, 600, 900, 1200, 1800),
    *(3600, 7200, 10800, 21600, 43200),
    *(86400, 172800, 604800, 2592000),
)
_CHART_POINTS = 600  # about two pixels a point on a desktop
_TABLE_ROWS = 50  # what a person may still read
_LONGEST = timedelta(days=366 * 100)


class RangeError(ValueError):
    """The range a person typed cannot be shown; `field` is the form field to mend."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` up to, not including, `end`."""

    choice: str
    start: datetime
    end: datetime

    @property
    def is_live(self) -> bool:
        """Whether the range ends now and moves with the clock."""
        return self.choice in CHOICES

    @property
    def span(self) -> timedelta:
        """How long the range is."""
        return self.end - self.start

    @property
    def chart_every_s(self) -> int:
        """Width of a chart's buckets [s]."""
        return width_for(self.span, _CHART_POINTS)

    @property
    def table_every_s(self) -> int:
        """Width of a table's buckets [s]."""
        return width_for(self.span, _TABLE_ROWS)


def width_for(span: timedelta, most: int) -> int:
    """Give the narrowest bucket width [s] that cuts `span` into at most `most` buckets."""
    needed = span.total_seconds() / most
    return next((width for width in _WIDTHS if width >= needed), _WIDTHS[-1])


def choose_range(choice: str, start: str, end: str, zone: ZoneInfo, now: datetime) -> Range:
    """Read the range from the address of a site page.

    Parameters
    ----------
    choice
        A key of `CHOICES`, or `custom` for `start` and `end`.
    start, end
        ISO 8601; without an offset they are local times at the site.
    zone
        The site's time zone.
    now
        Where the ranges of `CHOICES` end.

    Raises
    ------
    RangeError
        When `start` and `end` make no range.
    """
    if choice != "custom":
        key = choice if choice in CHOICES else "24h"
        return Range(key, now - CHOICES[key].span, now)
    chosen = Range("custom", _moment("from", start, zone), _moment("to", end, zone))
    if chosen.span <= timedelta():
        raise RangeError("to", "The end must be after the start")
    if chosen.span > _LONGEST:
        raise RangeError("from", "The range must be 100 years or shorter")
    return chosen


def local_input(moment: datetime, zone: ZoneInfo) -> str:
    """Write a time as the value of a `datetime-local` input."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def _moment(field: str, text: str, zone: ZoneInfo) -> datetime:
    side = "start" if field == "from" else "end"
    if not text:
        raise RangeError(field, f"Enter the {side} of the range")
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RangeError(field, f"Enter the {side} as a date and time, for example 2026-11-21T08:30") from None
