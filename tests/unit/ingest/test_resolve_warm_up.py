"""Devices that have just been put up: their first readings are doubtful where their profile says so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devices.flags import Flag
from devices.quality.rules import build_rules
from ingest.decode import decode
from ingest.resolve import resolve
from tests.unit.ingest.examples import MOVED_US, SWAPPED, device_topic, group, registry


@pytest.mark.parametrize(("after_s", "flags"), [(0, Flag.WARM_UP), (599, Flag.WARM_UP), (600, 0), (-1, 0)])
def test_resolve_reading_soon_after_a_device_was_put_up_is_of_its_warm_up(after_s: int, flags: int) -> None:
    """It begins with the deployment, and ends when the time is over; at the site before, where it always was, it has none."""
    known = registry()
    profile = known.profile(SWAPPED)
    assert profile is not None
    metrics = [(key, None, None) for key in known.metric_keys]
    rules = build_rules(metrics, [one.key for one in known.profiles], [], [(profile.key, 600, None, {})])
    sent = group(
        json.dumps([{"n": "temperature", "v": 1, "t": MOVED_US / 1e6 + after_s}]).encode(), topics=[device_topic(SWAPPED)]
    )

    batch = resolve(decode(sent), sent, replace(known, rules=rules)).batch

    assert batch.flags.tolist() == [flags]
    assert batch.profile is not None
    assert known.profiles[batch.profile[0]].key == profile.key
