"""Times and bucket widths as they stand in questions."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.times import AUTO, Every, parse_every, parse_every_or_auto, parse_time

MOMENT = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-29T00:30:00Z",
        "2026-03-29T00:30Z",
        "2026-03-29T00:30:00.000+00:00",
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T01:30:00 01:00",
        "2026-03-29T01:30:00+0100",
        "2026-03-28T19:00:00-05:30",
        "2026-03-29T00:30:00",
        "2026-03-29 00:30",
        " 2026-03-29T00:30Z ",
        "1774744200000",
        1774744200000,
        MOMENT,
    ],
)
def test_time_in_any_spelling_is_the_same_moment(text: object) -> None:
    """ISO 8601 with or without offset and milliseconds since 1970 are read as UTC."""
    parsed = parse_time(text)

    assert parsed == MOMENT
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-13-01", "2026-02-30T00:00Z", "1e12", "9" * 15, "9" * 30, "0001-01-01T00:00+01:00", True, None, "1.5", []],
)
def test_time_that_is_none_is_refused(text: object) -> None:
    """What is no time, or lies outside the calendar, is refused with an example."""
    with pytest.raises(ValueError, match="write it like 2026-11-21T08:30:00Z"):
        parse_time(text)


@given(st.integers(-(3 * 10**10), 2 * 10**11), st.timezones())
def test_time_written_by_python_is_read_back(seconds: int, zone: tzinfo) -> None:
    """Whatever moment is written in ISO 8601, in whatever zone, is read as that moment."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    assert parse_time(moment.astimezone(zone).isoformat()) == moment


@given(st.text(max_size=40) | st.text(alphabet="0123456789-:T+Z. ", max_size=30))
def test_time_from_any_text_is_a_time_or_refused(text: str) -> None:
    """No text is a fault."""
    with suppress(ValueError):
        assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "nominal_s", "shortest_s", "is_fixed"),
    [
        ("1s", 1, 1, True),
        ("15m", 900, 900, True),
        ("1h", 3600, 3600, True),
        ("7d", 7 * 86_400, 7 * 86_400 - 3600, False),
        ("1w", 7 * 86_400, 7 * 86_400 - 3600, False),
        ("1mo", 30 * 86_400, 28 * 86_400 - 3600, False),
        ("2592000s", 2_592_000, 2_592_000, True),
    ],
)
def test_every_has_the_width_it_says(text: str, nominal_s: int, shortest_s: int, is_fixed: bool) -> None:  # noqa: FBT001
    """A number and a unit make a width, and are written as they were read; up to hours it is the same everywhere."""
    every = parse_every(text)

    assert (every.nominal_s, every.shortest_s, every.is_fixed, str(every)) == (nominal_s, shortest_s, is_fixed, text)


@pytest.mark.parametrize(
    "text",
    ["", "1", "h", "0h", "-1h", "1.5h", "1H", "1 h", "1M", "mo", "01h", "101000d", "101y", "1h\n", "\u0663h", None, "auto"],
)
def test_every_that_is_no_width_is_refused(text: object) -> None:
    """What is no whole number of a known unit, or longer than a century, is refused with an example."""
    with pytest.raises(ValueError, match="for example 15m, 1d or 1mo"):
        parse_every(text)


def test_every_that_was_read_is_left_alone() -> None:
    """A width that is one already stays what it is, and `auto` is none yet."""
    assert parse_every(Every(3, "h")) == Every(3, "h")
    assert [parse_every_or_auto(text) for text in ("auto", AUTO, "3h")] == [AUTO, AUTO, Every(3, "h")]
