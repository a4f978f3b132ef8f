"""Times of flat objects: ISO 8601 and numbers of every usual unit, told apart by their size."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.columns import NO_TIME_US
from devices.flat import TimeError, time_us
from tests.unit.devices.examples import DETERMINISTIC

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON_US = 1_718_452_800_000_000
"""2024-06-15T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2024-06-15T12:00:00Z", NOON_US),
        ("2024-06-15T12:00:00", NOON_US),
        ("2024-06-15 12:00:00", NOON_US),
        (" 2024-06-15T12:00:00Z\n", NOON_US),
        ("2024-06-15T12:00Z", NOON_US),
        ("20240615T120000Z", NOON_US),
        ("2024-06-15T13:00:00+01:00", NOON_US),
        ("2024-06-15T06:30:00-05:30", NOON_US),
        ("2024-06-15T12:00:00.25Z", NOON_US + 250_000),
        ("2024-06-15T12:00:00.123456Z", NOON_US + 123_456),
        ("2024-06-15T12:00:00.123456789Z", NOON_US + 123_456),
        ("2024-06-15t12:00:00z", NOON_US),
        ("2024-06-15T12:00:00,5Z", NOON_US + 500_000),
        ("2024-W24-6T12:00Z", NOON_US),
        ("2024-06-15", NOON_US - 43_200_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2106-02-07T06:28:16Z", 2**32 * 1_000_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000_000),
    ],
)
def test_time_us_iso_text_is_understood(text: str, micros: int) -> None:
    """With and without offset, in both notations, to the microsecond; without an offset it is UTC."""
    assert time_us(text) == micros


def test_time_us_text_without_offset_is_utc_wherever_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time zone of the server is nobody's business."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert time_us("2024-06-15T12:00:00") == NOON_US
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("number", "micros"),
    [
        (0, 0),
        (1_718_452_800, NOON_US),
        (1_718_452_800.25, NOON_US + 250_000),
        (1_718_452_800_000, NOON_US),
        (1_718_452_800_000.5, NOON_US + 500),
        (1_718_452_800_000_000, NOON_US),
        (1_718_452_800_000_123.0, NOON_US + 123),
        (1_718_452_800_000_000_000, NOON_US),
        (1_718_452_800_000_000_499, NOON_US),
        (-86_400, -86_400_000_000),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (99_999_999_999_999, 99_999_999_999_999_000),
        (100_000_000_000_000, 100_000_000_000_000),
        (99_999_999_999_999_999, 99_999_999_999_999_999),
        (100_000_000_000_000_000, 100_000_000_000_000),
        (-99_999_999_999, -99_999_999_999_000_000),
        (-100_000_000_000, -100_000_000_000_000),
        (2**63 - 1, 9_223_372_036_854_776),
        (1e21, NO_TIME_US),
        (-1e300, NO_TIME_US),
        (10**400, NO_TIME_US),
    ],
)
def test_time_us_number_is_told_apart_by_its_size(number: float, micros: int) -> None:
    """Seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, nanoseconds above; tested at the borders."""
    assert time_us(number) == pytest.approx(micros, rel=1e-15, abs=0)  # beyond the year 2255 not to the microsecond


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9], ids=["s", "ms", "us", "ns"])
@pytest.mark.parametrize("year", [1975, 2001, 2024, 2106, 2500])
def test_time_us_plausible_years_agree_in_every_unit(unit: int, year: int) -> None:
    """Whatever unit a device counts in, the same moment comes out from 1975 to 2500."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    seconds = (moment - EPOCH) // timedelta(seconds=1)

    assert time_us(seconds * unit) == seconds * 1_000_000


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "noon",
        "1718452800",
        "2024-13-01",
        "2024-06-15T25:00:00Z",
        "12:00",
        True,
        False,
        None,
        [],
        {},
        [1],
        "\x00",
        "x" * 10_000,
    ],
)
def test_time_us_something_else_is_refused(moment: object) -> None:
    """What is no time is said to be none; nothing is guessed."""
    with pytest.raises(TimeError):
        time_us(moment)


@pytest.mark.parametrize("text", ["1701010112345", "1701010112345678"])
def test_time_us_digits_in_quotes_are_never_read_as_a_date_long_ago(text: str) -> None:
    """A number sent as text is that number or refused: not the year 1701 that its first digits happen to spell."""
    try:
        micros = time_us(text)
    except TimeError:
        return

    assert micros == time_us(int(text))


@DETERMINISTIC
@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-840, 840))  # noqa: DTZ001 - made aware below
def test_time_us_any_moment_comes_back_to_the_microsecond(naive: datetime, offset_minutes: int) -> None:
    """The text of any moment with any offset is read exactly."""
    moment = naive.replace(tzinfo=UTC)
    text = (moment + timedelta(minutes=offset_minutes)).replace(tzinfo=None).isoformat()
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)

    assert time_us(f"{text}{sign}{hours:02}:{minutes:02}") == (moment - EPOCH) // timedelta(microseconds=1)
