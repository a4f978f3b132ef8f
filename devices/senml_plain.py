"""Plain SenML packs into columns, as fast as it goes: devices that send names, numbers, units and times and nothing else.

That is nearly every pack, in JSON and in CBOR. Whatever is not plain is left to `senml_columns`, which knows all of RFC 8428;
for plain packs both give the same readings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import TYPE_CHECKING

import numpy as np

from devices.cbor import is_cbor
from devices.columns import NO_TIME_US, Codes, Columns, seconds_to_us
from devices.senml import ABSOLUTE_FROM_S, PLAIN_ERRORS, PlainRecord, parse_plain, parse_plain_cbor
from devices.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.columns import Messages

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-._]*")
"""A name that is its metric, whatever base name stands before it."""

_BASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*[:/]")
"""A base name that ends where the metric begins."""

_BEGINS = frozenset(bytes([byte]) for byte in (*b"[ \t\r\n", *range(0x80, 0xA0)))
"""First bytes of a pack: JSON's bracket and blanks, CBOR's arrays."""

_AT_ONCE = 1_000
"""Packs parsed before their records are let go: few enough that they stay in the processor's cache, and take little memory."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the packs so far have said: arrays of one portion of packs after the other."""

    names: Codes = field(default_factory=Codes)
    units: Codes = field(default_factory=Codes)
    name: list[NDArray[np.int32]] = field(default_factory=list)
    unit: list[NDArray[np.int32]] = field(default_factory=list)
    value: list[NDArray[np.float64]] = field(default_factory=list)
    base_time: list[NDArray[np.float64]] = field(default_factory=list)
    time: list[NDArray[np.float64]] = field(default_factory=list)
    length: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, packs: list[list[PlainRecord]], records: list[PlainRecord]) -> None:
        """Add a portion of packs and their records."""
        count = len(records)
        self.name.append(np.fromiter(map(self.names.__getitem__, [record.n for record in records]), np.int32, count))
        self.unit.append(np.fromiter(map(self.units.__getitem__, [record.u for record in records]), np.int32, count))
        self.value.append(np.fromiter([record.v for record in records], np.float64, count))
        self.base_time.append(np.fromiter([record.bt for record in records], np.float64, count))
        self.time.append(np.fromiter([record.t for record in records], np.float64, count))
        self.length.append(np.fromiter(map(len, packs), np.int64, len(packs)))


def decode(messages: Messages) -> tuple[Columns | None, Sequence[int]]:
    """Decode what is plain.

    Returns
    -------
    tuple
        Columns of the plain packs (None if there are none), and the positions of the other messages.
    """
    found = _Found()
    plain: list[int] = []
    others: list[int] = []
    for start in range(0, len(messages.payloads), _AT_ONCE):
        packs, positions, rest = _parse(messages, range(start, min(start + _AT_ONCE, len(messages.payloads))))
        records = list(chain.from_iterable(packs))
        if strange := _strange(records):  # whoever names things otherwise does not slow down the others
            kept = [strange.isdisjoint((record.n, record.bn) for record in pack) for pack in packs]
            rest = sorted([*rest, *(at for at, is_kept in zip(positions, kept, strict=True) if not is_kept)])
            packs, positions = list(compress(packs, kept)), list(compress(positions, kept))
            records = list(chain.from_iterable(packs))
        found.add(packs, records)
        plain += positions
        others += rest
    if not plain:
        return None, others
    return _columns(messages.take(plain) if others else messages, found), others


def _parse(messages: Messages, portion: range) -> tuple[list[list[PlainRecord]], Sequence[int], Sequence[int]]:
    """Parse what is plain of a portion; gives packs, their positions, and the positions of the rest."""
    payloads = messages.payloads[portion.start : portion.stop]
    kinds = [source.kind for source in messages.sources[portion.start : portion.stop]]
    if kinds.count(Kind.DEVICE) == len(portion):
        try:
            packs = list(map(parse_plain, payloads))
        except PLAIN_ERRORS:
            pass  # at least one is not: look at each
        else:
            if all(packs):
                return packs, portion, []
    packs, plain, others = [], [], []
    for position, kind, payload in zip(portion, kinds, payloads, strict=True):
        pack = _try_parse(payload) if kind is Kind.DEVICE else None
        if pack:
            packs.append(pack)
            plain.append(position)
        else:
            others.append(position)
    return packs, plain, others


def _try_parse(payload: bytes) -> list[PlainRecord] | None:
    if payload[:1] not in _BEGINS:  # a frame: to fail at it would cost more than to decode it
        return None
    try:
        return parse_plain_cbor(payload) if is_cbor(payload) else parse_plain(payload)
    except PLAIN_ERRORS:
        return None


def _strange(records: Sequence[PlainRecord]) -> set[tuple[str, str | None]]:
    """Give the names, with their base names, that are not plain."""
    return {
        (name, base)
        for name, base in {(record.n, record.bn) for record in records}
        if not (_NAME.fullmatch(name) and (base is None or _BASE_NAME.fullmatch(base)))
    }


def _columns(messages: Messages, found: _Found) -> Columns:
    lengths = np.concatenate(found.length)
    pack = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    first = np.cumsum(lengths) - lengths
    return Columns(
        message=messages.index[pack],
        item=(np.arange(len(pack)) - np.repeat(first, lengths) + 1).astype(np.int32),
        device=pack,
        metric=np.concatenate(found.name),
        unit=np.concatenate(found.unit),
        time_us=_times(found, first, lengths, messages.received_us[pack]),
        value=np.concatenate(found.value),
        uids=[source.uid for source in messages.sources],
        metrics=list(found.names),
        units=list(found.units),
        rejects=[],
    )


def _times(
    found: _Found, first: NDArray[np.int64], lengths: NDArray[np.int64], received_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Add base time and time (RFC 8428, sections 4.5.1 and 4.5.3)."""
    base = np.concatenate(found.base_time)
    given = ~np.isnan(base)
    if given.sum() == given[first].sum():  # at most the first record of each pack has one
        base = np.repeat(np.where(given[first], base[first], 0.0), lengths)
    else:
        last = np.maximum.accumulate(np.where(given, np.arange(len(base)), -1))
        base = np.where(last >= np.repeat(first, lengths), base[last], 0.0)
    with np.errstate(over="ignore"):  # what overflows is no time of any clock
        seconds = base + np.concatenate(found.time)
    time_us = seconds_to_us(seconds)
    relative = (seconds < ABSOLUTE_FROM_S) & (time_us != NO_TIME_US)
    if relative.any():
        time_us = np.where(relative, received_us + time_us, time_us)
    return time_us
