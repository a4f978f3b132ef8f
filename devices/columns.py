"""Decoded readings as parallel columns: what every payload format gives, before anything is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.reasons import Reason
    from devices.topics import Source

Scalar = TypeVar("Scalar", bound=np.generic)

LAST_S = 9e11
"""The year 30,000: far inside int64 microseconds [s since 1970]."""

NO_TIME_US = np.iinfo(np.int64).min
"""Stands for a time that no clock can mean; `check` puts the server's time and a flag in its place."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one format to decode together: parallel sequences of one length."""

    index: NDArray[np.int32]
    """Index of each message within its group."""
    payloads: Sequence[bytes]
    sources: Sequence[Source]
    received_us: NDArray[np.int64]
    """When each message arrived [µs since 1970]."""

    def take(self, positions: Sequence[int]) -> Messages:
        """Give some of the messages."""
        return Messages(
            self.index[positions],
            [self.payloads[i] for i in positions],
            [self.sources[i] for i in positions],
            self.received_us[positions],
        )


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

    def in_order(self) -> Columns:
        """Give the readings in the order of their messages."""
        order = np.argsort(self.message, kind="stable")
        return replace(
            self,
            message=self.message[order],
            item=self.item[order],
            device=self.device[order],
            metric=self.metric[order],
            unit=self.unit[order],
            time_us=self.time_us[order],
            value=self.value[order],
        )


class Codes(dict[str, int]):
    """Gives every distinct text a small number, in order of first appearance: `codes[text]`."""

    def __missing__(self, text: str) -> int:
        """Give a new text the next number."""
        code = self[text] = len(self)
        return code


@dataclass(slots=True)
class Rows:
    """Readings gathered one by one, for formats that are rare at high rates, and what was refused."""

    rejects: list[Reject] = field(default_factory=list)
    _rows: list[tuple[int, int, int, int, int, int, float]] = field(default_factory=list)
    _uids: Codes = field(default_factory=Codes)
    _metrics: Codes = field(default_factory=Codes)
    _units: Codes = field(default_factory=Codes)

    def add(self, message: int, item: int, uid: str, metric: str, unit: str, time_us: int, value: float) -> None:
        """Add a reading."""
        codes = self._uids[uid], self._metrics[metric], self._units[unit]
        self._rows.append((message, item, *codes, time_us, value))

    def columns(self) -> Columns:
        """Give them as columns."""
        message, item, device, metric, unit, time_us, value = zip(*self._rows, strict=True) if self._rows else [()] * 7
        return Columns(
            message=np.array(message, np.int32),
            item=np.array(item, np.int32),
            device=np.array(device, np.int32),
            metric=np.array(metric, np.int32),
            unit=np.array(unit, np.int32),
            time_us=np.array(time_us, np.int64),
            value=np.array(value, np.float64),
            uids=list(self._uids),
            metrics=list(self._metrics),
            units=list(self._units),
            rejects=self.rejects,
        )


def codes_of(codes: Codes, texts: Sequence[str]) -> NDArray[np.int32]:
    """Give the numbers of many texts at once, shape (len(texts),)."""
    return np.fromiter(map(codes.__getitem__, texts), np.int32, len(texts))


def seconds_to_us(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round seconds since 1970 to microseconds; what no clock can mean becomes `NO_TIME_US`."""
    if len(seconds) and np.abs(seconds).max() < LAST_S:
        return np.rint(seconds * 1e6).astype(np.int64)
    possible = np.abs(seconds) < LAST_S
    micros = np.full(len(seconds), NO_TIME_US, np.int64)
    micros[possible] = np.rint(seconds[possible] * 1e6).astype(np.int64)
    return micros


def concatenate(parts: Sequence[Columns]) -> Columns:
    """Join the columns of several formats into one, texts included."""
    uids, metrics, units = Codes(), Codes(), Codes()
    return Columns(
        message=_joined([part.message for part in parts], np.int32),
        item=_joined([part.item for part in parts], np.int32),
        device=_joined([codes_of(uids, part.uids)[part.device] for part in parts], np.int32),
        metric=_joined([codes_of(metrics, part.metrics)[part.metric] for part in parts], np.int32),
        unit=_joined([codes_of(units, part.units)[part.unit] for part in parts], np.int32),
        time_us=_joined([part.time_us for part in parts], np.int64),
        value=_joined([part.value for part in parts], np.float64),
        uids=list(uids),
        metrics=list(metrics),
        units=list(units),
        rejects=[reject for part in parts for reject in part.rejects],
    )


def _joined(arrays: list[NDArray[Scalar]], dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)
