"""Accounts: the time scripts take beyond what is free, and which of them have to wait for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FREE_S = 2.5e-4
"""Processor time a frame may take; a real script takes about 10 µs."""
MOST_OWED_S = 0.5
"""A script that owes more is suspended."""
REPAID = 0.05
"""How much of its debt a script is let off each second [s]: so much it may waste for ever."""
SUSPENDED_S = 60.0


@dataclass(slots=True)
class _Account:
    """What a script owes."""

    seconds: float = 0.0
    at: float = 0.0
    """When that was so."""
    suspended_until: float = 0.0


class Accounts:
    """One account a script. Not thread-safe.

    Parameters
    ----------
    clock
        Seconds of a clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def charge(self, codec: str, seconds: float, frames: int = 0) -> None:
        """Charge a script with the time that a number of frames took."""
        excess = seconds - FREE_S * frames
        if excess <= 0 or self.is_suspended(codec):
            return
        now = self._clock()
        account = self._accounts.get(codec, _Account())
        owed = max(0.0, account.seconds - (now - account.at) * REPAID) + excess
        self._accounts[codec] = _Account(suspended_until=now + SUSPENDED_S) if owed > MOST_OWED_S else _Account(owed, now)

    def is_suspended(self, codec: str) -> bool:
        """Tell whether a script has to wait."""
        return codec in self._accounts and self._clock() < self._accounts[codec].suspended_until
