"""Silence of gateways: one event for the gateway instead of one for each of the devices that only it hears; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.silence import RECOVERY_MESSAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_DEVICES = 2
"""Of one device alone nobody can say whether it or its gateway is silent."""


@dataclass(frozen=True, slots=True)
class Children:
    """The devices that were last heard by one gateway and no other, as parallel arrays."""

    last_s: NDArray[np.float64]
    """Last arrival [s since 1970]."""
    silence_s: NDArray[np.float64]
    """How long each has said nothing, as far as Hedgerow could hear [s]."""
    interval_s: NDArray[np.float64]
    """Expected between two messages [s]."""
    late_s: NDArray[np.float64]
    """Silence beyond which each is late [s]."""
    misses: NDArray[np.float64]
    """How many messages in a row of each must be missing to be no chance."""


class Gateway(NamedTuple):
    """What is known of one gateway."""

    is_silent: bool
    last_s: float
    """The last message that came by it [s since 1970]."""
    silent_from_s: float
    """The last one before it fell silent, the last time it did; NaN: never."""
    messages: int
    """Of all devices it hears best."""
    messages_before: int
    """The same, when it fell silent."""
    devices: int
    """That only it hears, and that were well when it was heard last."""
    devices_late: int
    """Of those."""


def judge_gateway(children: Children, before: Gateway | None, last_s: float, silence_s: float, messages: int) -> Gateway:
    """Tell whether a gateway is silent.

    It falls silent when more than half of its devices that were well until it was heard last are late, and all of them together
    miss so many messages that it is no chance. It is back after two messages.

    Parameters
    ----------
    before
        The last judgement; None where there was none.
    last_s, silence_s
        The last message by it [s since 1970], and for how long there was none, as far as Hedgerow could hear [s].
    messages
        Of all devices it hears best, in all.
    """
    was_well = last_s - children.last_s <= children.late_s
    is_late = was_well & (children.silence_s > children.late_s)
    devices, devices_late = int(was_well.sum()), int(is_late.sum())
    if before is not None and before.is_silent:
        messages_before = min(before.messages_before, messages)  # a device that it hears no more took its messages along
        is_silent = messages - messages_before < RECOVERY_MESSAGES
        return Gateway(is_silent, last_s, before.silent_from_s, messages, messages_before, devices, devices_late)
    is_silent = (
        devices >= _FEWEST_DEVICES
        and 2 * devices_late > devices
        and _missed(children, was_well, silence_s) >= children.misses[was_well].max()
    )
    silent_from_s = last_s if is_silent else before.silent_from_s if before else np.nan
    return Gateway(is_silent, last_s, silent_from_s, messages, messages, devices, devices_late)


def _missed(children: Children, among: NDArray[np.bool_], silence_s: float) -> float:
    """Count the messages that some devices should have sent since the gateway was heard last."""
    until_now = np.floor(children.silence_s[among] / children.interval_s[among])
    until_then = np.floor(np.maximum(children.silence_s[among] - silence_s, 0) / children.interval_s[among])
    return float((until_now - until_then).sum())


def is_explained(
    last_s: NDArray[np.float64], late_s: NDArray[np.float64], silent_from_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which devices fell silent with their gateway: well when it was heard last, and not heard since.

    Parameters
    ----------
    last_s, late_s
        Last arrival [s since 1970], and the silence beyond which it is late [s], shape (n,).
    silent_from_s
        When the gateway of each was heard last [s since 1970]; NaN where it is not silent, shape (n,).
    """
    with np.errstate(invalid="ignore"):
        return (last_s <= silent_from_s) & (silent_from_s - last_s <= late_s)
