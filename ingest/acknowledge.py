"""Acknowledge: takes a group whose transaction is committed, gives its PUBACKs, in order of arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ingest.message import Group
    from ingest.session import Session


def acknowledge(group: Group, session: Session) -> int:
    """Acknowledge what came through the connection that still stands; return how many messages that were.

    Packet ids of an older connection mean other messages by now: acknowledging them would delete messages never stored
    (MQTT 5, section 4.4; measured). The broker delivers those messages again and the key makes that harmless.
    """
    session.arrivals.stored(len(group))
    acknowledged = 0
    for epoch in np.unique(group.epochs).tolist():
        packet_ids = group.packet_ids[(group.epochs == epoch) & (group.packet_ids != 0)]  # 0: QoS 0, nobody waits
        if session.send_acknowledgements(epoch, packet_ids):
            acknowledged += len(packet_ids)
    return acknowledged
