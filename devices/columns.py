"""Decoded readings as parallel columns: what every payload format gives, before anything is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from devices.radio import Radio, join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from devices.events import Event
    from devices.reasons import Reason
    from devices.topics import Source

Scalar = TypeVar("Scalar", bound=np.generic)

LAST_S = 9e11
"""The year 30,000: far inside int64 microseconds [s since 1970]."""

NO_TIME_US = np.iinfo(np.int64).min
"""Stands for a time that no clock can mean; `check` puts the server's time and a flag in its place."""


NO_TEXT = -1
"""Stands for a reading that is a number."""

MOST_REFUSED = 1_000
"""Readings of one message that are set aside one by one: 1 MiB may hold 350,000 that say nothing."""


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
    text: NDArray[np.int32] | None = None
    """Index into `texts` of a reading that names a state (its value is 0), `NO_TEXT` of one that is a number; None: all are."""
    texts: Sequence[str] = ()
    owners: Mapping[int, str] = field(default_factory=dict)
    """Uid of the device that a message is of, where only its payload says so."""
    radio: Radio | None = None
    """How messages came through the air, where a network server says so."""
    events: Sequence[Event] = ()
    """What a network server tells of devices besides readings."""

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.value)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """Give some of the readings, by index or mask; rejects and what is known of messages stay as they are."""
        return replace(
            self,
            message=self.message[rows],
            item=self.item[rows],
            device=self.device[rows],
            metric=self.metric[rows],
            unit=self.unit[rows],
            time_us=self.time_us[rows],
            value=self.value[rows],
            text=None if self.text is None else self.text[rows],
        )

    def in_order(self) -> Columns:
        """Give the readings in the order of their messages."""
        return self.take(np.argsort(self.message, kind="stable"))


class TooManyRefused(Exception):  # noqa: N818 - an outcome, not an error
    """More than `MOST_REFUSED` readings of a message are refused: it is to be refused as a whole."""


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
    owners: dict[int, str] = field(default_factory=dict)
    _rows: list[tuple[int, int, int, int, int, int, float, int]] = field(default_factory=list)
    _uids: Codes = field(default_factory=Codes)
    _metrics: Codes = field(default_factory=Codes)
    _units: Codes = field(default_factory=Codes)
    _texts: Codes = field(default_factory=Codes)

    def add(self, message: int, item: int, uid: str, metric: str, unit: str, time_us: int, value: float | str) -> None:
        """Add a reading; a text names a state."""
        codes = self._uids[uid], self._metrics[metric], self._units[unit]
        number, text = (0.0, self._texts[value]) if isinstance(value, str) else (value, NO_TEXT)
        self._rows.append((message, item, *codes, time_us, number, text))

    def refuse(self, reject: Reject) -> None:
        """Set a reading aside; the readings of a message come together.

        Raises
        ------
        TooManyRefused
            When that is too much of one message: `refuse_whole` comes next.
        """
        self.rejects.append(reject)
        before = len(self.rejects) - 1 - MOST_REFUSED
        if before >= 0 and self.rejects[before].message == reject.message:
            raise TooManyRefused

    def refuse_whole(self, message: int) -> None:
        """Put one reject in the place of all readings and rejects of the message that came last."""
        first = next(at for at, reject in enumerate(self.rejects) if reject.message == message)
        detail = f"more than {MOST_REFUSED} of its readings are refused, the first: {self.rejects[first].detail}"
        self.rejects[first:] = [Reject(message, self.rejects[first].reason, detail)]
        while self._rows and self._rows[-1][0] == message:
            self._rows.pop()

    def columns(self) -> Columns:
        """Give them as columns."""
        message, item, device, metric, unit, time_us, value, text = zip(*self._rows, strict=True) if self._rows else [()] * 8
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
            text=np.array(text, np.int32) if self._texts else None,
            texts=list(self._texts),
            owners=self.owners,
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
    uids, metrics, units, texts = Codes(), Codes(), Codes(), Codes()
    has_text = any(part.text is not None for part in parts)
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
        text=_joined([_text_of(part, texts) for part in parts], np.int32) if has_text else None,
        texts=list(texts),
        owners={message: uid for part in parts for message, uid in part.owners.items()},
        radio=join(part.radio for part in parts),
        events=[event for part in parts for event in part.events],
    )


def _text_of(part: Columns, texts: Codes) -> NDArray[np.int32]:
    if part.text is None:
        return np.full(len(part), NO_TEXT, np.int32)
    return np.append(codes_of(texts, part.texts), NO_TEXT).astype(np.int32)[part.text]  # NO_TEXT is the last one


def _joined(arrays: list[NDArray[Scalar]], dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)
