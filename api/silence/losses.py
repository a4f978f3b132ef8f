"""Losses: the packet loss of the last day of LoRaWAN devices, reckoned anew every hour, a few hundred devices at a time."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from devices.packet_loss import packet_loss
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from psycopg import Connection

_AT_ONCE = 300
_FEWEST_SENT = 20
"""Of fewer messages nobody can say how many are lost."""


def reckon_losses(connection: Connection, now: datetime, most: int = _AT_ONCE) -> int:
    """Reckon and store the packet loss of the devices whose turn it is; give how many."""
    rows = connection.execute(query("list_losses_due"), {"now": now, "most": most}).fetchall()
    losses = {device_id: _loss(list(uplinks)) for device_id, uplinks in groupby(rows, key=itemgetter(0))}
    if losses:
        values = {"now": now, "devices": list(losses), "losses": list(losses.values())}
        connection.execute(query("put_losses"), values)
    return len(losses)


def _loss(uplinks: Iterable[tuple[Any, ...]]) -> float | None:
    """Give the share that was lost; None where too few were sent to tell."""
    heard = [(session, f_cnt, time_us) for _, session, f_cnt, time_us in uplinks if f_cnt is not None]
    if not heard:
        return None
    sessions: dict[str, int] = {}
    session = np.array([sessions.setdefault(row[0], len(sessions)) for row in heard], np.int64)
    found = packet_loss(session, np.array([row[1] for row in heard], np.int64), np.array([row[2] for row in heard], np.int64))
    sent = found.received + found.lost
    return found.lost / sent if sent >= _FEWEST_SENT else None
