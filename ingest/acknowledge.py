"""Acknowledge: takes a group whose transaction is committed, gives its PUBACKs, in order of arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.message import Group


class Session(Protocol):
    """What acknowledging needs of the session at the broker."""

    def send_acknowledgements(self, epoch: int, packet_ids: Sequence[int]) -> bool:
        """Send PUBACKs if `epoch` is still the current connection; say whether it was."""


def acknowledge(group: Group, session: Session) -> int:
    """Acknowledge what came through the connection that still stands; return how many messages that were.

    Packet ids of an older connection mean other messages by now: acknowledging them would delete messages never stored
    (MQTT 5, section 4.4; measured). The broker delivers those messages again and the key makes that harmless.
    """
    acknowledged = 0
    by_epoch: dict[int, list[int]] = {}
    for message in group.messages:
        by_epoch.setdefault(message.epoch, []).append(message.packet_id)
    for epoch, packet_ids in by_epoch.items():
        if session.send_acknowledgements(epoch, packet_ids):
            acknowledged += len(packet_ids)
    return acknowledged
