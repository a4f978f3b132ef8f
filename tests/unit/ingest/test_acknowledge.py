"""Acknowledge: in order, and only through the connection the messages came by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.acknowledge import acknowledge
from ingest.message import Message, group_of
from ingest.session import Arrivals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.message import Group


class RecordingSession:
    """A session at no broker that writes down what it is asked to send."""

    def __init__(self, epoch: int) -> None:
        self.arrivals = Arrivals(10)
        self.connected = True
        self.connections = 1
        self.sessions_lost = 0
        self.identity_conflicts = 0
        self.is_ended = False
        self.sent: list[int] = []
        self._epoch = epoch

    def open(self) -> None:
        """Do nothing: it is connected."""

    def close(self, *, ends_session: bool = False) -> None:
        """Do nothing."""

    def send_acknowledgements(self, epoch: int, packet_ids: NDArray[np.uint16]) -> bool:
        """Write down the packet ids of the current connection."""
        if epoch != self._epoch:
            return False
        self.sent += packet_ids.tolist()
        return True


def messages(*epochs_and_ids: tuple[int, int]) -> Group:
    """Make a group of messages that came through these connections under these packet ids."""
    return group_of([Message("t", b"", 0, packet_id, epoch, may_be_repeated=False) for epoch, packet_id in epochs_and_ids])


def test_acknowledge_current_connection_sends_all_in_order_of_arrival() -> None:
    """The broker may insist on the order of its messages; packet ids wrap round."""
    session = RecordingSession(epoch=3)

    assert acknowledge(messages((3, 65_534), (3, 65_535), (3, 1), (3, 2)), session) == 4
    assert session.sent == [65_534, 65_535, 1, 2]


@pytest.mark.parametrize("epoch", [1, 2, 5])
def test_acknowledge_group_of_several_connections_sends_one_connection_s_only(epoch: int) -> None:
    """An old packet id means another message by now: acknowledging it would delete what was never stored."""
    session = RecordingSession(epoch)

    assert acknowledge(messages((1, 10), (1, 11), (2, 10), (2, 7), (5, 1)), session) == len(session.sent)
    assert session.sent == {1: [10, 11], 2: [10, 7], 5: [1]}[epoch]


def test_acknowledge_connection_that_is_gone_sends_nothing() -> None:
    """The broker delivers those messages again, and the keys make that harmless."""
    session = RecordingSession(epoch=9)

    assert acknowledge(messages((8, 1), (8, 2)), session) == 0
    assert session.sent == []


def test_acknowledge_interleaved_connections_keep_the_order_within_the_current_one() -> None:
    """What belongs to other connections is left out, nothing is moved."""
    session = RecordingSession(epoch=2)

    assert acknowledge(messages((1, 1), (2, 9), (1, 2), (2, 3), (2, 5)), session) == 3
    assert session.sent == [9, 3, 5]


def test_acknowledge_message_of_qos_0_has_nobody_to_tell() -> None:
    """It has no packet id; a PUBACK for 0 would break the protocol, and the connection with it."""
    session = RecordingSession(epoch=1)

    assert acknowledge(messages((1, 0), (1, 7), (1, 0)), session) == 1
    assert session.sent == [7]


def test_acknowledge_group_of_a_connection_that_is_gone_is_stored_all_the_same() -> None:
    """What is committed waits no more, whoever may be told of it."""
    session = RecordingSession(epoch=9)
    session.arrivals.put([b"t"], [b""], np.array([1], np.uint16), np.array([False]))
    committed_us = time.time_ns() // 1000

    acknowledge(messages((8, 1)), session)

    assert session.arrivals.stored_until_us >= committed_us
