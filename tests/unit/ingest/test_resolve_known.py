"""Resolve with everything registered: each reading has the series, time and value that it says."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from hypothesis import given, settings

from devices.registry import build_registry
from ingest.decode import decode
from ingest.resolve import resolve
from tests.unit.devices.examples import DETERMINISTIC, readings_of
from tests.unit.devices.senml_packs import groups
from tests.unit.ingest.examples import group, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL_KNOWN = build_registry(
    [(i, name, "", "", None, None) for i, name in enumerate(["a", "b", "temperature", "t", ""], 1)],
    [],
    [],
    [(1, "any", "auto", "", "", 2 * 10**9, 4 * 10**9)],
    [(i, uid, 1) for i, uid in enumerate(["dev-1", "dev-2", "dev-7", "x", "a", "0024befffe804ff1", "z9"], 1)],
    [(i, i, i, "", None, None) for i in range(1, 8)],
    [(10 * site + metric, site, metric, "") for site in range(1, 8) for metric in range(1, 6)],
)
"""A registry that knows every device and metric of the random packs."""


@settings(DETERMINISTIC, max_examples=200)
@given(groups)
def test_resolve_random_groups_of_known_things_are_all_stored(
    pairs: Sequence[tuple[list[dict[str, object]] | bytes, str]],
) -> None:
    """With every device and metric registered each number without a unit has the series, time and value that it says."""
    payloads = [pack if isinstance(pack, bytes) else json.dumps(pack).encode() for pack, _ in pairs]
    messages = group(*payloads, topics=[topic for _, topic in pairs])
    columns = decode(messages)
    found = resolve(columns, messages, ALL_KNOWN)

    expected = []
    for reading in readings_of(columns):
        device = ALL_KNOWN.device_position.get(reading.uid)
        metric = ALL_KNOWN.metric_position.get(reading.metric)
        if reading.unit == "" and device is not None and metric is not None and not isinstance(reading.value, str):
            expected.append((10 * (device + 1) + metric + 1, reading.time_us, reading.value))
    assert [(row.series, row.time_us, row.value) for row in rows_of(found.batch)] == expected
    assert all(math.isfinite(row.value) for row in rows_of(found.batch))
    assert not found.missing
