"""Edges of buckets, held against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.buckets import LADDER, Buckets, choose_every, count_buckets, cut_time, to_us
from api.times import AUTO, Every, parse_every

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

moments = st.datetimes(datetime(1850, 1, 1), datetime(2150, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001
calendar_widths = st.sampled_from(["1d", "2d", "7d", "1w", "2w", "1mo", "3mo", "1y", "10y"]).map(parse_every)
fixed_widths = st.sampled_from(["30s", "1m", "7m", "15m", "1h", "7h", "24h"]).map(parse_every)


def local(us: int | np.int64, zone: ZoneInfo = LONDON) -> str:
    """Give a time in a zone, without its offset."""
    return f"{(EPOCH + timedelta(microseconds=int(us))).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def cut(every: str, start: str, end: str, zone: ZoneInfo = LONDON, *, is_hour_ending: bool = False) -> Buckets:
    """Cut a range that is given in ISO 8601 with offsets."""
    since, until = (datetime.fromisoformat(text).astimezone(UTC) for text in (start, end))
    return cut_time(parse_every(every), since, until, zone, is_hour_ending=is_hour_ending)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_edges_of_days_at_clock_changes_are_local_midnights(day: str, hours: int) -> None:
    """A day in London goes from midnight to midnight there, however many hours that is."""
    start = datetime.fromisoformat(day).replace(tzinfo=LONDON)
    buckets = cut_time(Every(1, "d"), start.astimezone(UTC), start.astimezone(UTC) + timedelta(days=2), LONDON)

    assert [local(edge)[11:] for edge in buckets.edges[:3]] == ["00:00:00"] * 3
    assert local(buckets.edges[0])[:10] == day
    assert np.diff(buckets.edges)[0] == hours * 3_600_000_000


def test_edges_of_weeks_months_and_years_are_where_they_begin_at_the_site() -> None:
    """Weeks begin on Mondays, months on their first day, years on 1 January, all at local midnight; longer ones from 1970."""
    bounds = "2026-03-18T12:00+00:00", "2026-05-02T00:00+00:00"

    assert [local(edge) for edge in cut("1w", *bounds).edges[:3]] == [
        "2026-03-16 00:00:00",
        "2026-03-23 00:00:00",
        "2026-03-30 00:00:00",
    ]
    assert [local(edge)[:10] for edge in cut("1mo", *bounds).edges] == ["2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
    assert [local(edge)[:10] for edge in cut("3mo", *bounds).edges] == ["2026-01-01", "2026-04-01", "2026-07-01"]
    assert [local(edge)[:10] for edge in cut("1y", *bounds).edges] == ["2026-01-01", "2027-01-01"]
    assert [local(edge)[:10] for edge in cut("2d", *bounds).edges[:2]] == ["2026-03-18", "2026-03-20"]


def test_edges_of_a_day_that_a_zone_skipped_or_a_midnight_that_was_not_stay_in_order() -> None:
    """Apia had no 30 December 2011; in Sao Paulo the clocks once went from 23:59 to 01:00."""
    apia = cut("1d", "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00", ZoneInfo("Pacific/Apia"))
    paulo = cut("1d", "2018-11-03T12:00-03:00", "2018-11-05T12:00-02:00", ZoneInfo("America/Sao_Paulo"))

    assert [local(edge, ZoneInfo("Pacific/Apia"))[:10] for edge in apia.edges] == ["2011-12-29", "2011-12-31", "2012-01-01"]
    assert [local(edge, ZoneInfo("America/Sao_Paulo")) for edge in paulo.edges] == [
        "2018-11-03 00:00:00",
        "2018-11-04 01:00:00",
        "2018-11-05 00:00:00",
        "2018-11-06 00:00:00",
    ]


@given(fixed_widths | calendar_widths, moments, st.timedeltas(timedelta(microseconds=1), timedelta(days=3)), st.booleans())
def test_edges_of_any_range_cover_it_and_no_more(every: Every, start: datetime, span: timedelta, is_hour_ending: bool) -> None:  # noqa: FBT001
    """The first edge is the last one at or before the start, the last one the first at or after the end; cuts are the range."""
    end = start + span
    buckets = cut_time(every, start, end, LONDON, is_hour_ending=is_hour_ending)
    edges = buckets.edges.tolist()

    assert edges[0] <= to_us(start) < edges[1]
    assert edges[-2] < to_us(end) <= edges[-1]
    assert all(earlier < later for earlier, later in pairwise(edges))
    assert (buckets.cuts[0], buckets.cuts[-1]) == (to_us(start) + is_hour_ending, to_us(end) + is_hour_ending)
    assert (buckets.cuts[1:-1] == buckets.edges[1:-1] + is_hour_ending).all()
    assert len(buckets) <= count_buckets(every, start, end)
    if every.is_fixed:
        assert {edge % (every.nominal_s * 1_000_000) for edge in edges} == {0}
        assert len(buckets) == count_buckets(every, start, end)


@given(moments, st.integers(1, 60))
def test_edges_of_days_in_any_year_are_all_the_midnights(start: datetime, days: int) -> None:
    """Whatever the year, the days between are those of the calendar, each once."""
    end = start + timedelta(days=days)
    edges = cut_time(Every(1, "d"), start, end, LONDON).edges
    first = start.astimezone(LONDON).date()

    assert [local(edge) for edge in edges] == [f"{first + timedelta(days=n)} 00:00:00" for n in range(len(edges))]


def test_hour_ending_buckets_hold_their_end_and_are_called_by_it() -> None:
    """The reading at exactly the end of an hour belongs to that hour, the one at its start to the hour before."""
    buckets = cut("1h", "2026-03-29T00:00+00:00", "2026-03-29T02:00+00:00", is_hour_ending=True)
    at = np.array([to_us(datetime(2026, 3, 29, 0, tzinfo=UTC)) + n * 1_800_000_000 for n in range(5)])

    assert np.searchsorted(buckets.cuts, at, side="right").tolist() == [0, 1, 1, 2, 2]
    assert [local(label, ZoneInfo("UTC"))[11:16] for label in buckets.labels] == ["01:00", "02:00"]


@pytest.mark.parametrize(
    ("span", "points", "expected"),
    [
        (timedelta(hours=1), 500, "1m"),
        (timedelta(hours=8, minutes=20), 500, "1m"),
        (timedelta(hours=8, minutes=21), 500, "2m"),
        (timedelta(days=1), 500, "5m"),
        (timedelta(days=7), 500, "30m"),
        (timedelta(days=30), 500, "2h"),
        (timedelta(days=365), 500, "1d"),
        (timedelta(days=3650), 500, "1mo"),
        (timedelta(days=365), 10, "3mo"),
    ],
)
def test_auto_is_the_narrowest_step_within_the_points(span: timedelta, points: int, expected: str) -> None:
    """`auto` gives a series as many points as asked for or fewer, never with buckets narrower than a minute."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert str(choose_every(AUTO, start, start + span, points=points, series=1, most=100_000)) == expected


def test_every_beyond_the_cap_is_raised_along_the_ladder() -> None:
    """With too many points for all series together the next wider step that fits is taken; one that fits stays."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=10)

    def chosen(every: str, series: int, most: int) -> str:
        return str(choose_every(parse_every(every), start, end, points=500, series=series, most=most))

    assert chosen("7m", 1, 3000) == "7m"
    assert chosen("7m", 2, 3000) == "10m"
    assert chosen("7m", 50, 3000) == "6h"
    assert chosen("1h", 1000, 5000) == "1w"
    assert chosen("1h", 1001, 1000) == "None"


def test_ladder_for_hour_ending_has_whole_hours_only() -> None:
    """Where buckets are hour-ending `auto` never takes minutes."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    every = choose_every(AUTO, start, start + HOUR, points=500, series=1, most=1000, is_hour_ending=True)

    assert every == Every(1, "h")
    assert [step.nominal_s for step in LADDER] == sorted(step.nominal_s for step in LADDER)
