"""What every session does with messages that arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.collect import collect
from ingest.session import Arrivals

if TYPE_CHECKING:
    from ingest.message import Group


def _put(arrivals: Arrivals, *payloads: bytes, duplicate: bool = False) -> None:
    count = len(payloads)
    arrivals.put([b"t"] * count, list(payloads), np.arange(1, count + 1, dtype=np.uint16), np.full(count, duplicate))


def _take(arrivals: Arrivals) -> Group:
    group = arrivals.take(0)
    assert group is not None
    return group


def test_arrivals_never_share_a_moment() -> None:
    """However fast messages come, their arrivals grow strictly: rows keyed by arrival stay apart."""
    arrivals = Arrivals(10)
    for _ in range(100):
        _put(arrivals, b"a", b"b", b"c")

    moments = np.concatenate([_take(arrivals).received_us for _ in range(100)])

    assert (np.diff(moments) > 0).all()


def test_arrivals_of_a_resumed_session_may_be_repeats_up_to_the_receive_maximum() -> None:
    """The first messages of a resumed session may have come before; of a new one only those marked DUP."""
    arrivals = Arrivals(receive_maximum=4)

    arrivals.begin_epoch(1, resumed=False)
    _put(arrivals, b"a", b"b")
    _put(arrivals, b"c", duplicate=True)
    arrivals.begin_epoch(2, resumed=True)
    _put(arrivals, b"a", b"b", b"c")
    _put(arrivals, b"d", b"e")

    marks = [_take(arrivals).may_be_repeated.tolist() for _ in range(4)]
    assert marks == [[False, False], [True], [True, True, True], [True, False]]


def test_arrivals_count_what_waits_and_what_is_unacknowledged() -> None:
    """Bytes wait until they are taken; messages are unacknowledged until they are, or the connection ends."""
    arrivals = Arrivals(10)
    arrivals.begin_epoch(1, resumed=False)
    _put(arrivals, b"12345", b"678")
    assert (arrivals.waiting_bytes, arrivals.unacknowledged) == (8, 2)

    _take(arrivals)
    arrivals.acknowledged(1)
    assert (arrivals.waiting_bytes, arrivals.unacknowledged) == (0, 1)

    arrivals.begin_epoch(2, resumed=True)
    assert arrivals.unacknowledged == 0


def test_collect_takes_what_is_there_up_to_count_or_bytes() -> None:
    """A group ends with the arrival that reaches a limit; the rest waits for the next one, in order."""
    arrivals = Arrivals(10)
    for payload in (b"aa", b"bb", b"cc", b"dd"):
        _put(arrivals, payload)

    by_count = collect(arrivals, most_messages=2, most_bytes=100, timeout_s=0)
    by_bytes = collect(arrivals, most_messages=100, most_bytes=2, timeout_s=0)
    rest = collect(arrivals, most_messages=100, most_bytes=100, timeout_s=0)

    assert [list(group.payloads) for group in (by_count, by_bytes, rest) if group] == [[b"aa", b"bb"], [b"cc"], [b"dd"]]
    assert collect(arrivals, most_messages=1, most_bytes=1, timeout_s=0.01) is None
