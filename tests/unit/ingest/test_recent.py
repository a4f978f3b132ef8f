"""Readings held against those before them: batch by batch, as one by one by the slow rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.flags import Flag
from devices.quality.rules import build_rules
from ingest.recent import NO_SPIKES, Recent, Spikes, carried_over
from tests.unit.ingest.examples import RECEIVED_US, Row, batch_of, rows_of
from tests.unit.ingest.quality_examples import BATTERY, HUMIDITY, MINUTE_US, PM2_5, PM10, SERIES, Slow, registry

REGISTRY = registry()
VALUES = {
    PM2_5: st.sampled_from([0.0, 5.0, 6.0, 14.0, 40.0, 77.0, -99.0, 2000.0]),
    PM10: st.sampled_from([0.0, 5.0, 12.0, 36.0, 2000.0]),
    HUMIDITY: st.sampled_from([50.0, 95.0, 96.0, 2000.0]),
    BATTERY: st.sampled_from([9.0, 10.0, 50.0]),
}


@st.composite
def batches(draw: st.DrawFn) -> list[list[Row]]:
    """Draw batches of readings with distinct keys, mostly in the order of their times."""
    times = draw(st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True))
    if draw(st.booleans()):
        times.sort()
    spacing_us = draw(st.sampled_from([MINUTE_US // 4, 20 * MINUTE_US]))
    rows = [
        Row(SERIES[metric], RECEIVED_US - 30 * MINUTE_US + at * spacing_us, draw(VALUES[metric]), metric=metric)
        for at in times
        for metric in draw(
            st.sampled_from([(PM2_5,), (PM2_5,), (PM2_5, PM10), (PM2_5, PM10, HUMIDITY), (HUMIDITY,), (BATTERY,)])
        )
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    return [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) if a < b]


def judged(recent: Recent, batch: list[Row], flags: dict[tuple[int, int], int]) -> None:
    """Check a batch and write down flags by series and time, spikes told later included."""
    checked, spikes = recent.check(batch_of(batch), REGISTRY)
    for series, time_us, flag in zip(checked.series.tolist(), checked.time_us.tolist(), checked.flags.tolist(), strict=True):
        flags.setdefault((series, time_us), flag)
    for key in zip(*spikes, strict=True):
        flags[key] |= Flag.SPIKE


@given(batches())
def test_recent_batches_are_judged_as_one_by_one(parts: list[list[Row]]) -> None:
    """However readings are cut into batches and in whatever order, vectorised rules say what the slow ones say."""
    recent, slow, flags = Recent(), Slow(), dict[tuple[int, int], int]()
    for part in parts:
        judged(recent, part, flags)
        slow.take(part)

    assert flags == slow.flags


@given(batches(), st.data())
def test_recent_batches_processed_anew_keep_the_flags_of_the_first_time(parts: list[list[Row]], data: st.DataObject) -> None:
    """A batch that was not stored is checked again, whole and then cut in two: what it says of itself and others stays."""
    recent, slow, flags, spikes = Recent(), Slow(), dict[tuple[int, int], int](), set[tuple[int, int]]()
    for part in parts:
        slow.take(part)
        whole, told = batch_of(part), recent.check(batch_of(part), REGISTRY)
        told = carried_over(*recent.check(whole, REGISTRY), *told)
        cut = data.draw(st.integers(0, len(part)))
        for rows in (np.arange(cut), np.arange(cut, len(part))):
            half, earlier = carried_over(*recent.check(whole.take(rows), REGISTRY), *told)
            flags |= {(row.series, row.time_us): row.flags for row in rows_of(half)}
            spikes.update(zip(*earlier, strict=True))
    for key in spikes:
        flags[key] |= Flag.SPIKE

    assert flags == slow.flags


def test_recent_spike_is_not_told_by_readings_that_belong_to_another_series_meanwhile() -> None:
    """Where a device has moved while its readings were on their way, nothing of the old series hangs on them."""
    before, after = batch_of([Row(1, RECEIVED_US, 6.0, Flag.STEP)]), batch_of([Row(2, RECEIVED_US, 6.0)])

    carried, spikes = carried_over(after, NO_SPIKES, before, Spikes([1], [RECEIVED_US - MINUTE_US]))

    assert (carried.flags.tolist(), spikes) == ([0], NO_SPIKES)


@given(st.lists(VALUES[PM2_5], min_size=1, max_size=20))
def test_recent_batch_that_comes_again_gets_the_flags_it_had(values: list[float]) -> None:
    """One reading a series and batch, as devices send them: a redelivery is judged as the first time."""
    recent = Recent()
    for minute, value in enumerate(values):
        batch = batch_of([Row(1, RECEIVED_US + minute * MINUTE_US, value)])
        first, _ = recent.check(batch, REGISTRY)
        again, spikes = recent.check(batch, REGISTRY)
        assert again.flags.tolist() == first.flags.tolist()
        assert not spikes.series


def test_recent_batch_with_the_same_key_twice_counts_it_once() -> None:
    """A reading sent twice in one group is no run of identical ones."""
    rows = [Row(1, RECEIVED_US + minute * MINUTE_US, 6.0) for minute in (0, 0, 0, 3, 3)]

    checked, _ = Recent().check(batch_of(rows), REGISTRY)

    assert checked.flags.tolist() == [0] * 5


def test_recent_does_not_grow_with_readings() -> None:
    """What is kept is a row a series, however many readings come."""
    recent = Recent()
    sizes = set()
    for minute in range(50):
        recent.check(batch_of([Row(1, RECEIVED_US + minute * MINUTE_US, 6.0)]), REGISTRY)
        sizes.add(len(recent._table))  # noqa: SLF001

    assert len(sizes) == 1


def test_recent_goes_on_from_what_the_store_has() -> None:
    """After a restart the run of identical readings, the neighbours and the humidity of the site are known."""
    recent = Recent()
    minute = RECEIVED_US + np.arange(10) * MINUTE_US
    recent.fill(
        [
            (1, int(minute[3]), 6.0, int(minute[2]), 6.0, 4, int(minute[0])),
            (4, int(minute[3]), 50.0, None, None, 1, int(minute[3])),
        ],
        [(1, int(minute[3]), 97.0)],
    )

    flat, _ = recent.check(batch_of([Row(1, int(minute[4]), 6.0)]), REGISTRY)
    jump, _ = recent.check(batch_of([Row(1, int(minute[5]), 60.0)]), REGISTRY)
    back, spikes = recent.check(batch_of([Row(1, int(minute[6]), 6.0)]), REGISTRY)

    assert flat.flags.tolist() == [Flag.FLATLINE | Flag.HUMIDITY]
    assert jump.flags.tolist() == [Flag.STEP | Flag.HUMIDITY]
    assert back.flags.tolist() == [Flag.HUMIDITY]
    assert spikes == ([1], [int(minute[5])])


def test_recent_device_that_was_silent_for_long_warms_up_again() -> None:
    """Its readings are doubtful for so long as its profile says, over several batches; those of other profiles never are."""
    recent, rules = Recent(), build_rules([("pm2_5", None, None)], ["plain", "slow"], [], [("slow", 180, 600, {})])
    ours = replace(REGISTRY, rules=rules)
    flags: dict[int, list[int]] = {1: [], 2: []}
    for minute in (0, 5, 30, 31, 32, 33, 34):
        rows = [Row(series, RECEIVED_US + minute * MINUTE_US, 5.0) for series in flags]
        checked, _ = recent.check(replace(batch_of(rows), profile=np.array([1, 0], np.int32)), ours)
        for series, flag in zip(checked.series.tolist(), checked.flags.tolist(), strict=True):
            flags[series].append(flag)

    assert flags == {1: [0, 0, *[Flag.WARM_UP] * 3, 0, 0], 2: [0] * 7}
