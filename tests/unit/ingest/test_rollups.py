"""Marks of late readings: which hours of a batch must be aggregated again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ingest.batch import Batch
from ingest.rollups import late_marks

_CLOSED = datetime(2026, 3, 29, 12, tzinfo=UTC)
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


def _batch(readings: list[tuple[int, datetime]]) -> Batch:
    series = np.array([series for series, _time in readings], np.int32)
    time_us = np.array([int(time.timestamp()) * 1_000_000 for _series, time in readings], np.int64)
    return Batch(series, time_us, np.zeros(len(series)), np.zeros(len(series), np.int16), series, time_us)


def test_marks_readings_of_open_hours_need_none() -> None:
    """What comes in time costs nothing."""
    assert late_marks(_batch([(1, _CLOSED), (2, _CLOSED + _HOUR)]), _CLOSED) == []


def test_marks_late_readings_leave_one_for_each_series_and_hour() -> None:
    """Readings of the same hour share a mark; open hours have none."""
    times = [_CLOSED - _HOUR, _CLOSED - _MINUTE, _CLOSED]
    batch = _batch([(series, time) for series in (1, 2) for time in times])

    assert late_marks(batch, _CLOSED) == [(1, _CLOSED - _HOUR), (2, _CLOSED - _HOUR)]


def test_marks_backlog_of_many_series_marks_whole_hours() -> None:
    """A few hours of thousands of series are marked for all series."""
    batch = _batch([(series, _CLOSED - hours * _HOUR) for series in range(3000) for hours in (2, 1)])

    assert late_marks(batch, _CLOSED) == [(None, _CLOSED - 2 * _HOUR), (None, _CLOSED - _HOUR)]


def test_marks_backlog_of_many_hours_marks_its_series_only() -> None:
    """A long backlog of few series does not make all series be aggregated again."""
    hours = 4500
    marks = late_marks(_batch([(7, _CLOSED - (hours - hour) * _HOUR) for hour in range(hours)]), _CLOSED)

    assert len(marks) == hours
    assert {series for series, _hour in marks} == {7}
