"""Clocks: what the vectorised reading of device clocks must give, held against a slow and obvious one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.columns import NO_TIME_US
from ingest.clocks import NO_SIGHTINGS, Clocks, Sightings, sightings
from ingest.decode import decode
from ingest.resolve import resolve
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.ingest.examples import GATEWAY, KNOWN, OTHER, RECEIVED_US, device_topic, group, registry

if TYPE_CHECKING:
    import pytest

DAY_US = 86_400_000_000
DAY = RECEIVED_US // DAY_US
DEVICE_IDS = np.array([10, 20, 35], np.int32)


class Reading(NamedTuple):
    """One reading of one message."""

    message: int
    device: int
    delay_us: int
    """Arrival minus its time."""
    is_doubted: bool = False
    is_no_time: bool = False


def received_us(message: int) -> int:
    """Tell when a message arrives: every third one a day later."""
    return RECEIVED_US + message * 1_000_000 + (message % 3 == 2) * DAY_US


def taken(*batches: list[Reading]) -> dict[tuple[int, int], tuple[object, ...]]:
    """Let the vectorised reading gather readings; gives figures by device id and day."""
    clocks = Clocks()
    for readings in batches:
        clocks.add(seen(readings))
    return {
        (device, day): tuple(figures) for rows in clocks.take() for device, day, *figures in zip(*rows.values(), strict=True)
    }


def seen(readings: list[Reading]) -> Sightings:
    """Give the sightings of readings."""
    arrival = np.array([received_us(one.message) for one in readings], np.int64)
    time_us = np.array(
        [NO_TIME_US if one.is_no_time else received_us(one.message) - one.delay_us for one in readings], np.int64
    )
    return sightings(
        np.array([one.message for one in readings], np.int32),
        np.array([one.device for one in readings], np.int32),
        time_us,
        arrival,
        np.array([one.is_doubted or one.is_no_time for one in readings], bool),
        DEVICE_IDS,
    )


def slowly(readings: list[Reading]) -> dict[tuple[int, int], tuple[object, ...]]:
    """Give the same one reading at a time."""
    found: dict[tuple[int, int], tuple[list[int], int, float | None]] = {}
    for message in dict.fromkeys(one.message for one in readings):
        for device in dict.fromkeys(one.device for one in readings if one.message == message):
            mine = [one for one in readings if (one.message, one.device) == (message, device)]
            key = int(DEVICE_IDS[device]), received_us(message) // DAY_US
            delays, unbelievable, offset = found.get(key, ([], 0, None))
            believed = [one.delay_us for one in mine if not (one.is_doubted or one.is_no_time)]
            if believed and min(believed) != 0:
                delays = [*delays, min(believed)]
            for one in mine:
                if one.is_doubted or one.is_no_time:
                    unbelievable += 1
                    offset = None if one.is_no_time else -one.delay_us / 1e6
            found[key] = delays, unbelievable, offset
    return {
        key: (len(delays), min(delays) / 1e6 if delays else None, max(delays) / 1e6 if delays else None, unbelievable, offset)
        for key, (delays, unbelievable, offset) in found.items()
        if delays or unbelievable
    }


readings_strategy = st.lists(
    st.builds(
        Reading,
        st.integers(0, 5),
        st.integers(0, 2),
        st.sampled_from([0, 1, -1, 7_000_000, -90_000_000, 400 * DAY_US]),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=30,
).map(lambda readings: sorted(readings, key=lambda one: (one.message, one.device)))


@DETERMINISTIC
@given(readings_strategy)
def test_clocks_of_any_readings_equal_a_slow_reading(readings: list[Reading]) -> None:
    """Any readings in order of message and device give the figures of the slow reading."""
    assert taken(readings) == slowly(readings)


@DETERMINISTIC
@given(readings_strategy, readings_strategy)
def test_clocks_gather_several_groups(first: list[Reading], second: list[Reading]) -> None:
    """Groups add up: the order of messages within them is kept."""
    later = [one._replace(message=one.message + 6) for one in second]

    assert taken(first, later) == slowly(first + later)


def test_clocks_of_nothing_are_nothing() -> None:
    """An empty group leaves nothing to write, whatever the time."""
    clocks = Clocks()
    clocks.add(NO_SIGHTINGS)

    assert list(clocks.take()) == []
    assert not clocks.is_due()


def test_clocks_taken_wait_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken is not given twice; the next is due half a minute later."""
    clocks = Clocks()
    clocks.add(seen([Reading(0, 0, 5_000_000)]))
    assert not clocks.is_due()
    monkeypatch.setattr("ingest.clocks.time.monotonic", lambda: 1e12)
    assert clocks.is_due()

    assert [rows["devices"] for rows in clocks.take()] == [[10]]
    assert list(clocks.take()) == []
    clocks.add(seen([Reading(0, 0, 5_000_000)]))
    assert not clocks.is_due()


def test_resolve_reads_clocks_of_devices_and_of_gateways_packs() -> None:
    """The newest time of each device in each message counts, before it is believed; of unregistered devices nothing is told."""
    at = RECEIVED_US / 1e6
    found = group(
        b'[{"time": %f, "temperature": 1}, {"time": %f, "temperature": 2}]' % (at - 60, at - 30),
        b'[{"bn":"%s:","bt":%f,"n":"temperature","v":1},{"bn":"%s:","n":"temperature","v":2},{"bn":"x:","n":"temperature","v":2}]'
        % (KNOWN.encode(), at - 9, OTHER.encode()),
        b'{"time": "2106-02-07T06:28:15Z", "temperature": 3}',
        b'{"temperature": 3}',
        topics=[device_topic(KNOWN), GATEWAY, device_topic(OTHER), device_topic(KNOWN)],
    )

    clocks = resolve(decode(found), found, registry()).clocks

    assert clocks.device.tolist() == [10, 10, 20, 20, 10]
    assert ((clocks.received_us - clocks.newest_us) / 1e6).tolist()[:3] == [30.0, 10.0, 10.0]
    assert clocks.newest_us.tolist()[3] == NO_TIME_US
    assert clocks.newest_us.tolist()[4] == clocks.received_us.tolist()[4]
    assert clocks.unbelievable is not None
    assert clocks.last_us is not None
    assert clocks.unbelievable.tolist() == [0, 0, 0, 1, 0]
    assert clocks.last_us.tolist()[3] == round(datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC).timestamp() * 1e6)
