"""From rows of the database to what answers hold."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from api.readings import Label, cursor_after, parse_cursor, readings

LABELS = {
    7: Label("weir", "Weir", "no2", "µg/m³", "", "gauge", None, "Europe/London", None),
    8: Label("mill", "Mill", "no2", "µg/m³", "north", "gauge", None, "Europe/London", None),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def test_readings_leave_out_an_empty_channel_and_nothing_else() -> None:
    """A value or flag of zero is told; only the channel may be missing."""
    found = msgspec.to_builtins(readings([(7, MOMENT, 0.0, 0), (8, MOMENT, -1.5, 3)], LABELS))

    first = {"time": "2026-11-21T08:30:00Z", "site": "weir", "metric": "no2", "value": 0.0, "flags": 0}
    assert found == [first, first | {"site": "mill", "value": -1.5, "flags": 3, "channel": "north"}]


@given(st.integers(-(10**16) + 1, 10**17 - 1), st.integers(1, 2**31 - 1))
def test_cursor_written_is_read_back_to_the_microsecond(time_us: int, series_id: int) -> None:
    """A walk goes on exactly where it stopped, from the year 1653 to 5138."""
    moment = EPOCH + timedelta(microseconds=time_us)

    assert parse_cursor(cursor_after(moment, series_id)) == (moment, series_id)


@given(st.text(alphabet="0123456789.-+ e", max_size=40) | st.text(max_size=20))
def test_cursor_from_any_text_is_one_or_refused(text: str) -> None:
    """No text is a fault, and none leads out of the calendar."""
    with suppress(ValueError):
        time, series_id = parse_cursor(text)
        assert series_id > 0
        assert abs(time - EPOCH) < timedelta(days=366 * 4000)
