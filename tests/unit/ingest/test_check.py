"""Check: flags at their borders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from devices.doubts import LATE_AFTER_US
from devices.flags import Flag
from devices.invalidations import invalidations_of
from ingest.check import check
from tests.unit.ingest.examples import RECEIVED_US, Row, batch_of, registry, rows_of

DAY_US = 86_400_000_000
AHEAD_US = 600_000_000


@pytest.mark.parametrize(
    ("metric", "value", "flags"),
    [
        (0, -30.0, 0),
        (0, 45.0, 0),
        (0, np.nextafter(-30.0, -31), Flag.OUT_OF_RANGE),
        (0, np.nextafter(45.0, 46), Flag.OUT_OF_RANGE),
        (0, 1e300, Flag.OUT_OF_RANGE),
        (1, -1e300, 0),
        (1, 1000.0, 0),
        (1, 1000.5, Flag.OUT_OF_RANGE),
        (2, 1e300, 0),
        (2, 0.0, 0),
        (2, -0.5, Flag.OUT_OF_RANGE),
    ],
)
def test_check_value_at_the_limits_of_its_metric(metric: int, value: float, flags: int) -> None:
    """The limits themselves are possible; beyond them the value is kept and flagged; no limit never flags."""
    row = Row(1, RECEIVED_US, value, metric=metric)

    assert rows_of(check(batch_of([row]), registry())) == [row._replace(flags=flags)]


@pytest.mark.parametrize(
    ("age_us", "flags"),
    [(0, 0), (LATE_AFTER_US, 0), (LATE_AFTER_US + 1, Flag.LATE), (400 * DAY_US, Flag.LATE), (-AHEAD_US, 0)],
)
def test_check_reading_older_than_an_hour_is_late(age_us: int, flags: int) -> None:
    """One hour is still in time."""
    row = Row(1, RECEIVED_US - age_us, 20.0)

    assert rows_of(check(batch_of([row]), registry())) == [row._replace(flags=flags)]


def test_check_adds_to_the_flags_that_are_there() -> None:
    """Whatever was known before stays known, and a reading can be doubtful in several ways."""
    row = Row(1, RECEIVED_US - 2 * LATE_AFTER_US, 99.0, flags=Flag.CLOCK)

    checked = check(batch_of([row]), registry())

    assert checked.flags.tolist() == [Flag.CLOCK | Flag.LATE | Flag.OUT_OF_RANGE]
    assert checked.flags.dtype == np.int16


def test_check_empty_batch_stays_empty() -> None:
    """A group of nothing but refused messages comes through here too."""
    assert rows_of(check(batch_of([]), registry())) == []


def test_check_reading_in_an_invalidated_range_is_flagged_beside_its_other_doubts() -> None:
    """What people took out of the statistics stays out when it comes later; the same time of another series does not."""
    taken_out = replace(registry(), invalidations=invalidations_of([(2, RECEIVED_US - 10, RECEIVED_US)]))
    rows = [Row(2, RECEIVED_US - 1, 99.0, metric=0), Row(2, RECEIVED_US, 1.0, metric=0), Row(1, RECEIVED_US - 1, 1.0, metric=0)]

    flags = check(batch_of(rows), taken_out).flags

    assert flags.tolist() == [Flag.MANUAL_INVALID | Flag.OUT_OF_RANGE, 0, 0]
