"""Check: takes columns, gives flags as masks; never drops a value; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.doubts import doubts

if TYPE_CHECKING:
    from devices.registry import Registry
    from ingest.batch import Batch


def check(batch: Batch, registry: Registry) -> Batch:
    """Flag what is doubtful about each reading: range and lateness."""
    return batch.with_flags(doubts(batch.value, batch.metric, batch.time_us, batch.received_us, registry))
