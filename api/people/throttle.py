"""Slowing down those who guess passwords: too many failed logins of a name, or from an address, and it must rest."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 15 * 60
"""How long a failed login counts [s]."""

MOST_OF_A_NAME = 10
MOST_FROM_AN_ADDRESS = 60
"""More than of a name: a whole office may come from one address."""

_MOST_KEPT = 20_000  # names and addresses; a flood of made-up names costs no more memory than this


class Throttle:
    """Attempts of the last quarter of an hour that did not succeed, in memory: a restart forgets them.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._attempts: dict[str, deque[float]] = {}

    def wait_s(self, name: str, address: str) -> float:
        """Tell how long this name, or whoever comes from this address, must wait [s]; 0: not at all."""
        return max(self._wait(f"name {name}", MOST_OF_A_NAME), self._wait(f"address {address}", MOST_FROM_AN_ADDRESS))

    def note(self, name: str, address: str) -> None:
        """Count an attempt, before it is known how it ends: many at once get no further than many in turn."""
        for key in (f"name {name}", f"address {address}"):
            self._attempts.setdefault(key, deque()).append(self._clock())
        if len(self._attempts) > _MOST_KEPT:
            self._forget_the_old()

    def succeeded(self, name: str, address: str) -> None:
        """Take back the attempts of a name that has now come in, and the one from its address."""
        self._attempts.pop(f"name {name}", None)
        if times := self._attempts.get(f"address {address}"):
            times.pop()

    def _wait(self, key: str, most: int) -> float:
        times = self._attempts.get(key, deque())
        self._drop_old(times)
        return times[-most] + WINDOW_S - self._clock() if len(times) >= most else 0.0

    def _drop_old(self, times: deque[float]) -> None:
        while times and times[0] <= self._clock() - WINDOW_S:
            times.popleft()

    def _forget_the_old(self) -> None:
        for times in self._attempts.values():
            self._drop_old(times)
        kept = sorted(((key, times) for key, times in self._attempts.items() if times), key=lambda item: -item[1][-1])
        self._attempts = dict(kept[: _MOST_KEPT // 2])
