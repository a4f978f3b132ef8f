"""What the tests of `ingest` share: groups of messages, a small registry, and batches read back as plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hypothesis import strategies as st

from devices.registry import Registry, build_registry
from devices.topics import parse_topic
from ingest.batch import Batch
from ingest.message import Group, Message, group_of
from tests.unit.devices.examples import devices_with_clocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.columns import Reject
    from devices.reasons import Reason

RECEIVED_US = 1_700_000_000_000_000
"""When the first message of a group arrives; each further one a second later."""

HOUR_US = 3_600_000_000

KNOWN, OTHER, SWAPPED = "dev-1", "dev-2", "dev-3"
"""Registered: with the usual clock window, with a narrow one, and moved between sites at `MOVED_US`."""

MOVED_US = RECEIVED_US - HOUR_US

METRICS = [
    (3, "air_temperature", "°C", "Cel", -30.0, 45.0),
    (7, "pm2_5", "µg/m³", "ug/m3", None, 1000.0),
    (9, "uptime", "s", "s", 0.0, None),
]
ALIASES = [("temperature", 3), ("pm25", 7)]
DEVICES = [(10, KNOWN, 400 * 86_400, 600), (20, OTHER, 60, 5), (35, SWAPPED, 400 * 86_400, 600), (40, "dev-4", 86_400, 600)]
DEPLOYMENTS: list[tuple[int, int, int, str, int | None, int | None]] = [
    (1, 10, 1, "", None, None),
    (2, 20, 2, "", None, None),
    (3, 35, 3, "", None, MOVED_US),
    (4, 35, 4, "north", MOVED_US, None),
]
SERIES = [
    (101, 1, 3, ""),
    (102, 1, 7, ""),
    (201, 2, 3, ""),
    (301, 3, 3, ""),
    (302, 3, 7, ""),
    (401, 4, 3, "north"),
    (402, 4, 3, ""),
]


def registry(kept_from: Sequence[tuple[int, int]] = ()) -> Registry:
    """Build the registry of the names above; `dev-4` is registered and at no site, uptime has no series yet."""
    return build_registry(METRICS, ALIASES, [], *devices_with_clocks(DEVICES), DEPLOYMENTS, SERIES, list_kept_from=kept_from)


def device_topic(uid: str) -> str:
    """Write the topic of a device."""
    return f"hedgerow/v1/{uid}/up"


GATEWAY = "hedgerow/v1/gw/gate-1/up"


def group(*payloads: bytes, topics: Sequence[str] = (), held: bool = False) -> Group:
    """Make a group of messages, on the topic of `KNOWN` unless others are named."""
    return group_of(
        [
            Message(topic, payload, RECEIVED_US + i * 1_000_000, i + 1, 1, may_be_repeated=False)
            for i, (payload, topic) in enumerate(zip(payloads, topics or [device_topic(KNOWN)] * len(payloads), strict=True))
        ],
        held_uids=[parse_topic(topic).uid for topic in topics or [device_topic(KNOWN)] * len(payloads)] if held else (),
    )


class Row(NamedTuple):
    """One row of a batch."""

    series: int
    time_us: int
    value: float
    flags: int = 0
    metric: int = 0
    received_us: int = RECEIVED_US


def batch_of(rows: Sequence[Row]) -> Batch:
    """Write rows as a batch."""
    return Batch(
        series=np.array([row.series for row in rows], np.int32),
        time_us=np.array([row.time_us for row in rows], np.int64),
        value=np.array([row.value for row in rows], np.float64),
        flags=np.array([row.flags for row in rows], np.int16),
        metric=np.array([row.metric for row in rows], np.int32),
        received_us=np.array([row.received_us for row in rows], np.int64),
    )


def rows_of(batch: Batch) -> list[Row]:
    """Read a batch back row by row."""
    columns = (batch.series, batch.time_us, batch.value, batch.flags, batch.metric, batch.received_us)
    return [Row(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


class Refusal(NamedTuple):
    """One reject without its wording."""

    message: int
    item: int
    reason: Reason


def refusals_of(rejects: Sequence[Reject]) -> list[Refusal]:
    """Read rejects in order of message and item."""
    return sorted(Refusal(reject.message, reject.item, reject.reason) for reject in rejects)


rows = st.builds(
    Row,
    series=st.integers(1, 4),
    time_us=st.integers(0, 5),
    value=st.sampled_from([0.0, -0.0, 1.0, 2.5]),
    flags=st.sampled_from([0, 1, 512, 8192]),
    metric=st.integers(0, 2),
    received_us=st.integers(0, 10),
)
"""Rows whose keys meet often."""
