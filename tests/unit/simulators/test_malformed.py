"""Tests of simulators/malformed.py: every kind ends where it says, through the real decode and resolve of ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from devices.registry import Registry, build_registry
from devices.topics import SUBSCRIPTIONS, device_topic
from devices.vocabulary import load_vocabulary
from ingest.decode import decode
from ingest.message import Message as Arrived
from ingest.message import group_of
from ingest.resolve import resolve
from simulators.compose import spoil
from simulators.malformed import MALFORMED
from simulators.message import Message, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.columns import Reject

UID = "0211223344556677"
TIME_US = 1_790_000_000_123_456
GOOD = Message(
    UID,
    device_topic(UID),
    b"",
    (Reading("no2", TIME_US, 18.3), Reading("pm10", TIME_US, 12.0), Reading("o3", TIME_US, 50.5)),
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Give a registry with the whole vocabulary and the one device, which is where it is for ever."""
    metrics = load_vocabulary()
    return build_registry(
        list_metrics=[(i + 1, m.key, m.unit, m.unit_senml, m.valid_min, m.valid_max) for i, m in enumerate(metrics)],
        list_metric_aliases=[(alias, i + 1) for i, m in enumerate(metrics) for alias in m.aliases],
        list_metric_states=[],
        list_profiles=[(1, "generic", "auto", "", "", 400 * 86_400, 600)],
        list_devices=[(1, UID, 1)],
        list_deployments=[(1, 1, 1, "", None, None)],
        list_series=[(i + 1, 1, i + 1, "") for i in range(len(metrics))],
    )


def ingested(messages: Sequence[Message], registry: Registry) -> tuple[list[list[Reading]], list[list[Reject]]]:
    """Send messages through decode and resolve together; give the readings and rejects of each."""
    group = group_of([Arrived(one.topic, one.payload, TIME_US + 5_000_000 + i, i, 1, False) for i, one in enumerate(messages)])
    resolved = resolve(decode(group), group, registry)
    batch = resolved.batch
    readings: list[list[Reading]] = [[] for _ in messages]
    for i in range(len(batch.value)):
        message = int(np.flatnonzero(group.received_us == batch.received_us[i])[0])
        key = registry.metric_keys[int(batch.series[i]) - 1]
        readings[message].append(Reading(key, int(batch.time_us[i]), float(batch.value[i])))
    rejects = [[reject for reject in resolved.rejects if reject.message == i] for i in range(len(messages))]
    return readings, rejects


def test_malformed_there_are_at_least_twenty_kinds_with_most_reasons() -> None:
    """The table is what the acceptance test of quarantine needs."""
    assert len(MALFORMED) >= 20
    assert len({reason for _make, reason in MALFORMED.values()}) >= 15


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_alone_is_refused_for_its_reason_and_no_more(name: str, registry: Registry) -> None:
    """Each kind makes the rows of quarantine it says, for the reason it says; its good readings are kept."""
    message = spoil(GOOD, name)

    (readings,), (rejects,) = ingested([message], registry)

    assert {reject.reason for reject in rejects} == {MALFORMED[name][1]}
    assert len(rejects) == len({reject.item for reject in rejects}) == message.refused
    assert sorted(readings) == sorted(message.readings)
    assert message.reason == MALFORMED[name][1]


def test_malformed_all_in_one_group_spoil_no_neighbour(registry: Registry) -> None:
    """Among good messages in one group, every bad one costs only itself."""
    values = [(i + 1) / 10 for i in range(len(MALFORMED))]
    good = [
        Message(
            UID,
            device_topic(UID),
            b'[{"bt":%.6f,"n":"no2","v":%.1f}]' % (TIME_US / 1e6, value),
            (Reading("no2", TIME_US, value),),
        )
        for value in values
    ]
    bad = [spoil(GOOD, name) for name in MALFORMED]
    mixed = [message for pair in zip(good, bad, strict=True) for message in pair]

    readings, rejects = ingested(mixed, registry)

    for message, kept, refused in zip(mixed, readings, rejects, strict=True):
        assert sorted(kept) == sorted(message.readings)
        assert [reject.reason for reject in refused] == [message.reason] * message.refused


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_topic_is_one_that_ingest_listens_to(name: str) -> None:
    """What nobody subscribes to would vanish: every kind is published where it can be refused."""
    parts = spoil(GOOD, name).topic.split("/")
    filters = [one.split("/") for one in SUBSCRIPTIONS]

    assert any(
        len(one) == len(parts) and all(want in ("+", part) for want, part in zip(one, parts, strict=True)) for one in filters
    )
