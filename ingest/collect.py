"""Collect: messages into groups. Takes what has arrived, gives it as soon as the path is free; never waits by the clock."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.message import Message


def collect(arrived: queue.SimpleQueue[Message], most_messages: int, most_bytes: int, timeout_s: float) -> list[Message]:
    """Take the messages that have arrived, in order, up to a count and a number of payload bytes.

    Waits for the first one at most `timeout_s` [s]; an empty list says that none came. While a group is on its way further
    messages gather, so groups grow with the load by themselves (design, section 3: natural batching).
    """
    try:
        first = arrived.get(timeout=timeout_s)
    except queue.Empty:
        return []
    messages = [first]
    size = len(first.payload)
    while len(messages) < most_messages and size < most_bytes:
        try:
            message = arrived.get_nowait()
        except queue.Empty:
            break
        messages.append(message)
        size += len(message.payload)
    return messages
