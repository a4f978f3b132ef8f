"""Times and widths of buckets as they stand in questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"[+-]?[0-9]{1,15}")
# A plus sign in an address stands for a space; people forget to write %2B.
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)")

_EVERY = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d|w|mo|y)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400, "y": 365 * 86_400}
_LONGEST_S = 100 * 366 * 86_400


def parse_time(value: object) -> datetime:
    """Read a time as UTC.

    Parameters
    ----------
    value
        ISO 8601 (without an offset it is UTC), or milliseconds since 1970 as a number or its text.

    Raises
    ------
    ValueError
        When it is neither, or lies outside the years 1 to 9999.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    text = str(value).strip()
    try:
        if _MILLISECONDS.fullmatch(text) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=int(text))
        read = datetime.fromisoformat(_LOST_PLUS.sub("+", text) if "T" in text else text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:40]!r} is no time: write it like 2026-11-21T08:30:00Z, or as milliseconds since 1970"
        ) from None


Time = Annotated[
    datetime,
    BeforeValidator(parse_time),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
            "description": "ISO 8601, or milliseconds since 1970",
        }
    ),
]


@dataclass(frozen=True, slots=True)
class Every:
    """Width of the buckets of an aggregate: how many of which unit."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}" if self.unit in _SECONDS else self.unit

    @property
    def is_fixed(self) -> bool:
        """Whether buckets are counted from 1970 in UTC; else they are days or longer, in a site's time zone."""
        return self.unit in ("s", "m", "h")

    @property
    def nominal_s(self) -> int:
        """The width [s], where a day has 24 hours, a month 30 days and a year 365."""
        return self.count * _SECONDS[self.unit]

    @property
    def shortest_s(self) -> int:
        """The shortest that the width may be [s]: a day of 23 hours, a February."""
        return self.count * (28 * 86_400 if self.unit == "mo" else _SECONDS[self.unit]) - (0 if self.is_fixed else 3600)

    @property
    def is_whole_hours(self) -> bool:
        """Whether a bucket has whole hours."""
        return self.nominal_s % 3600 == 0

    def is_from(self, other: Every) -> bool:
        """Tell whether this is as wide as another one, or wider."""
        return self.nominal_s >= other.nominal_s


AUTO: Final = Every(0, "auto")
"""The width that suits the range: one that gives neither too many points nor too few."""


def parse_every(value: object) -> Every:
    """Read a bucket's width: `1m`, `15m`, `1h`, `1d`, `1w`, `1mo`, `1y`.

    Raises
    ------
    ValueError
        When it is no whole number of a unit, or longer than 100 years.
    """
    if isinstance(value, Every):
        return value
    match = _EVERY.fullmatch(str(value))
    if match is None or int(match[1]) * _SECONDS[match[2]] > _LONGEST_S:
        raise ValueError(
            f"{str(value)[:20]!r} is no width: write a number and s, m, h, d, w, mo or y, for example 15m, 1d or 1mo"
        )
    return Every(int(match[1]), match[2])


def parse_every_or_auto(value: object) -> Every:
    """Read a bucket's width, or `auto`.

    Raises
    ------
    ValueError
        When it is neither.
    """
    return AUTO if value in ("auto", AUTO) else parse_every(value)


Width = Annotated[
    Every,
    BeforeValidator(parse_every),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]*(s|m|h|d|w|mo|y)$", "examples": ["15m", "1h", "1d"]}),
]
WidthOrAuto = Annotated[
    Every,
    BeforeValidator(parse_every_or_auto),
    WithJsonSchema({"type": "string", "pattern": "^(auto|[1-9][0-9]*(s|m|h|d|w|mo|y))$", "examples": ["auto", "1h", "1d"]}),
]
