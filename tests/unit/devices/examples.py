"""What the tests of `devices` share: messages to decode, and columns read back as plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hypothesis import settings

from devices import flat
from devices.columns import NO_TEXT, Messages, Reject, Rows, TooManyRefused
from devices.senml import parse_any
from devices.topics import parse_topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.columns import Columns
    from devices.reasons import Reason

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None, max_examples=100)
"""The same examples in every run."""

RECEIVED_US = 1_700_000_000_000_000
"""When the first message of an example arrives; each further one a second later."""

DEVICE = "hedgerow/v1/dev-1/up"
GATEWAY = "hedgerow/v1/gw/gate-1/up"


class Reading(NamedTuple):
    """One row of columns, texts in the place of codes."""

    message: int
    item: int
    uid: str
    metric: str
    unit: str
    time_us: int
    value: float | str


class Refusal(NamedTuple):
    """One reject without its wording."""

    message: int
    item: int
    reason: Reason


def messages(*payloads: bytes, topics: Sequence[str] = ()) -> Messages:
    """Make messages to decode together, on a device's topic unless others are named."""
    sources = [parse_topic(topic) for topic in topics or [DEVICE] * len(payloads)]
    received_us = RECEIVED_US + np.arange(len(payloads), dtype=np.int64) * 1_000_000
    return Messages(np.arange(len(payloads), dtype=np.int32), payloads, sources, received_us)


def decode_flat(asked: Messages) -> Columns:
    """Read every message as flat objects, also what the path would take for SenML."""
    rows = Rows()
    for index, payload, source, received_us in zip(
        asked.index.tolist(), asked.payloads, asked.sources, asked.received_us.tolist(), strict=True
    ):
        parsed = parse_any(payload)
        if isinstance(parsed, tuple):
            rows.rejects.append(Reject(index, *parsed))
            continue
        try:
            flat.decode(rows, index, source.uid, received_us, parsed)
        except TooManyRefused:
            rows.refuse_whole(index)
    return rows.columns()


def readings_of(columns: Columns) -> list[Reading]:
    """Read columns back row by row."""
    return [
        Reading(
            int(columns.message[i]),
            int(columns.item[i]),
            columns.uids[columns.device[i]],
            columns.metrics[columns.metric[i]],
            columns.units[columns.unit[i]],
            int(columns.time_us[i]),
            _value(columns, i),
        )
        for i in range(len(columns))
    ]


def _value(columns: Columns, i: int) -> float | str:
    is_text = columns.text is not None and columns.text[i] != NO_TEXT
    return columns.texts[columns.text[i]] if is_text else float(columns.value[i])  # type: ignore[index]  # mypy: not None


def refusals_of(columns: Columns) -> list[Refusal]:
    """Read the rejects back in order of message and item."""
    return sorted(Refusal(reject.message, reject.item, reject.reason) for reject in columns.rejects)


def devices_with_clocks(
    devices: Sequence[tuple[int, str, int, int]],
) -> tuple[list[tuple[int, str, str, str, str, int, int]], list[tuple[int, str, int]]]:
    """Make the rows of device profiles and devices of (device id, uid, clock back, clock ahead [s])."""
    profiles = [(i, f"profile-{i}", "auto", "", "", back, ahead) for i, _, back, ahead in devices]
    return profiles, [(i, uid, i) for i, uid, _, _ in devices]
