"""Tests of simulators/compose.py: what is written is what ingest reads back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from devices.digest import digest_of
from devices.topics import parse_topic
from devices.units import conversion
from devices.vocabulary import load_vocabulary
from ingest.decode import decode
from ingest.message import Message as Arrived
from ingest.message import group_of
from simulators.compose import compose
from simulators.county import make_county
from simulators.faults import Faults, spoil
from simulators.message import Message, Reading
from simulators.schedule import at_rate

if TYPE_CHECKING:
    from devices.columns import Columns
    from ingest.message import Group

START_US = 1_790_000_000_123_456
COUNTY = make_county(1, 60)
METRICS = {name: metric for metric in load_vocabulary() for name in (metric.key, *metric.aliases)}


def decoded(messages: list[Message]) -> tuple[Group, Columns]:
    """Let ingest decode messages."""
    group = group_of([Arrived(one.topic, one.payload, START_US + i, i, 1, False) for i, one in enumerate(messages)])
    return group, decode(group)


def test_compose_good_messages_are_read_back_exactly() -> None:
    """Device, metric, time and value, in the metric's unit, are to the last bit what the ledger says."""
    messages = compose(COUNTY, at_rate(60, 7_777, 0, 3_000, START_US))
    _group, columns = decoded(messages)

    found: list[tuple[int, str, Reading]] = []
    for i in range(len(columns)):
        metric = METRICS[columns.metrics[columns.metric[i]]]
        factors = conversion(columns.units[columns.unit[i]], metric.unit, metric.unit_senml)
        assert factors is not None
        value = float(columns.value[i] * factors[0] + factors[1])
        uid = columns.uids[columns.device[i]]
        found.append((int(columns.message[i]), uid, Reading(metric.key, int(columns.time_us[i]), value)))

    assert columns.rejects == []
    expected = [(i, message.uid, reading) for i, message in enumerate(messages) for reading in message.readings]
    assert sorted(found) == sorted(expected)
    assert len({reading.metric for _i, _uid, reading in found}) >= 14


def test_compose_repeated_and_late_messages_are_the_same_messages() -> None:
    """A message composed again, in another company, has the same bytes."""
    due = at_rate(60, 1_000, 0, 600, START_US)
    rows = np.random.default_rng(2).permutation(600)[:100]

    messages = compose(COUNTY, due)

    assert compose(COUNTY, due.take(rows)) == [messages[row] for row in rows.tolist()]


def test_compose_traffic_without_vehicles_says_no_speed() -> None:
    """What a device has nothing to say about is no reading, not a zero and no NaN."""
    messages = compose(COUNTY, at_rate(60, 0.05, 0, 2_000, START_US))
    silent = [one for one in messages if ("vehicle_count", 0.0) in [(r.metric, r.value) for r in one.readings]]

    assert silent
    assert all(b"NaN" not in one.payload for one in messages)
    assert {reading.metric for one in silent for reading in one.readings} == {"vehicle_count", "occupancy"}


def test_compose_faults_are_told_in_the_message() -> None:
    """The ledger learns of every fault: its name, whether the clock is wrong, and the reason to expect."""
    faults = Faults(duplicate=0.1, late=0.1, out_of_order=0.1, skewed=0.1, malformed=0.3)
    due = spoil(at_rate(60, 1_000, 0, 4_000, START_US), faults, COUNTY.keys, np.full(60, 60_000, np.int64))
    messages = compose(COUNTY, due, ("empty_pack", "unknown_metric"))
    counted = Counter(one.fault for one in messages)

    assert set(counted) == {"", "duplicate", "late", "out_of_order", "skewed", "empty_pack", "unknown_metric"}
    assert all(one.clock == (one.fault == "skewed") for one in messages)
    assert {one.reason for one in messages if one.fault == "empty_pack"} == {"pack_empty"}
    assert all(one.refused == 0 and not one.reason for one in messages if one.fault in {"", "late", "skewed"})
    assert 400 < counted["unknown_metric"] < 800


@pytest.mark.parametrize("payload", [b"", b"[]", bytes(range(256)), b"x" * 1_000])
def test_digest_is_the_one_by_which_ingest_knows_a_message(payload: bytes) -> None:
    """Ledger and quarantine name the same bytes on the same topic alike."""
    topic = "hedgerow/v1/m\N{LATIN SMALL LETTER U WITH DIAERESIS}hle/up"
    group = group_of([Arrived(topic, payload, START_US, 1, 1, False)])

    assert digest_of(topic, payload) == int(group.digests[0])
    assert parse_topic(topic).reason == "uid_invalid"
