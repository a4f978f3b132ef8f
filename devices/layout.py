"""Layouts: what the bytes of a device's frames mean, as plain data that `layout_definition` makes from a profile's TOML.

A frame is read by the first variant that fits it. A variant has parts: fixed fields at its start, groups of records that
repeat, or channels, each a header that tells what follows. A part has fields, each a reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from devices.columns import NO_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_PARTS = 1_000
"""Channels or records that are read of one frame; the largest LoRaWAN frame has 242 bytes."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the bytes of a part."""

    at: int
    """Bytes after the start of its part."""
    kind: Literal["u", "i", "f"]
    """Unsigned, two's complement, or IEEE 754."""
    width: int
    """In bytes: 1 to 4; 4 or 8 for IEEE 754."""
    little: bool = False
    low_bit: int = 0
    """Of a bit field, counted from the least significant bit."""
    bits: int = 0
    """Width of a bit field; 0 stands for all of them."""

    @property
    def end(self) -> int:
        """Bytes its part needs for it."""
        return self.at + self.width

    @property
    def limits(self) -> tuple[float, float]:
        """Least and greatest raw number."""
        if self.kind == "f":
            return -np.inf, np.inf
        bits = self.bits or 8 * self.width
        return (0, 2**bits - 1) if self.kind == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@dataclass(frozen=True, slots=True)
class Scaling:
    """`(raw * times + plus) / over`: whole numbers where they fit, so that 257 tenths are 25.7 to the last bit."""

    times: float = 1.0
    plus: float = 0.0
    over: float = 1.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What a number must be for a field to be there."""

    number: Number
    values: tuple[int, ...]
    wanted: bool
    """Whether it must be one of the values, or none of them."""


@dataclass(frozen=True, slots=True)
class States:
    """State by raw number, as arrays of one length."""

    raw: NDArray[np.int64]
    """Ascending."""
    value: NDArray[np.float64]
    text: NDArray[np.int32]
    """Index into `texts`, or `NO_TEXT` where the state is a number."""
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One reading of a part."""

    metric: str
    unit: str
    terms: tuple[Number, ...]
    """Nearly always one; several are added up."""
    weights: tuple[Number, ...] = ()
    """One for each term where their weighted mean is meant."""
    scaling: Scaling = field(default_factory=Scaling)
    missing: tuple[float, ...] = ()
    """Raw numbers that stand for no reading."""
    when: Condition | None = None
    states: States | None = None

    @property
    def end(self) -> int:
        """Bytes its part needs for it."""
        numbers = [*self.terms, *self.weights] + ([self.when.number] if self.when else [])
        return max(number.end for number in numbers)


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a part's readings."""

    number: Number
    scaling: Scaling
    """To seconds."""
    is_age: bool
    """Whether it counts back from the frame's time, not on from 1970."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Bytes that belong together."""

    fields: tuple[Field, ...]
    size: int
    """In bytes."""
    clock: Clock | None = None
    """None: the frame's time."""


EMPTY_PART = Part((), 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A record that repeats."""

    at: int
    part: Part
    count: int
    """0: as many as the frame has room for."""
    every_us: int = 0
    """Age of each record against the next newer one."""
    newest_first: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Parts that come in any order, each behind a header of one or two bytes that says which it is."""

    header_bytes: int
    table: NDArray[np.int16]
    """Index into `parts` by header (its bytes as a little-endian number), -1 where nothing is known of it."""
    parts: tuple[Part, ...]
    sizes: NDArray[np.int64]
    """Of each part [bytes]."""


@dataclass(frozen=True, slots=True)
class Leading:
    """Bytes that a frame must begin with, under a mask."""

    size: int
    words: tuple[tuple[int, int], ...]
    """Pattern and mask of each eight bytes, as little-endian numbers."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a device's frames."""

    ports: tuple[int, ...] = ()
    """Empty: any."""
    lengths: tuple[int, ...] = ()
    """In bytes; empty: any."""
    leading: Leading | None = None
    fixed: Part = EMPTY_PART
    groups: tuple[Group, ...] = ()
    channels: Channels | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All forms of a device's frames; the first that fits a frame reads it."""

    variants: tuple[Variant, ...]


def channels_of(parts: Sequence[tuple[Sequence[int], Part]], header_bytes: int) -> Channels:
    """Arrange parts by their headers, each an int of its bytes in little-endian order; a part may have several headers."""
    table = np.full(256**header_bytes, -1, np.int16)
    for index, (headers, _) in enumerate(parts):
        table[list(headers)] = index
    return Channels(header_bytes, table, tuple(part for _, part in parts), np.array([part.size for _, part in parts], np.int64))


def states_of(states: dict[int, float | str]) -> States:
    """Arrange states for look-up."""
    ordered = sorted(states.items())
    texts = list(dict.fromkeys(state for _, state in ordered if isinstance(state, str)))
    return States(
        np.array([raw for raw, _ in ordered], np.int64),
        np.array([0.0 if isinstance(state, str) else state for _, state in ordered]),
        np.array([texts.index(state) if isinstance(state, str) else NO_TEXT for _, state in ordered], np.int32),
        texts,
    )
