"""Packet loss: which uplinks of a device never arrived, told from the gaps in its frame counters; pure.

A counter counts within a session. It begins again when the device joins anew (another session) or was reset (far back within
the session), and goes on from 0 behind its largest value, of 16 or 32 bits. Nothing is taken for lost before the first or
behind the last uplink of such a run: only what lies between two that came is known to have been sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATE_FRAMES = 8
"""How far a counter may lie behind the one before: overtaken on the way; further back the device was reset."""
WIDEST_TURN = 1_024
"""How many frames may be lost where a counter goes on from its largest value: with more it is taken for one that was reset."""
_BITS_16, _BITS_32 = 1 << 16, 1 << 32


class Gap(NamedTuple):
    """Counters that are missing, one behind the other."""

    first: int
    last: int
    missing: int
    """How many."""
    after_us: int
    """When the uplink before them came [µs since 1970]."""
    before_us: int
    """When the uplink behind them came."""


@dataclass(frozen=True, slots=True)
class PacketLoss:
    """What became of the uplinks of one device."""

    received: int
    """Distinct uplinks that came."""
    repeated: int
    """Copies of them."""
    lost: int
    runs: int
    """How often the counter began: sessions, and resets within them."""
    gaps: list[Gap]
    """Ascending by time."""

    @property
    def percent(self) -> float | None:
        """Share of what was sent that is lost [%]; None where nothing came."""
        sent = self.received + self.lost
        return 100.0 * self.lost / sent if sent else None


def packet_loss(session: NDArray[np.int64], f_cnt: NDArray[np.int64], time_us: NDArray[np.int64]) -> PacketLoss:
    """Tell what is missing among the uplinks of one device, given in any order.

    Parameters
    ----------
    session
        A number for each session, shape (n,).
    f_cnt
        Frame counter, 0 to 2**32 - 1, shape (n,).
    time_us
        When the network server had the uplink [µs since 1970], shape (n,).
    """
    order = np.lexsort((f_cnt, time_us, session))
    session, f_cnt, time_us = session[order], f_cnt[order], time_us[order]
    run, count, modulus = _unwrap(session, f_cnt)
    order = np.lexsort((time_us, count, run))
    run, count, time_us, modulus = run[order], count[order], time_us[order], modulus[order]
    is_first = np.ones(len(run), bool)
    is_first[1:] = (run[1:] != run[:-1]) | (count[1:] != count[:-1])
    run, count, time_us, modulus = run[is_first], count[is_first], time_us[is_first], modulus[is_first]
    missing = np.where(run[1:] == run[:-1], count[1:] - count[:-1] - 1, 0)
    return PacketLoss(
        received=len(run),
        repeated=len(is_first) - len(run),
        lost=int(missing.sum()),
        runs=len(np.unique(run)),
        gaps=_gaps(np.flatnonzero(missing), count, missing, time_us, modulus),
    )


def _unwrap(
    session: NDArray[np.int64], f_cnt: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give the run of each uplink, its counter as if it had no largest value, and where it begins again.

    Takes uplinks in the order of their sessions and times; shape (n,) each.
    """
    step = np.diff(f_cnt, prepend=f_cnt[:1])
    is_new = np.diff(session, prepend=session[:1]) != 0
    before = f_cnt - step
    wrap = np.zeros(len(f_cnt), np.int64)
    for modulus in (_BITS_32, _BITS_16):
        fits = (f_cnt < modulus) & (before < modulus)
        wrap[fits & (step + modulus <= WIDEST_TURN)] = modulus
        wrap[fits & (step - modulus >= -LATE_FRAMES)] = -modulus
    wrap[is_new] = 0
    is_new |= (step < -LATE_FRAMES) & (wrap == 0)
    run = np.cumsum(is_new)
    turns = np.cumsum(wrap)
    start = np.flatnonzero(np.diff(run, prepend=-1))
    width = np.maximum.reduceat(np.abs(wrap), start) if len(start) else wrap
    return run, f_cnt + turns - turns[start][run], np.where(width == 0, _BITS_32, width)[run]


def _gaps(
    at: NDArray[np.int64],
    count: NDArray[np.int64],
    missing: NDArray[np.int64],
    time_us: NDArray[np.int64],
    modulus: NDArray[np.int64],
) -> list[Gap]:
    first, last = (count[at] + 1) % modulus[at], (count[at + 1] - 1) % modulus[at]
    columns = (first, last, missing[at], time_us[at], time_us[at + 1])
    found = [Gap(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]
    return sorted(found, key=lambda gap: gap.after_us)
