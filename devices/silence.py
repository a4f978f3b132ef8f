"""Silence: how well a device is, told from how long it has said nothing; pure, over arrays of devices.

A device is late after 1.5 of its expected intervals, stale after 3, offline after 6 and a day; at a site that people's safety
depends on it is offline after 2. Where packets are lost by chance, all of these are stretched, so that chance alone makes a
device stale once in a thousand messages at most. It is ok again after two messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LATE, STALE, OFFLINE, OFFLINE_SAFETY = 1.5, 3.0, 6.0, 2.0
"""Expected intervals without a message."""
OFFLINE_AT_LEAST_S = 86_400.0
FALSE_ALARMS = 0.001
"""How often chance may make a device stale, of the messages it sends."""
RECOVERY_MESSAGES = 2
MOST_LOSS = 0.9
"""A device that loses more is judged as if it lost this much: else it could never be called silent."""


class State(IntEnum):
    """How well a device is; the first four from well to worst."""

    OK = 0
    LATE = 1
    STALE = 2
    OFFLINE = 3
    WAITING = 4
    """Registered; nothing has come since it was put where it is, or it is nowhere."""
    MAINTENANCE = 5
    RETIRED = 6

    @property
    def word(self) -> str:
        """As it is stored and asked for."""
        return self.name.lower()


WORDS = tuple(state.word for state in State)
NEW = -1
"""State of a device that was never judged."""


class Limits(NamedTuple):
    """Silence [s] beyond which a device is late, stale, offline; shape (n,) each."""

    late: NDArray[np.float64]
    stale: NDArray[np.float64]
    offline: NDArray[np.float64]


def misses_needed(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how many messages in a row must be missing to be no chance: the least n >= 3 with loss**n <= 0.001.

    Parameters
    ----------
    loss
        Share of packets lost, 0 to 1; NaN where it is not known. Shape (n,).
    """
    loss = np.clip(np.nan_to_num(loss), 0.0, MOST_LOSS)
    with np.errstate(divide="ignore"):
        exact = np.log(FALSE_ALARMS) / np.log(loss)  # 0 where nothing is lost
    needed: NDArray[np.float64] = np.maximum(np.ceil(exact - 1e-9), STALE)
    return needed


def limits(interval_s: NDArray[np.float64], loss: NDArray[np.float64], is_safety: NDArray[np.bool_]) -> Limits:
    """Give how long each device may be silent.

    Parameters
    ----------
    interval_s
        Expected between two messages [s], shape (n,).
    """
    stretched_s = interval_s * misses_needed(loss) / STALE
    ordinary = np.maximum(OFFLINE * stretched_s, OFFLINE_AT_LEAST_S)
    offline = np.where(is_safety, OFFLINE_SAFETY * stretched_s, ordinary)
    return Limits(LATE * stretched_s, STALE * stretched_s, offline)


def levels(silence_s: NDArray[np.float64], allowed: Limits) -> NDArray[np.int8]:
    """Give the state that silence alone [s] puts each device into: ok, late, stale or offline."""
    level = np.select(
        [silence_s > allowed.offline, silence_s > allowed.stale, silence_s > allowed.late],
        [State.OFFLINE, State.STALE, State.LATE],
        State.OK,
    )
    return level.astype(np.int8)


@dataclass(frozen=True, slots=True)
class Judged:
    """What has become of devices: parallel arrays."""

    state: NDArray[np.int8]
    messages_before: NDArray[np.int64]
    """How many messages had come when the state last became worse."""


def judge(
    level: NDArray[np.int8],
    before: NDArray[np.int8],
    messages: NDArray[np.int64],
    messages_before: NDArray[np.int64],
    aside: NDArray[np.int8],
) -> Judged:
    """Give each device its state: worse as soon as its silence says so, better only after two messages.

    Parameters
    ----------
    level
        What silence alone says, shape (n,).
    before
        State of the last judgement; `NEW` where there was none, shape (n,).
    messages, messages_before
        How many have come in all, and how many had when the state last became worse, shape (n,).
    aside
        Waiting, maintenance or retired where silence says nothing; `NEW` elsewhere, shape (n,).
    """
    was_judged = (before >= State.OK) & (before <= State.OFFLINE)
    has_recovered = messages - messages_before >= RECOVERY_MESSAGES
    holds = was_judged & (level < before) & ~has_recovered
    state = np.where(holds, before, level)
    is_worse = (state > State.OK) & (~was_judged | (state > before))
    state = np.where(aside == NEW, state, aside).astype(np.int8)
    return Judged(state, np.where(is_worse & (aside == NEW), messages, messages_before))


def unheard_s(
    since_s: NDArray[np.float64], until_s: float, began_s: NDArray[np.float64], ended_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give how much of the time from `since_s` to `until_s` lies within outages that do not overlap [s].

    Parameters
    ----------
    since_s
        Shape (n,).
    began_s, ended_s
        Of the outages, shape (k,).
    """
    total = np.zeros(len(since_s))
    for began, ended in zip(began_s.tolist(), ended_s.tolist(), strict=True):
        total += np.maximum(0.0, min(ended, until_s) - np.maximum(since_s, began))
    return total


def learned_interval_s(gaps_s: Sequence[float], fallback_s: float, enough: int = 10) -> float:
    """Give the median of the last gaps between messages [s]; the fallback where too few are known."""
    return float(np.median(gaps_s)) if len(gaps_s) >= enough else fallback_s
