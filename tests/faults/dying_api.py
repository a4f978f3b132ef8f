"""The real API that dies as by kill -9 when the n-th webhook, n given as argument, is committed and not answered yet."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

import api.routes.webhooks
from hedgerow.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Step = Callable[..., Coroutine[Any, Any, Any]]


def deadly(nth: int, real: Step) -> Step:
    """Make a step deadly that is passed for the n-th time."""
    passages = count(1)

    async def passed(*arguments: object, **named: object) -> object:
        result = await real(*arguments, **named)
        if next(passages) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return passed


if __name__ == "__main__":
    api.routes.webhooks._value = deadly(int(sys.argv[1]), api.routes.webhooks._value)  # noqa: SLF001 - the step after COMMIT
    app(["api"])
