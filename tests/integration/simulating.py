"""What the tests of simulators share: a run to its end or for a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulators.simulate import Options, simulate

if TYPE_CHECKING:
    from simulators.publish import Summary


def quiet(_line: str) -> None:
    """Say nothing."""


def run(options: Options, *, stop_after_s: float | None = None) -> Summary:
    """Simulate to the end, or stop after a time."""

    async def main() -> Summary:
        stop = asyncio.Event()
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, stop.set)
        return await simulate(options, stop, quiet)

    return asyncio.run(main())
