"""Decoded readings as parallel columns: what every payload format gives, before anything is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.reasons import Reason

Scalar = TypeVar("Scalar", bound=np.generic)

NO_TIME_US = np.iinfo(np.int64).min
"""Stands for a time that no clock can mean; `check` puts the server's time and a flag in its place."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One message or reading that could not be decoded, and why."""

    message: int
    """Index of the message within its group."""
    reason: Reason
    detail: str
    item: int = 0
    """0 for the whole message, n for its n-th reading."""
    payload: bytes | None = None
    """What a replay sends; None stands for the message's own payload."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of one group of messages as parallel arrays of one length.

    Texts are kept once each in a list; the columns hold indices into it.
    """

    message: NDArray[np.int32]
    """Index of the message within its group."""
    item: NDArray[np.int32]
    """1-based position of the reading within its message."""
    device: NDArray[np.int32]
    """Index into `uids`."""
    metric: NDArray[np.int32]
    """Index into `metrics`."""
    unit: NDArray[np.int32]
    """Index into `units`."""
    time_us: NDArray[np.int64]
    """Microseconds since 1970, or `NO_TIME_US`."""
    value: NDArray[np.float64]
    """As sent, in the unit named."""
    uids: Sequence[str]
    metrics: Sequence[str]
    units: Sequence[str]
    rejects: list[Reject] = field(default_factory=list)

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.value)


class Interner:
    """Gives every distinct text a small number, in order of first appearance."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """Give the number of a text."""
        return self._codes.setdefault(text, len(self._codes))

    def codes(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Give the numbers of many texts at once, shape (len(texts),)."""
        known = self._codes
        for text in set(texts).difference(known):
            known[text] = len(known)
        return np.fromiter(map(known.__getitem__, texts), np.int32, len(texts))

    @property
    def texts(self) -> list[str]:
        """All texts by their number."""
        return list(self._codes)


def seconds_to_us(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round seconds since 1970 to microseconds; what no clock can mean becomes `NO_TIME_US`."""
    possible = np.isfinite(seconds) & (np.abs(seconds) < 9e11)  # the year 30,000: far inside int64 microseconds
    micros = np.full(len(seconds), NO_TIME_US, np.int64)
    micros[possible] = np.rint(seconds[possible] * 1e6).astype(np.int64)
    return micros


def concatenate(parts: Sequence[Columns]) -> Columns:
    """Join the columns of several formats into one, texts included."""
    uids, metrics, units = Interner(), Interner(), Interner()
    return Columns(
        message=_joined([part.message for part in parts], np.int32),
        item=_joined([part.item for part in parts], np.int32),
        device=_joined([uids.codes(part.uids)[part.device] for part in parts], np.int32),
        metric=_joined([metrics.codes(part.metrics)[part.metric] for part in parts], np.int32),
        unit=_joined([units.codes(part.units)[part.unit] for part in parts], np.int32),
        time_us=_joined([part.time_us for part in parts], np.int64),
        value=_joined([part.value for part in parts], np.float64),
        uids=uids.texts,
        metrics=metrics.texts,
        units=units.texts,
        rejects=[reject for part in parts for reject in part.rejects],
    )


def _joined(arrays: list[NDArray[Scalar]], dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)
