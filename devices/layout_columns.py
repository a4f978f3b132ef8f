"""Layout columns: takes frames and a layout, gives columns of readings and what was refused, thousands in one call; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from devices.columns import NO_TEXT, NO_TIME_US, Codes, Columns, Reject, codes_of, seconds_to_us
from devices.layout_definition import parse_layout
from devices.layout_numbers import field_values, raw_numbers, scaled
from devices.layout_walk import walk
from devices.reasons import EXPLANATIONS, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.frames import Frames
    from devices.layout import Field, Layout, States
    from devices.layout_numbers import Raw, Values
    from devices.layout_walk import Placed, Walk


class LayoutCodec:
    """Decodes frames by the layout of a definition.

    Raises
    ------
    DefinitionError
        Naming the place of the definition that is wrong.
    """

    def __init__(self, definition: str) -> None:
        self._layout = parse_layout(definition)

    def __call__(self, frames: Frames) -> Columns:
        """Decode frames of one device profile; nothing is raised for bad data."""
        return decode(self._layout, frames)


def decode(layout: Layout, frames: Frames) -> Columns:
    """Decode frames of one device profile by its layout.

    Nothing is raised for bad data: it stands among the result's rejects. `item` counts what a frame's parts hold, whether it
    is a reading or stands for none.
    """
    return columns_of(walk(layout, frames))


def columns_of(walked: Walk) -> Columns:
    """Read every part that a walk has found."""
    slots = _Slots.of(walked)
    for placed in walked.placed:
        slots.read(placed)
    return slots.columns()


@dataclass(slots=True)
class _Slots:
    """The readings of all frames, in the order of frames and items: one slot each."""

    walked: Walk
    first: NDArray[np.int64]
    """First slot of each frame."""
    frame: NDArray[np.int32]
    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    field_code: NDArray[np.int32]
    present: NDArray[np.bool_]
    text: NDArray[np.int32] | None = None
    fields: dict[Field, int] = field(default_factory=dict)
    texts: Codes = field(default_factory=Codes)

    @classmethod
    def of(cls, walked: Walk) -> _Slots:
        total = int(walked.items.sum())
        return cls(
            walked,
            np.cumsum(walked.items) - walked.items,
            np.repeat(np.arange(len(walked.items), dtype=np.int32), walked.items),
            np.repeat(walked.frames.time_us, walked.items),
            np.empty(total),
            np.zeros(total, np.int32),
            np.zeros(total, bool),
        )

    def read(self, placed: Placed) -> None:
        """Read the fields of a part."""
        slot = self.first[placed.frame] + placed.item
        room = self.walked.end[placed.frame] - placed.at
        needed = 0
        time_us = None
        if placed.part.clock is not None or placed.age_us:
            time_us = _times(placed, self.walked)
            needed = placed.part.clock.number.end if placed.part.clock else 0
        for one in placed.part.fields:
            fits = None if room.min() >= placed.part.size else room >= max(one.end, needed)
            self._put(one, slot, field_values(one, self.walked.words, placed.at), fits)
            if time_us is not None:
                self.time_us[slot] = time_us
            slot += 1

    def _put(self, one: Field, slot: NDArray[np.int64], found: Values, fits: NDArray[np.bool_] | None) -> None:
        present: NDArray[np.bool_] | bool = True if found.present is None else found.present
        present = present if fits is None else present & fits
        if one.states is not None and found.state is not None:
            unknown = present & (found.state < 0)
            self._refuse_states(one, slot[unknown], found.raw[unknown])
            present = present & ~unknown
            self._put_texts(one.states, slot, found.state)
        self.value[slot] = found.value
        self.field_code[slot] = self.fields.setdefault(one, len(self.fields))
        self.present[slot] = present

    def _put_texts(self, states: States, slot: NDArray[np.int64], state: NDArray[np.int64]) -> None:
        if states.texts:
            if self.text is None:
                self.text = np.full(len(self.value), NO_TEXT, np.int32)
            codes = np.append(codes_of(self.texts, states.texts), NO_TEXT).astype(np.int32)  # NO_TEXT is the last one
            self.text[slot] = codes[states.text[state]]

    def _refuse_states(self, one: Field, slots: NDArray[np.int64], raw: Raw) -> None:
        for slot, number in zip(slots.tolist(), raw.tolist(), strict=True):
            frame = int(self.frame[slot])
            detail = f"{one.metric}: {number} is none of its states"
            self.walked.refused.add(frame)
            self.walked.rejects.append(
                Reject(self._message(frame), Reason.STATE_UNKNOWN, detail, slot - int(self.first[frame]) + 1)
            )

    def _message(self, frame: int) -> int:
        return int(self.walked.frames.message[frame])

    def columns(self) -> Columns:
        """Give what was read as columns."""
        frames, items = self.walked.frames, self.walked.items
        is_full = bool(self.present.all())
        if not is_full or not items.all():
            self._refuse_empty()
        keep = slice(None) if is_full else np.flatnonzero(self.present)
        item = np.arange(1, len(self.frame) + 1, dtype=np.int32) - np.repeat(self.first.astype(np.int32), items)
        return Columns(
            message=np.repeat(frames.message, items)[keep],
            item=item[keep],
            device=self.frame[keep],
            metric=self.field_code[keep],
            unit=self.field_code[keep],
            time_us=self.time_us[keep],
            value=self.value[keep],
            uids=frames.uids,
            metrics=[one.metric for one in self.fields],
            units=[one.unit for one in self.fields],
            rejects=self.walked.rejects,
            text=None if self.text is None else self.text[keep],
            texts=list(self.texts),
        )

    def _refuse_empty(self) -> None:
        """Refuse frames that are understood and hold nothing measured: they must not vanish."""
        readings = np.bincount(self.frame[self.present], minlength=len(self.walked.items))
        for frame in np.flatnonzero(readings == 0).tolist():
            if frame not in self.walked.refused:
                detail = EXPLANATIONS[Reason.PACK_EMPTY]
                self.walked.rejects.append(Reject(self._message(frame), Reason.PACK_EMPTY, detail, item=1))


def _times(placed: Placed, walked: Walk) -> NDArray[np.int64]:
    """Time of each part's readings [µs since 1970]."""
    base = walked.frames.time_us[placed.frame]
    if (clock := placed.part.clock) is None:
        return base - placed.age_us
    told = seconds_to_us(scaled(clock.scaling, raw_numbers(clock.number, walked.words, placed.at)))
    impossible = told == NO_TIME_US
    sure = np.where(impossible, 0, told)
    return np.where(impossible, NO_TIME_US, (base - sure if clock.is_age else sure) - placed.age_us)
