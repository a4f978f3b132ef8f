"""Rollups against readings: whatever is stored, late, corrected or removed, in whatever order, the answers are the same."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from devices.flags import EXCLUDING, Flag
from ingest.batch import Batch
from ingest.rollups import begin, close_hours, late_marks, roll_one
from sql.queries import query

_START = datetime(2026, 3, 28, 20, 30, tzinfo=UTC)
_SERIES = (1, 2, 3)
_FLAGS = (0, 0, 0, int(Flag.LATE), int(Flag.OUT_OF_RANGE))

_HISTORIES = settings(
    max_examples=int(os.environ.get("HEDGEROW_HISTORIES", "10")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)

_HOUR, _DAY, _ALL = timedelta(hours=1), timedelta(days=1), datetime(2026, 3, 27, tzinfo=UTC)


def _days(zone: str, days: int, step: int = 1) -> list[datetime]:
    midnights = (datetime(2026, 3, 27, tzinfo=ZoneInfo(zone)) + step * day * _DAY for day in range(days // step + 1))
    return [midnight.astimezone(UTC) for midnight in midnights]


_ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata")
_QUESTIONS = (
    ([_ALL + hour * _HOUR for hour in range(97)], int(EXCLUDING)),
    ([_START + timedelta(minutes=50), *(_START + timedelta(minutes=90 + 60 * hour) for hour in range(6))], 0),
    (_days("Europe/London", 4), int(EXCLUDING)),
    (_days("Europe/London", 7, 7), int(EXCLUDING)),
    (_days("Asia/Kolkata", 4), int(EXCLUDING)),
    ([_START + timedelta(minutes=50), _START + timedelta(minutes=211), _START + timedelta(minutes=500)], int(EXCLUDING)),
)
"""Edges of buckets and flags that exclude: hours, cut hours, days of which one has 23 hours, a week, days that cut hours."""

series_ids = st.sampled_from(_SERIES)
minutes = st.integers(0, 10 * 60 - 1) | st.integers(24 * 60, 30 * 60 - 1)
values = st.floats(-1e3, 1e3)
flags = st.sampled_from(_FLAGS)
readings = st.lists(st.tuples(series_ids, minutes, values, flags), min_size=1, max_size=12)


class Histories(RuleBasedStateMachine):
    """Two writers, one who corrects, and the rollups, against a plain dictionary of readings."""

    url = ""

    @initialize(is_closed=st.booleans(), zone=st.sampled_from(_ZONES))
    def begin(self, is_closed: bool, zone: str) -> None:  # noqa: FBT001 - what Hypothesis draws
        """Start from an empty store with three series, that has closed hours before or has not."""
        settings = "-c statement_timeout=20s -c jit=off"  # as the API asks
        self.connections = [psycopg.connect(self.url, autocommit=True, options=settings) for _ in range(4)]
        self.rolls, *self.writers, self.reader = self.connections
        # A chunk that a transaction makes is locked until that ends: it must be there before, and stay.
        self.rolls.execute("INSERT INTO reading VALUES (0, %s, 0, 0), (0, %s, 0, 0)", (_START, _START + timedelta(days=1)))
        self.rolls.execute("DELETE FROM reading")
        self.rolls.execute("TRUNCATE rollup_hour, rollup_day, rollup_dirty")
        self.rolls.execute("UPDATE series SET raw_from = NULL, day_zone = NULL")
        self.rolls.execute("UPDATE quality_flag SET excluding = bit & %s <> 0", (int(EXCLUDING),))
        self.rolls.execute("UPDATE rollup_state SET closed_until = NULL, rolled_until = NULL")
        self.stored: dict[tuple[int, datetime], tuple[float, int]] = {}
        self.pending: dict[int, dict[tuple[int, datetime], tuple[float, int]]] = {}
        self.raw_from = dict.fromkeys(_SERIES, _ALL)
        self.rolled: dict[tuple[int, datetime], bool] = {}  # readings that only rollups tell of, and whether they count
        self.now = _START
        begin(self.rolls)
        self.rolls.execute("UPDATE site SET time_zone = %s", (zone,))
        if is_closed:
            close_hours(self.rolls, self.now)
            self.roll_all()

    def teardown(self) -> None:
        """Let go of the store."""
        for connection in self.connections:
            connection.close()

    @rule(writer=st.integers(0, 1), given=readings)
    def write(self, writer: int, given: list[tuple[int, int, float, int]]) -> None:
        """Begin a transaction that stores readings, as ingest does; it stays open."""
        if writer in self.pending:
            return
        new = {(series, _START + timedelta(minutes=minute)): (value, flag) for series, minute, value, flag in given}
        others = {key for pending in self.pending.values() for key in pending}
        others |= self.stored.keys()
        new = {key: row for key, row in sorted(new.items()) if key not in others and key[1] >= self.raw_from[key[0]]}
        if not new:
            return
        connection = self.writers[writer]
        connection.execute("BEGIN")
        [closed] = connection.execute(query("hold_closed_hours")).fetchone() or [None]
        with connection.cursor() as cursor:
            if closed is not None and (marks := late_marks(_batch(new), closed)):
                with cursor.copy(query("mark_hours")) as copy:
                    for mark in marks:
                        copy.write_row(mark)
            rows = [(series, time, value, flag) for (series, time), (value, flag) in new.items()]
            cursor.executemany("INSERT INTO reading VALUES (%s, %s, %s, %s)", rows)
        self.pending[writer] = new

    @rule(given=readings)
    def store(self, given: list[tuple[int, int, float, int]]) -> None:
        """Store readings at once."""
        if not self.pending:
            self.write(0, given)
            if self.pending:
                self.end(commits=True)

    @precondition(lambda self: self.pending)
    @rule(commits=st.booleans())
    def end(self, commits: bool) -> None:  # noqa: FBT001 - what Hypothesis draws
        """End the older of the open transactions."""
        writer = next(iter(self.pending))
        new = self.pending.pop(writer)
        self.writers[writer].execute("COMMIT" if commits else "ROLLBACK")
        if commits:
            self.stored |= new

    @precondition(lambda self: self.raw())
    @rule(data=st.data(), value=values, flag=flags)
    def correct(self, data: st.DataObject, value: float, flag: int) -> None:
        """Give a stored reading another value and other flags."""
        series, time = data.draw(st.sampled_from(self.raw()))
        text = "UPDATE reading SET value = %s, flags = %s WHERE series_id = %s AND time = %s"
        self.rolls.execute(text, (value, flag, series, time))
        self.stored[series, time] = (value, flag)

    @rule(series=series_ids, minute=minutes, length=st.integers(1, 300))
    def invalidate(self, series: int, minute: int, length: int) -> None:
        """Mark all readings of a range as invalid, at once."""
        start, end = (_START + timedelta(minutes=at) for at in (minute, minute + length))
        invalid = int(Flag.MANUAL_INVALID)
        text = "UPDATE reading SET flags = flags | %s WHERE series_id = %s AND time >= %s AND time < %s"
        self.rolls.execute(text, (invalid, series, start, end))
        for key in self.raw():
            if key[0] == series and start <= key[1] < end:
                value, flag = self.stored[key]
                self.stored[key] = value, flag | invalid

    @precondition(lambda self: self.raw())
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Remove a stored reading."""
        key = data.draw(st.sampled_from(self.raw()))
        self.rolls.execute("DELETE FROM reading WHERE series_id = %s AND time = %s", key)
        del self.stored[key]

    @rule(passed=st.sampled_from((10, 100, 400, 1600)), rolls=st.booleans())
    def let_time_pass(self, passed: int, rolls: bool) -> None:  # noqa: FBT001 - what Hypothesis draws
        """Close the hours that have ended by then, unless a writer is still at work."""
        self.now += timedelta(minutes=passed)
        assert close_hours(self.rolls, self.now, "5ms") or self.pending
        if rolls:
            self.roll_all()

    @rule(pieces=st.integers(1, 3))
    def roll(self, pieces: int) -> None:
        """Do some pieces of the rollups' work."""
        for _ in range(pieces):
            if not roll_one(self.rolls):
                return

    def roll_all(self) -> None:
        """Do all of the rollups' work."""
        self.roll(100)

    @rule(flag=st.sampled_from((Flag.OUT_OF_RANGE, Flag.LATE)), seldom=st.integers(0, 4))
    def change_what_excludes(self, flag: Flag, seldom: int) -> None:
        """Let a flag exclude that did not, or the other way round: after it no rollup holds for a while."""
        if seldom:
            self.roll_all()
            return
        self.rolls.execute("UPDATE quality_flag SET excluding = NOT excluding WHERE bit = %s", (int(flag),))
        begin(self.rolls)

    @precondition(lambda self: self.stored and not self.pending)
    @rule(series=series_ids, hours=st.integers(0, 12))
    def keep_raw_no_longer(self, series: int, hours: int) -> None:
        """Take readings away that are rolled up, as retention does once no mark waits."""
        while roll_one(self.rolls):
            pass
        row = self.rolls.execute("SELECT rolled_until, excluding FROM rollup_state").fetchone()
        if not row or not row[0]:
            return
        raw_from = self.raw_from[series] = max(self.raw_from[series], row[0] - hours * _HOUR)
        with self.rolls.transaction():
            self.rolls.execute("UPDATE series SET raw_from = %s WHERE series_id = %s", (raw_from, series))
            self.rolls.execute("DELETE FROM reading WHERE series_id = %s AND time < %s", (series, raw_from))
        gone = {key: not self.stored[key][1] & row[1] for key in self.raw() if key[0] == series and key[1] < raw_from}
        self.rolled |= gone

    @rule(series=series_ids, zone=st.sampled_from(_ZONES), seldom=st.integers(0, 4))
    def move_the_midnights(self, series: int, zone: str, seldom: int) -> None:
        """Give a site another time zone, or, more often, do nothing but what rollups do."""
        if seldom:
            self.roll_all()
            return
        self.rolls.execute("UPDATE site SET time_zone = %s WHERE site_id = %s", (zone, series))

    def raw(self) -> list[tuple[int, datetime]]:
        """Give the keys of stored readings that are kept raw."""
        return sorted(self.stored.keys() - self.rolled.keys())

    @invariant()
    def answers_are_those_of_the_readings(self) -> None:
        """Every question has the answer that the readings give."""
        if not hasattr(self, "reader"):
            return
        for edges, excluding in _QUESTIONS:
            asked = {"series": list(_SERIES), "edges": edges, "excluding": excluding, "limit": 10_000}
            rows = self.reader.execute(query("aggregate_buckets"), asked).fetchall()
            assert [row[:2] for row in rows] == sorted((row[:2] for row in rows), key=lambda key: key[::-1])
            assert {row[:2]: row[2:] for row in rows} == self._oracle(edges, excluding)

    def _oracle(self, edges: list[datetime], excluding: int) -> dict[tuple[int, int], object]:
        buckets = defaultdict(list)
        for (series, time), (value, flag) in sorted(self.stored.items()):
            counts = self.rolled.get((series, time), not flag & excluding)
            at = time.replace(minute=0) if (series, time) in self.rolled else time
            if edges[0] <= at < edges[-1]:
                buckets[series, bisect_right(edges, at) - 1].append((value, flag, counts))
        return {key: _statistics(found) for key, found in buckets.items()}


def _statistics(readings: list[tuple[float, int, bool]]) -> tuple[object, ...]:
    """Give n, n_all, flags, sum, min, max, first and last of readings by time."""
    values = [value for value, _flag, counts in readings if counts]
    seen = reduce(or_, (flag for _value, flag, _counts in readings))
    if not values:
        return (0, len(readings), seen, None, None, None, None, None)
    total = pytest.approx(math.fsum(values), rel=1e-9, abs=1e-9)
    return (len(values), len(readings), seen, total, min(values), max(values), values[0], values[-1])


def _batch(rows: dict[tuple[int, datetime], tuple[float, int]]) -> Batch:
    series = np.array([key[0] for key in rows], np.int32)
    time_us = np.array([int(key[1].timestamp()) * 1_000_000 for key in rows], np.int64)
    value = np.array([row[0] for row in rows.values()], np.float64)
    flag = np.array([row[1] for row in rows.values()], np.int16)
    return Batch(series, time_us, value, flag, series, time_us)


def test_rollups_any_history_gives_the_answers_of_the_readings(database: str) -> None:
    """Writers at the same time, late readings, corrections, removals, hours that end: after every step the same."""
    with psycopg.connect(database) as connection:
        metric = connection.execute("SELECT min(metric_id) FROM metric").fetchone()
        connection.execute("INSERT INTO site (code, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C')")
        connection.execute("INSERT INTO series (site_id, metric_id) SELECT site_id, %s FROM site ORDER BY site_id", metric)
        connection.execute("SELECT ensure_partition('reading', %s)", (_START,))
    machine = type("OfThisStore", (Histories,), {"url": database})
    run_state_machine_as_test(machine, settings=_HISTORIES)
