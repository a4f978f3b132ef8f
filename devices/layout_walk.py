"""Walk: takes frames and a layout, gives which part stands where in which frame, and what could not be read; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.columns import Reject
from devices.layout import MOST_PARTS
from devices.layout_numbers import words_of
from devices.reasons import EXPLANATIONS, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.frames import Frames
    from devices.layout import Channels, Group, Layout, Part, Variant

_SHOWN_BYTES = 8


class Placed(NamedTuple):
    """One part in many frames, as arrays of one length; no frame twice."""

    part: Part
    frame: NDArray[np.int64]
    """Index of each frame."""
    at: NDArray[np.int64]
    """Where the part begins in the joined payloads."""
    item: NDArray[np.int64]
    """How many items the frame has before it."""
    age_us: int = 0
    """Of its readings against the time of the part."""


@dataclass(slots=True)
class Walk:
    """Frames while they are walked through."""

    frames: Frames
    words: NDArray[np.uint64]
    """The joined payloads, see `words_of`."""
    start: NDArray[np.int64]
    """Where each frame begins in them."""
    end: NDArray[np.int64]
    items: NDArray[np.int64]
    """Items of each frame so far."""
    placed: list[Placed] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    """Frames that have a reject."""

    def place(self, part: Part, rows: NDArray[np.int64], at: NDArray[np.int64], age_us: int = 0) -> None:
        """Note that a part begins at `at` in the frames `rows`."""
        if part.fields:
            self.placed.append(Placed(part, rows, at, self.items[rows], age_us))
            self.items[rows] += len(part.fields)

    def refuse(self, row: int, reason: Reason, detail: str) -> None:
        """Refuse a frame, of which nothing is read."""
        self._reject(row, reason, detail, 1)

    def cut_off(self, rows: NDArray[np.int64], detail: str) -> None:
        """Note that frames could not be read to their ends."""
        for row in rows.tolist():
            self.cut_off_at(row, detail)

    def cut_off_at(self, row: int, detail: str) -> None:
        """Note that a frame could not be read to its end."""
        self.items[row] += 1
        self._reject(row, Reason.FRAME_INCOMPLETE, detail, int(self.items[row]))

    def _reject(self, row: int, reason: Reason, detail: str, item: int) -> None:
        self.refused.add(row)
        self.rejects.append(Reject(int(self.frames.message[row]), reason, detail, item))


def begin(frames: Frames, room: int) -> Walk:
    """Lay out frames to be walked through; a part may reach `room` bytes beyond the end of the last one."""
    lengths = np.fromiter(map(len, frames.payloads), np.int64, len(frames))
    end = np.cumsum(lengths)
    return Walk(frames, words_of(frames.payloads, room), end - lengths, end, np.zeros(len(frames), np.int64))


def walk(layout: Layout, frames: Frames) -> Walk:
    """Find every part of every frame.

    Nothing is raised for bad data: a frame that no variant fits is refused whole, one that ends early or goes on with
    something unknown is read as far as it goes.
    """
    walked = begin(frames, max(variant.fixed.size for variant in layout.variants))
    length = walked.end - walked.start
    chosen = np.full(len(frames), -1, np.int64)
    for number in reversed(range(len(layout.variants))):
        chosen[_fits(layout.variants[number], walked, length)] = number
    chosen[length == 0] = -1
    for number, variant in enumerate(layout.variants):
        rows = np.flatnonzero(chosen == number)
        if len(rows):
            _walk_variant(variant, walked, rows)
    for row in np.flatnonzero(chosen == -1).tolist():
        _refuse(layout.variants, walked, row)
    return walked


def _fits(variant: Variant, walked: Walk, length: NDArray[np.int64]) -> NDArray[np.bool_]:
    fits = np.ones(len(length), bool)
    if variant.ports:  # port 0: the payload came without one
        fits &= np.isin(walked.frames.ports, (0, *variant.ports))
    if variant.lengths:
        fits &= np.isin(length, variant.lengths)
    if variant.leading is not None:
        fits &= length >= variant.leading.size
        for number, (pattern, mask) in enumerate(variant.leading.words):
            rows = np.flatnonzero(fits)
            fits[rows] = walked.words[walked.start[rows] + 8 * number] & np.uint64(mask) == np.uint64(pattern)
    return fits


def _refuse(variants: Sequence[Variant], walked: Walk, row: int) -> None:
    payload, port = walked.frames.payloads[row], int(walked.frames.ports[row])
    if not payload:
        walked.refuse(row, Reason.PAYLOAD_EMPTY, EXPLANATIONS[Reason.PAYLOAD_EMPTY])
        return
    ports = {port for variant in variants for port in variant.ports}
    if port and all(variant.ports for variant in variants) and port not in ports:
        what = f"port {port}: the layout is for {', '.join(map(str, sorted(ports)))}"
    else:
        shown = payload[:_SHOWN_BYTES].hex() + ("…" if len(payload) > _SHOWN_BYTES else "")
        what = f"no variant of the layout fits port {port}, {len(payload)} bytes, {shown}"
    walked.refuse(row, Reason.CODEC_FAILED, what)


def _walk_variant(variant: Variant, walked: Walk, rows: NDArray[np.int64]) -> None:
    start, length = walked.start[rows], walked.end[rows] - walked.start[rows]
    walked.place(variant.fixed, rows, start)
    short = length < variant.fixed.size
    for row, size in zip(rows[short].tolist(), length[short].tolist(), strict=True):
        walked.cut_off_at(row, f"{size} bytes, the layout needs {variant.fixed.size}")
    for group in variant.groups:
        _walk_group(group, walked, rows[~short])
    if variant.channels is not None:
        _walk_channels(variant.channels, walked, rows)


def _walk_group(group: Group, walked: Walk, rows: NDArray[np.int64]) -> None:
    room = np.maximum(walked.end[rows] - walked.start[rows] - group.at, 0)
    wanted = np.full(len(rows), group.count) if group.count else -(-room // group.part.size)
    records = np.minimum(np.minimum(wanted, room // group.part.size), MOST_PARTS)
    for number in range(int(records.max(initial=0))):
        among = records > number
        here = rows[among]
        at = walked.start[here] + group.at + number * group.part.size
        if not group.every_us:
            walked.place(group.part, here, at)
        elif group.newest_first:
            walked.place(group.part, here, at, number * group.every_us)
        else:
            for total in np.unique(records[among]).tolist():
                some = records[among] == total
                walked.place(group.part, here[some], at[some], (total - 1 - number) * group.every_us)
    for index in np.flatnonzero(records < wanted).tolist():
        found = f"{records[index]} whole records of {group.part.size} bytes from byte {group.at} on, not {wanted[index]}"
        walked.cut_off_at(int(rows[index]), found)


def _walk_channels(channels: Channels, walked: Walk, rows: NDArray[np.int64]) -> None:
    """Step through all frames at once: the first channel of each, the second of each, and so on."""
    at, end = walked.start[rows], walked.end[rows]
    mask = np.uint64(256**channels.header_bytes - 1)
    for _ in range(MOST_PARTS):
        which = channels.table[walked.words[at] & mask]
        value = at + channels.header_bytes
        following = value + channels.sizes[which]
        good = (which >= 0) & (following <= end)
        if not good.all():
            for row in np.flatnonzero(~good).tolist():
                _cut_off_channel(channels, walked, int(rows[row]), int(at[row]))
            which, rows, value, following, end = which[good], rows[good], value[good], following[good], end[good]
        for index in np.flatnonzero(np.bincount(which)).tolist():
            among = np.flatnonzero(which == index)
            walked.place(channels.parts[index], rows[among], value[among])
        going = following < end
        rows, at, end = rows[going], following[going], end[going]
        if not len(rows):
            return
    walked.cut_off(rows, f"more than {MOST_PARTS:,} channels")


def _cut_off_channel(channels: Channels, walked: Walk, row: int, at: int) -> None:
    byte = at - int(walked.start[row])
    header = walked.frames.payloads[row][byte : byte + channels.header_bytes]
    is_known = len(header) == channels.header_bytes and channels.table[int.from_bytes(header, "little")] >= 0
    what = "ends inside" if is_known or len(header) < channels.header_bytes else "has the unknown"
    walked.cut_off_at(row, f"{what} channel {header.hex()} at byte {byte}")
