"""Groups of messages: columns that stay together when groups are joined and cut."""

from __future__ import annotations

import pytest

from devices.digest import digest_of
from devices.topics import Kind
from ingest.message import Group, Message, group_of, join

TOPICS = ("hedgerow/v1/dev-1/up", "hedgerow/v1/gw/gate-1/up", "nonsense/ä")


def numbered(start: int, count: int) -> Group:
    """Make a group whose every column says which message it is of."""
    return group_of(
        [
            Message(TOPICS[i % 3], b"%d" % i, 1_000 + i, 60_000 + i, i // 4, may_be_repeated=i % 2 == 1)
            for i in range(start, start + count)
        ]
    )


def columns_of(group: Group) -> list[tuple[object, ...]]:
    """Read a group back message by message."""
    columns = (group.received_us, group.packet_ids, group.epochs, group.may_be_repeated)
    return [*zip(group.topics, group.payloads, *(column.tolist() for column in columns), strict=True)]


def test_group_of_messages_keeps_all_that_is_known_of_them() -> None:
    """Column by column, in order."""
    assert columns_of(numbered(7, 1)) == [(b"hedgerow/v1/gw/gate-1/up", b"7", 1_007, 60_007, 1, True)]
    assert [source.kind for source in numbered(0, 3).sources] == [Kind.DEVICE, Kind.GATEWAY, Kind.UNKNOWN]


@pytest.mark.parametrize("counts", [(3,), (1, 1), (2, 0, 5), (4, 3, 2, 1)])
def test_join_groups_gives_their_messages_in_order(counts: tuple[int, ...]) -> None:
    """As if they had arrived together."""
    groups = [numbered(sum(counts[:i]), count) for i, count in enumerate(counts)]

    joined = join(groups)

    assert columns_of(joined) == columns_of(numbered(0, sum(counts)))
    assert joined.digests.tolist() == numbered(0, sum(counts)).digests.tolist()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_halves_of_a_group_are_all_of_it(count: int) -> None:
    """Nothing is lost or counted twice on the search for the message that the store refuses."""
    group = numbered(0, count)
    group.repeated[[0, -1]] = True

    first, second = group.halves()

    assert len(first) >= 1
    assert len(second) >= 1
    assert columns_of(first) + columns_of(second) == columns_of(group)
    assert [*first.digests.tolist(), *second.digests.tolist()] == group.digests.tolist()
    assert [*first.repeated.tolist(), *second.repeated.tolist()] == group.repeated.tolist()
    assert first.held == second.held == group.held


def test_halves_of_held_messages_stay_held() -> None:
    """There is still nobody to acknowledge to."""
    first, second = group_of([Message("t", b"", 0, 0, 0, may_be_repeated=False)] * 2, held_uids=["a", "b"]).halves()

    assert first.held
    assert second.held


def test_digests_tell_topics_and_payloads_apart() -> None:
    """Every message has its own identity, the same in every process, and as 64 bits with a sign."""
    pairs = [("a", b"bc"), ("ab", b"c"), ("a", b""), ("", b"a"), ("a", b"bc\x00"), ("ä", b"\xff"), ("a", b"bc")]
    group = group_of([Message(topic, payload, 0, 0, 0, may_be_repeated=False) for topic, payload in pairs])

    digests = group.digests.tolist()

    assert digests == [digest_of(topic, payload) for topic, payload in pairs]
    assert len(set(digests)) == len(set(pairs))
    assert all(-(2**63) <= digest < 2**63 for digest in digests)
    assert digest_of("hedgerow/v1/dev-1/up", b"{}") == DIGEST


DIGEST = 3028898211163223786
"""Stored in tables: must never change."""
