"""A message about to be published, and what should become of it: the words simulators share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Reading(NamedTuple):
    """One reading as the store should hold it."""

    metric: str
    """Key of the vocabulary, whatever alias was sent."""
    time_us: int
    """The device's time [µs since 1970]."""
    value: float
    """In the metric's own unit."""


@dataclass(frozen=True, slots=True)
class Message:
    """One PUBLISH, with its expected outcome."""

    uid: str
    topic: str
    payload: bytes
    readings: tuple[Reading, ...]
    """What should be stored of it."""
    fault: str = ""
    """Name of the fault it was given; empty for none."""
    clock: bool = False
    """Whether its time is impossible, so that its readings should stand under the time of arrival."""
    reason: str = ""
    """Why a part of it, or all, should go to quarantine; empty for not at all."""
    refused: int = 0
    """How many rows of quarantine it should make."""
