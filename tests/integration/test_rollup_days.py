"""Rollups of local days: made of hours, made again with them, read in their place; and what corrections and backlogs cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest

from devices.flags import EXCLUDING
from ingest.rollups import STEPS, begin, close_hours, roll_one
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_START = datetime(2026, 3, 27, tzinfo=UTC)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(database: str) -> Iterator[psycopg.Connection]:
    """Give a store with three series in London, a reading each every ten minutes for four days, all rolled up."""
    with psycopg.connect(database, autocommit=True) as connection:
        metric = connection.execute("SELECT min(metric_id) FROM metric").fetchone()
        connection.execute("INSERT INTO site (code, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C')")
        connection.execute("INSERT INTO series (site_id, metric_id) SELECT site_id, %s FROM site ORDER BY site_id", metric)
        connection.execute("SELECT ensure_partition('reading', %s)", (_START,))
        connection.execute(
            "INSERT INTO reading SELECT s, t, extract(hour FROM t) + s, 0"
            " FROM generate_series(1, 3) s, generate_series(%s::timestamptz, %s, interval '10 minutes') t",
            (_START, _START + 4 * _DAY),
        )
        begin(connection)
        close_hours(connection, _START + 4 * _DAY + _HOUR)
        _roll(connection)
        yield connection


def _roll(connection: psycopg.Connection) -> int:
    pieces = 0
    while roll_one(connection):
        pieces += 1
    return pieces


def _days(zone: str) -> list[datetime]:
    midnight = datetime(2026, 3, 27, tzinfo=ZoneInfo(zone))
    return [(midnight + day * _DAY).astimezone(UTC) for day in range(5)]


def _ask(connection: psycopg.Connection, edges: Sequence[datetime]) -> list[tuple[object, ...]]:
    asked = {"series": [1, 2, 3], "edges": list(edges), "excluding": int(EXCLUDING), "limit": 1000}
    return connection.execute(query("aggregate_buckets"), asked).fetchall()


def _count(connection: psycopg.Connection, text: str) -> int:
    row = connection.execute(text.encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_days_at_hand_answer_without_their_hours(store: psycopg.Connection) -> None:
    """A question of local days reads no hours where the days are there, whatever the length of the day."""
    edges = _days("Europe/London")
    right = _ask(store, edges)
    assert [row[2] for row in right if row[0] == 1] == [144, 144, 138, 144]  # the clocks go forward on the third day

    store.execute("DELETE FROM rollup_hour WHERE hour < %s", (edges[-1],))

    assert _ask(store, edges) == right


def test_days_of_another_time_zone_take_the_place_of_the_old_ones(store: psycopg.Connection) -> None:
    """When a site's time zone changes its days are made again, and no day of the old zone stays."""
    before = _ask(store, [_START, _START + 4 * _DAY])
    store.execute("UPDATE site SET time_zone = 'America/New_York' WHERE code = 'a'")
    _roll(store)

    rows = store.execute("SELECT DISTINCT since FROM rollup_day WHERE series_id = 1 ORDER BY 1").fetchall()
    assert [row[0] for row in rows] == [_days("America/New_York")[0] - _DAY, *_days("America/New_York")[:3]]
    assert _ask(store, [_START, _START + 4 * _DAY]) == before


def test_days_that_cut_hours_are_not_kept_and_asked_right(store: psycopg.Connection) -> None:
    """Where midnight is no whole hour of UTC, hours and readings answer."""
    store.execute("UPDATE site SET time_zone = 'Asia/Kolkata'")
    _roll(store)

    assert _count(store, "SELECT count(*) FROM rollup_day") == 0
    assert [row[2] for row in _ask(store, _days("Asia/Kolkata")) if row[0] == 1] == [111, 144, 144, 144]


def test_days_late_reading_changes_its_day_at_once_and_after_the_rollup(store: psycopg.Connection) -> None:
    """The day of a marked hour is not read; once the hour is aggregated again the day is as well."""
    edges = _days("Europe/London")
    store.execute("INSERT INTO reading VALUES (1, %s, 1000, 0)", (_START + timedelta(hours=5, minutes=3),))
    store.execute("INSERT INTO rollup_dirty VALUES (1, %s)", (_START + 5 * _HOUR,))
    marked = _ask(store, edges)
    assert marked[0][2] == 145
    _roll(store)
    store.execute("DELETE FROM rollup_hour WHERE hour < %s", (edges[-1],))

    assert _ask(store, edges) == marked


def test_marks_correction_of_many_readings_leaves_one_an_hour(store: psycopg.Connection) -> None:
    """A statement marks an hour once, however many of its readings it corrects or removes."""
    store.execute("UPDATE reading SET flags = 4096 WHERE series_id = 2 AND time < %s", (_START + 3 * _HOUR,))
    corrected = _count(store, "SELECT count(*) FROM rollup_dirty")
    store.execute("DELETE FROM reading WHERE series_id = 3 AND time < %s", (_START + 3 * _HOUR,))

    assert corrected in {3, 6}  # before and after, the same hours
    assert _count(store, "SELECT count(*) FROM rollup_dirty WHERE series_id = 3") == 3


def test_marks_readings_no_longer_kept_leave_none(store: psycopg.Connection) -> None:
    """What retention takes away stays in the rollups, and nothing is aggregated again."""
    edges = _days("Europe/London")
    right = _ask(store, edges)
    with store.transaction():
        store.execute("UPDATE series SET raw_from = %s", (_START + 2 * _DAY,))
        store.execute("DELETE FROM reading WHERE time < %s", (_START + 2 * _DAY,))

    assert _count(store, "SELECT count(*) FROM rollup_dirty") == 0
    store.execute("INSERT INTO rollup_dirty VALUES (1, NULL), (2, %s), (NULL, %s)", (_START, _START + _HOUR))
    assert _ask(store, edges) == right
    assert _roll(store) == 3
    assert _ask(store, edges) == right


def test_backlog_of_a_day_of_every_series_is_one_pass(store: psycopg.Connection) -> None:
    """Twenty-four hours marked for all series are aggregated by one statement."""
    store.execute(
        "INSERT INTO reading SELECT series_id, time + interval '1 minute', value, flags FROM reading WHERE time < %s",
        (_START + _DAY,),
    )
    hours = "INSERT INTO rollup_dirty SELECT NULL, %s + hour * interval '1 hour' FROM generate_series(0, 23) hour"
    store.execute(hours, (_START,))

    assert roll_one(store, STEPS)
    assert not roll_one(store, STEPS)
    assert _count(store, "SELECT sum(n) FROM rollup_hour WHERE series_id = 3 AND hour < '2026-03-28T00:00Z'") == 288
