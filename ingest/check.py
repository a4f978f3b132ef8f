"""Check: takes columns, gives flags as masks; never drops a value; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.doubts import doubts
from devices.flags import Flag

if TYPE_CHECKING:
    from devices.registry import Registry
    from ingest.batch import Batch


def check(batch: Batch, registry: Registry) -> Batch:
    """Flag what is doubtful about each reading, range and lateness, and what people have taken out beforehand."""
    invalid = registry.invalidations.cover(batch.series, batch.time_us) * np.int16(Flag.MANUAL_INVALID)
    told = doubts(batch.value, batch.metric, batch.time_us, batch.received_us, registry, batch.profile)
    return batch.with_flags(invalid | told)
