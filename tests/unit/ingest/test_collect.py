"""Collect: what has arrived goes at once, in order, and no more than is wanted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.collect import collect
from ingest.session import Arrivals

if TYPE_CHECKING:
    from ingest.message import Group


def put(arrivals: Arrivals, *payloads: bytes, first_id: int = 1) -> None:
    """Let messages arrive together."""
    ids = np.arange(first_id, first_id + len(payloads), dtype=np.uint16)
    arrivals.put([b"t"] * len(payloads), payloads, ids, np.zeros(len(payloads), bool))


def payloads_of(group: Group | None) -> list[bytes]:
    """Read what was collected."""
    return [] if group is None else list(group.payloads)


def test_collect_takes_everything_that_has_arrived_in_order() -> None:
    """Several arrivals become one group; its columns stay together."""
    arrivals = Arrivals(10)
    put(arrivals, b"a", b"b")
    put(arrivals, b"c", first_id=7)

    group = collect(arrivals, 100, 100, timeout_s=0)

    assert payloads_of(group) == [b"a", b"b", b"c"]
    assert group is not None
    assert group.packet_ids.tolist() == [1, 2, 7]
    assert len(group.topics) == len(group.received_us) == len(group.epochs) == len(group.may_be_repeated) == 3
    assert collect(arrivals, 100, 100, timeout_s=0) is None


@pytest.mark.parametrize(
    ("most_messages", "most_bytes", "taken"),
    [(1, 100, 1), (2, 100, 2), (3, 100, 3), (100, 100, 5), (100, 1, 1), (100, 10, 1), (100, 11, 2), (100, 20, 2), (100, 21, 3)],
)
def test_collect_stops_when_there_is_enough(most_messages: int, most_bytes: int, taken: int) -> None:
    """By count or by bytes, whichever comes first; what is left comes next, in order."""
    arrivals = Arrivals(10)
    for i in range(5):
        put(arrivals, b"%d" % i * 10)

    first = collect(arrivals, most_messages, most_bytes, timeout_s=0)
    rest = collect(arrivals, 100, 1_000, timeout_s=0)

    assert len(payloads_of(first)) == taken
    assert payloads_of(first) + payloads_of(rest) == [b"%d" % i * 10 for i in range(5)]


def test_collect_one_message_larger_than_the_limit_goes_alone() -> None:
    """A limit never keeps a message back for ever."""
    arrivals = Arrivals(10)
    put(arrivals, b"x" * 1_000)
    put(arrivals, b"y")

    assert payloads_of(collect(arrivals, 10, 100, timeout_s=0)) == [b"x" * 1_000]


def test_collect_nothing_arrived_gives_none_after_the_time() -> None:
    """The path looks round for other work now and then."""
    began = time.monotonic()

    assert collect(Arrivals(10), 10, 10, timeout_s=0.05) is None
    assert 0.04 <= time.monotonic() - began < 5


def test_collect_waits_for_the_first_message_only() -> None:
    """A lone message is not kept waiting for company."""
    arrivals = Arrivals(10)
    timer = threading.Timer(0.05, put, (arrivals, b"a"))
    began = time.monotonic()
    timer.start()

    group = collect(arrivals, 10, 10, timeout_s=10)

    assert payloads_of(group) == [b"a"]
    assert time.monotonic() - began < 5
    timer.join()
