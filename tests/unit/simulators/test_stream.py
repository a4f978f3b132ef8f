"""The stream of a simulation: what is due is given, also by a machine that is too slow to be on time."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from simulators import stream as module
from simulators.county import make_county
from simulators.stream import Course, stream

if TYPE_CHECKING:
    import pytest


def test_stream_that_falls_behind_gives_what_is_due_before_it_writes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds another second gone: the messages of the first window come first, not never."""
    clock_us = (1_700_000_000_000_000 + number * 1_000_000 for number in count())
    monkeypatch.setattr(module, "now_us", lambda: next(clock_us))

    async def given() -> list[int]:
        course = Course(rate=1_000, most_messages=1_000)
        return [len(messages) async for messages in stream(make_county(1, 10), course, 0)]

    assert asyncio.run(given()) == [250, 250, 250, 250, 0]
