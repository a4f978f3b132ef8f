"""Deliveries: a message delivered again keeps its first arrival, and a new one is never taken for an old one."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.deliveries import Deliveries, enough
from ingest.message import Group, Message, group_of
from tests.unit.devices.examples import DETERMINISTIC

if TYPE_CHECKING:
    from collections.abc import Sequence


_EPOCHS = count(1, 2)


class Delivery(NamedTuple):
    """One PUBLISH: when it came, under which packet id, and whether it may be a repeat."""

    at_us: int
    packet_id: int
    payload: bytes
    is_suspect: bool = False
    topic: str = "hedgerow/v1/dev-1/up"


def stamped(deliveries: Deliveries, *arrived: Delivery) -> list[int]:
    """Send one group through; gives the arrival each message is taken to have."""
    # Whatever may be a repeat comes through a connection that was made after all before.
    epoch = next(_EPOCHS)
    group = group_of(
        [Message(one.topic, one.payload, one.at_us, one.packet_id, epoch + one.is_suspect, one.is_suspect) for one in arrived]
    )
    deliveries.stamp(group)
    return received(group)


def received(group: Group) -> list[int]:
    """Read the arrivals of a group."""
    arrivals: list[int] = group.received_us.tolist()
    return arrivals


@pytest.fixture(params=[True, False], ids=["packet ids last", "packet ids change"])
def deliveries(request: pytest.FixtureRequest) -> Deliveries:
    """Give an empty memory, for brokers of both kinds."""
    return Deliveries(10, packet_ids_last=request.param)


def test_stamp_message_delivered_again_keeps_its_first_arrival(deliveries: Deliveries) -> None:
    """However often it comes: its rows have the keys of the first time."""
    assert stamped(deliveries, Delivery(1, 5, b"x"), Delivery(2, 6, b"y")) == [1, 2]
    assert stamped(deliveries, Delivery(11, 5, b"x", is_suspect=True), Delivery(12, 6, b"y", is_suspect=True)) == [1, 2]
    assert stamped(deliveries, Delivery(21, 5, b"x", is_suspect=True)) == [1]


def test_stamp_beginning_that_comes_again_and_again_pushes_nothing_out(deliveries: Deliveries) -> None:
    """A network that breaks soon after every connection repeats the same few messages; the ones behind stay known."""
    first = [Delivery(number, number, bytes([number])) for number in range(1, 11)]
    again = [one._replace(at_us=one.at_us + 100, is_suspect=True) for one in first]
    stamped(deliveries, *first)
    for _ in range(20):
        assert stamped(deliveries, *again[:5]) == [1, 2, 3, 4, 5]

    assert stamped(deliveries, *again) == list(range(1, 11))


def test_stamp_message_that_cannot_be_a_repeat_keeps_its_own_arrival(deliveries: Deliveries) -> None:
    """A sensor that says the same twice has measured twice."""
    stamped(deliveries, Delivery(1, 5, b"x"))

    assert stamped(deliveries, Delivery(11, 5, b"x")) == [11]


def test_stamp_message_beside_repeats_that_cannot_be_one_keeps_its_own_arrival(deliveries: Deliveries) -> None:
    """Only what the session marks is looked for."""
    stamped(deliveries, Delivery(1, 5, b"x"), Delivery(2, 6, b"y"))

    assert stamped(deliveries, Delivery(11, 6, b"y", is_suspect=True), Delivery(12, 5, b"x"), Delivery(13, 6, b"y")) == [
        2,
        12,
        13,
    ]


@pytest.mark.parametrize(
    "other", [Delivery(11, 5, b"y", is_suspect=True), Delivery(11, 5, b"x", is_suspect=True, topic="hedgerow/v1/dev-2/up")]
)
def test_stamp_other_payload_or_topic_is_another_message(deliveries: Deliveries, other: Delivery) -> None:
    """A packet id alone says nothing: the broker gives it again once it is acknowledged."""
    stamped(deliveries, Delivery(1, 5, b"x"))

    assert stamped(deliveries, other) == [11]


def test_stamp_other_packet_id_is_another_message_where_packet_ids_last() -> None:
    """Where a repeat has its old packet id, the same words under a new one are new."""
    deliveries = Deliveries(10, packet_ids_last=True)
    stamped(deliveries, Delivery(1, 5, b"x"))

    assert stamped(deliveries, Delivery(11, 6, b"x", is_suspect=True)) == [11]


def test_stamp_other_packet_id_may_be_a_repeat_where_packet_ids_change() -> None:
    """The embedded broker delivers again under a new packet id."""
    deliveries = Deliveries(10, packet_ids_last=False)
    stamped(deliveries, Delivery(1, 5, b"x"))

    assert stamped(deliveries, Delivery(11, 6, b"x", is_suspect=True)) == [1]


def test_stamp_packet_id_used_for_another_message_since_is_a_new_message() -> None:
    """The broker gave the packet id away, so it had the first message's acknowledgement: the same words now are new."""
    deliveries = Deliveries(10, packet_ids_last=True)
    stamped(deliveries, Delivery(1, 5, b"x"))
    stamped(deliveries, Delivery(2, 5, b"y"))

    assert stamped(deliveries, Delivery(11, 5, b"x", is_suspect=True)) == [11]


def test_stamp_repeat_within_one_group_is_recognised(deliveries: Deliveries) -> None:
    """The connection may break while messages still wait to be collected: the repeat then comes in the same group."""
    assert stamped(deliveries, Delivery(1, 5, b"x"), Delivery(2, 6, b"y"), Delivery(3, 5, b"x", is_suspect=True)) == [1, 2, 1]


def test_stamp_equal_messages_without_packet_ids_are_taken_for_one_repeat_a_delivery() -> None:
    """A door that says "closed" again and again after a reconnect has said it again and again."""
    deliveries = Deliveries(100, packet_ids_last=False)
    stamped(deliveries, Delivery(1, 1, b"closed"), Delivery(2, 2, b"closed"))

    later = [Delivery(at, at, b"closed", is_suspect=True) for at in range(10, 15)]

    assert stamped(deliveries, *later) == [2, 1, 12, 13, 14]


def test_stamp_counts_and_marks_what_was_repeated(deliveries: Deliveries) -> None:
    """Arrivals of the others stay as they are."""
    stamped(deliveries, Delivery(1, 5, b"x"))
    group = group_of(
        [
            Message("t", b"new", 11, 1, 1, may_be_repeated=True),
            Message("hedgerow/v1/dev-1/up", b"x", 12, 5, 1, may_be_repeated=True),
        ]
    )

    deliveries.stamp(group)

    assert received(group) == [11, 1]
    assert group.repeated.tolist() == [False, True]


def _known(deliveries: Deliveries, names: Sequence[int]) -> dict[int, int]:
    """Ask for messages `t` + name under packet ids that are their names; gives the first arrival of those that are known."""
    messages = [Message("t", str(name).encode(), 100_000 + name, name, 1, may_be_repeated=True) for name in names]
    group = group_of(messages)
    deliveries.stamp(group)
    return {name: at for name, at in zip(names, received(group), strict=True) if at < 100_000}


def _come(deliveries: Deliveries, names: Sequence[int]) -> None:
    messages = [Message("t", str(name).encode(), name, name, 1, may_be_repeated=False) for name in names]
    deliveries.stamp(group_of(messages))


def test_stamp_keeps_enough_and_forgets_the_rest() -> None:
    """Exactly as many are known as the broker may have to deliver again, whatever groups they came in."""
    deliveries = Deliveries(3, packet_ids_last=True)
    for start in range(1, 101, 2):
        _come(deliveries, [start, start + 1])

    assert _known(deliveries, range(1, 101)) == {name: name for name in range(98, 101)}


def test_enough_is_all_that_packet_ids_tell_apart() -> None:
    """A broker that exceeds the receive maximum, or has not read our acknowledgements, delivers more than that again."""
    assert enough(100, packet_ids_last=True) == 65_534
    assert enough(100, packet_ids_last=False) == 100  # equal messages could not be told from repeats


def test_stamp_of_a_whole_round_of_packet_ids_all_but_the_id_that_comes_next_are_known() -> None:
    """One after the other, as at low rates: every id is known, and the first to be given away again is forgotten."""
    deliveries = Deliveries(enough(1, packet_ids_last=True), packet_ids_last=True)
    for start in range(1, 65_536, 255):
        _come(deliveries, range(start, start + 255))

    assert _known(deliveries, range(1, 65_536)) == {name: name for name in range(2, 65_536)}


def test_stamp_of_one_large_group_the_newest_are_kept() -> None:
    """The broker acknowledges in order: what can come again is the last that came."""
    deliveries = Deliveries(2, packet_ids_last=True)
    _come(deliveries, range(1, 51))

    assert _known(deliveries, [1, 48, 49, 50]) == {49: 49, 50: 50}


def test_stamp_equal_message_under_an_id_that_came_round_is_another_message() -> None:
    """Packet ids begin again after 65,535 messages: what had one so long ago is acknowledged, and not what comes again now."""
    deliveries = Deliveries(3, packet_ids_last=True)
    stamped(deliveries, Delivery(1, 5, b"x"), *(Delivery(1 + id_, id_, b"y") for id_ in (6, 7, 8)))

    assert stamped(deliveries, Delivery(20, 5, b"x", is_suspect=True)) == [20]


def test_stamp_messages_without_a_packet_id_take_no_room() -> None:
    """QoS 0 never comes again, and must not push out what does."""
    deliveries = Deliveries(2, packet_ids_last=True)
    _come(deliveries, [1, 2])
    deliveries.stamp(group_of([Message("t", b"q", 30 + i, 0, 1, may_be_repeated=False) for i in range(5)]))

    assert _known(deliveries, [1, 2]) == {1: 1, 2: 2}


def test_remember_survives_the_way_through_the_database() -> None:
    """After a restart a repeat is recognised by what was stored: bytes of digests, packet ids and arrivals."""
    after = Deliveries(10, packet_ids_last=True)
    group = group_of([Message("t", bytes([i]), i, 60_000 + i, 1, may_be_repeated=False) for i in range(5)])

    after.remember(
        np.frombuffer(group.digests.tobytes(), np.int64),
        np.frombuffer(group.packet_ids.tobytes(), np.uint16),
        np.frombuffer(group.received_us.tobytes(), np.int64),
    )

    assert stamped(after, Delivery(99, 60_003, bytes([3]), is_suspect=True, topic="t")) == [3]


@st.composite
def broker_histories(draw: st.DrawFn) -> tuple[list[list[Delivery]], list[list[int]]]:
    """Draw what a broker that keeps its packet ids sends, group by group, and when each message first arrived."""
    groups: list[list[Delivery]] = []
    truth: list[list[int]] = []
    waiting: dict[int, tuple[bytes, int]] = {}  # not acknowledged yet: payload and first arrival by packet id
    last: dict[int, bytes] = {}
    at = 0
    for _ in range(draw(st.integers(1, 6))):
        resumed = draw(st.booleans())
        arrived: list[Delivery] = []
        firsts: list[int] = []
        if resumed:
            for packet_id, (payload, first) in waiting.items():
                at += 1
                arrived.append(Delivery(at, packet_id, payload, is_suspect=True))
                firsts.append(first)
        for packet_id in draw(st.lists(st.integers(1, 4), max_size=4)):
            payload = draw(st.sampled_from([b"x", b"y", b"z"]))
            if packet_id in waiting or (resumed and last.get(packet_id) == payload):
                continue  # in use; or no telling it from a repeat
            at += 1
            arrived.append(Delivery(at, packet_id, payload, is_suspect=resumed))
            firsts.append(at)
            waiting[packet_id] = (payload, at)
            last[packet_id] = payload
        groups.append(arrived)
        truth.append(firsts)
        for packet_id in draw(st.sets(st.integers(1, 4))):
            waiting.pop(packet_id, None)
    return groups, truth


@settings(DETERMINISTIC, max_examples=300)
@given(broker_histories())
def test_stamp_random_histories_give_every_message_its_true_first_arrival(
    history: tuple[Sequence[Sequence[Delivery]], Sequence[Sequence[int]]],
) -> None:
    """Repeats get the arrival of their first delivery, new messages keep their own, whatever the acknowledgements."""
    deliveries = Deliveries(1_000, packet_ids_last=True)

    assert [stamped(deliveries, *group) for group in history[0]] == list(map(list, history[1]))
