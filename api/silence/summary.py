"""Summary: how many devices are how well, and whether Hedgerow can hear at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.database import rows_of
from devices.silence import WORDS

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import AsyncConnection


@dataclass(frozen=True, slots=True)
class Silence:
    """The whole county's silence."""

    devices: dict[str, int]
    """Count by state, every state."""
    suppressed: int
    gateways_silent: int
    outage: str
    """What keeps Hedgerow from hearing; empty: nothing."""
    outage_began_at: datetime | None
    looked_s: float | None
    """Since the last look [s]; None: there was none."""


async def read_silence(connection: AsyncConnection) -> Silence:
    """Read the summary."""
    [row] = await rows_of(connection, dict[str, Any], "summarise_silence")
    counts = dict.fromkeys(WORDS, 0) | row.pop("devices")
    return Silence(devices=counts, **row)
