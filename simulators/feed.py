"""Feed: messages into the publisher until they end or somebody says stop, and then a wait for what is on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from simulators.message import Message
    from simulators.publish import Publisher

_DRAIN_WITHIN_S = 5.0


async def feed(
    messages: AsyncIterator[list[Message]], publisher: Publisher, stop: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Publish all messages, or those until `stop` is set; then wait a while for their acknowledgements."""
    feeding = asyncio.create_task(_put_all(messages, publisher), name="feed")
    stopping = asyncio.create_task(stop.wait(), name="wait for stop")
    try:
        await asyncio.wait({feeding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeding, stopping):
            task.cancel()
        outcome, _stopped = await asyncio.gather(feeding, stopping, return_exceptions=True)
    if isinstance(outcome, Exception):  # a CancelledError is none: that is how a stop ends it
        raise outcome
    if not await publisher.drained(_DRAIN_WITHIN_S):
        say(f"{publisher.outstanding} messages were not acknowledged within {_DRAIN_WITHIN_S:g} s")


async def _put_all(messages: AsyncIterator[list[Message]], publisher: Publisher) -> None:
    async for some in messages:
        await publisher.put(some)
