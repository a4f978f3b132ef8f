"""Collect: messages into groups. Takes what has arrived, gives it as soon as the path is free; never waits by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.message import Group, join

if TYPE_CHECKING:
    from ingest.session import Arrivals


def collect(arrivals: Arrivals, most_messages: int, most_bytes: int, timeout_s: float) -> Group | None:
    """Take the messages that have arrived, in order, until there are enough of them by count or payload bytes.

    Waits for the first ones at most `timeout_s` [s]; None says that none came. While a group is on its way further messages
    gather, so groups grow with the load by themselves (docs/adr/0003). What arrived together stays together: a group may
    exceed the limits by what one read from the broker gives.
    """
    first = arrivals.take(timeout_s)
    if first is None:
        return None
    taken, messages, size = [first], len(first), sum(map(len, first.payloads))
    while messages < most_messages and size < most_bytes:
        group = arrivals.take(0)
        if group is None:
            break
        taken.append(group)
        messages += len(group)
        size += sum(map(len, group.payloads))
    return join(taken)
