"""Arrivals: times that strictly grow, epochs, and which messages may be repeats."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.session import Arrivals, Conflicts

if TYPE_CHECKING:
    from ingest.message import Group


_MANY = 300_000


def put(arrivals: Arrivals, count: int, *, duplicate: bool = False) -> Group:
    """Let messages arrive together, and take them."""
    arrivals.put([b"t"] * count, [b"four"] * count, np.arange(1, count + 1, dtype=np.uint16), np.full(count, duplicate))
    group = arrivals.take(0)
    assert group is not None
    return group


def test_put_arrivals_strictly_grow_and_are_the_time_of_day() -> None:
    """Two messages never share an arrival, however fast they come: rows keyed by it stay apart."""
    arrivals = Arrivals(10)
    before_us = time.time_ns() // 1000

    received_us = np.concatenate([put(arrivals, 1_000).received_us for _ in range(20)])

    assert (np.diff(received_us) > 0).all()
    assert before_us <= received_us[0]
    assert received_us[-1] < before_us + 60_000_000


@pytest.mark.parametrize("resumed", [True, False])
def test_put_early_messages_of_a_resumed_session_may_be_repeats(*, resumed: bool) -> None:
    """As many as the broker may have had under way; of a new session none."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=resumed)

    suspects = [*put(arrivals, 3).may_be_repeated.tolist(), *put(arrivals, 4).may_be_repeated.tolist()]

    assert suspects == [resumed] * 5 + [False] * 2


def test_put_marked_messages_may_be_repeats_at_any_time() -> None:
    """The broker says so itself."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=False)

    assert put(arrivals, 2, duplicate=True).may_be_repeated.all()


def test_put_messages_carry_the_epoch_they_came_in() -> None:
    """An acknowledgement is good for that connection only."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=False)
    first = put(arrivals, 2)
    arrivals.begin_epoch(4, resumed=True)
    second = put(arrivals, 1)

    assert (first.epochs.tolist(), second.epochs.tolist()) == ([1, 1], [4])


def test_waiting_bytes_and_unacknowledged_add_up() -> None:
    """What bounds the memory is counted right, over connections too."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=False)
    arrivals.put([b"t"], [b"12345"], np.array([1], np.uint16), np.array([False]))
    assert arrivals.waiting_bytes == len(b"t") + 5
    put_again = arrivals.take(0)
    assert put_again is not None
    assert arrivals.waiting_bytes == 0
    assert arrivals.unacknowledged == 1
    arrivals.acknowledged(1)
    assert arrivals.unacknowledged == 0


def test_is_full_when_the_broker_exceeds_the_receive_maximum() -> None:
    """Mosquitto before 2.0.13 does: what is not acknowledged stays bounded all the same, and so does what may come again."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=False)
    put(arrivals, 5)
    assert not arrivals.is_full
    put(arrivals, 1)
    assert arrivals.is_full
    arrivals.acknowledged(1)
    assert not arrivals.is_full


def test_take_from_nothing_gives_none() -> None:
    """Without waiting, and after waiting."""
    arrivals = Arrivals(5)

    assert arrivals.take(0) is None
    assert arrivals.take(0.01) is None


def test_put_messages_of_qos_0_are_no_repeats_and_wait_for_no_acknowledgement() -> None:
    """They have no packet id and are sent once: the same words early in a resumed session are new."""
    arrivals = Arrivals(5)
    arrivals.begin_epoch(1, resumed=True)

    arrivals.put([b"t"] * 2, [b"x", b"x"], np.array([0, 7], np.uint16), np.array([False, False]))
    group = arrivals.take(0)

    assert group is not None
    assert group.may_be_repeated.tolist() == [False, True]
    assert arrivals.unacknowledged == 1


def test_conflicts_three_short_connections_in_a_row_speak_of_another_process() -> None:
    """Each is ended by the other's coming; one that lasts, or a broker that cannot be reached, begins the count anew."""
    conflicts = Conflicts()

    assert [conflicts.ended(0.2, taken_over=False) for _ in range(4)] == [False, False, True, True]
    assert not conflicts.ended(60, taken_over=False)
    assert [conflicts.ended(0.2, taken_over=False) for _ in range(2)] == [False, False]
    conflicts.not_reached()
    assert [conflicts.ended(0.2, taken_over=False) for _ in range(2)] == [False, False]


def test_conflicts_broker_that_says_so_is_believed_at_once() -> None:
    """MQTT 5 brokers may name the reason."""
    assert Conflicts().ended(3600, taken_over=True)


def test_unacknowledged_counted_from_two_threads_adds_up() -> None:
    """One thread receives, another acknowledges: no count is lost between them, or a session would never look empty."""
    arrivals, ids, none = Arrivals(10), np.ones(1, np.uint16), np.zeros(1, bool)

    def acknowledge() -> None:
        for _ in range(_MANY):
            arrivals.acknowledged(1)

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        acknowledger = threading.Thread(target=acknowledge)
        acknowledger.start()
        for _ in range(_MANY // 10):
            arrivals.put([b"t"], [b"p"], ids, none)
        acknowledger.join()
    finally:
        sys.setswitchinterval(before_s)

    assert arrivals.unacknowledged == _MANY // 10 - _MANY


def test_stored_until_waits_for_what_is_received_and_not_stored() -> None:
    """Only what is stored counts, by whatever connection it came and whether or not the broker still wants to hear of it."""
    arrivals = Arrivals(10)
    began_us = time.time_ns() // 1000
    assert arrivals.stored_until_us >= began_us

    arrivals.begin_epoch(1, resumed=False)
    first = put(arrivals, 2)
    arrivals.begin_epoch(2, resumed=True)
    second = put(arrivals, 1)

    assert began_us <= arrivals.stored_until_us <= first.received_us[0]
    arrivals.acknowledged(3)
    arrivals.stored(1)
    assert arrivals.stored_until_us <= first.received_us[0]  # half of what came together
    arrivals.stored(1)
    assert first.received_us[0] <= arrivals.stored_until_us <= second.received_us[0]
    ended_us = time.time_ns() // 1000
    arrivals.stored(1)
    assert arrivals.stored_until_us >= ended_us
