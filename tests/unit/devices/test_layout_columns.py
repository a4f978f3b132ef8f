"""Layouts as columns: what stands for no reading, states, times; random layouts against the slow decoder; hostile bytes."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings

from devices.frames import frames_of
from devices.layout_columns import decode
from devices.layout_definition import parse_layout
from devices.reasons import Reason
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.devices.layout_examples import CHANNELS, FIELD, GROUP, TIME_US, decode_all, outcomes_of, refusals_of, values_of
from tests.unit.devices.random_layouts import document_of, frames, layouts
from tests.unit.devices.slow_layout import Outcome, slow_decode

if TYPE_CHECKING:
    from collections.abc import Sequence


def agree(found: Outcome, expected: Outcome) -> None:
    """Compare outcomes: whole numbers scaled are equal to the last bit, and floating-point ones within two."""
    assert sorted(found.refusals) == sorted(expected.refusals)
    assert [reading[:4] for reading in found.readings] == [reading[:4] for reading in expected.readings]
    for one, other in zip(found.readings, expected.readings, strict=True):
        assert is_close(one[4], other[4]), (one, other)


def is_close(found: float | str, expected: float | str) -> bool:
    """Tell whether values are the same but for the last two bits of the largest number on the way there."""
    if isinstance(found, str) or isinstance(expected, str):
        return found == expected
    if not math.isfinite(expected):
        return math.isnan(found) == math.isnan(expected) and (math.isnan(found) or found == expected)
    return abs(found - expected) <= 2 * math.ulp(max(abs(expected), 1000.0 if abs(expected) > 1e-9 else 0.0))


def test_decode_missing_stands_for_no_reading_and_the_others_stay() -> None:
    """A sentinel of the raw number, not of the scaled one; the frame's other readings keep their items."""
    definition = """field = [
        {metric = "a", at = 0, type = "i16", scale = 0.1, missing = [0x7fff, -32768]},
        {metric = "b", at = 2, type = "u8"}]"""
    columns = decode_all(definition, (1, b"\x7f\xff\x05"), (1, b"\x80\x00\x06"), (1, b"\x00\x10\x07"))

    assert columns.value.tolist() == [5.0, 6.0, 1.6, 7.0]
    assert columns.item.tolist() == [2, 2, 1, 2]
    assert columns.rejects == []


def test_decode_frame_of_nothing_but_missing_values_is_not_lost() -> None:
    """No reading, no fault: the frame is refused as empty, so that somebody can see it."""
    assert refusals_of(FIELD + 'type = "u8"\nmissing = 255', "ff") == [(1, Reason.PACK_EMPTY)]


def test_decode_nan_can_stand_for_missing_and_is_kept_for_the_next_step_otherwise() -> None:
    """Not a number is refused by the step that looks at values; a definition may say it means nothing."""
    assert refusals_of(FIELD + 'type = "f32"\nmissing = nan', "7fc00000") == [(1, Reason.PACK_EMPTY)]
    assert math.isnan(float(values_of(FIELD + 'type = "f32"', "7f800001")[0]))


def test_decode_states_become_texts_or_codes_and_unknown_ones_are_refused() -> None:
    """A label is left to the vocabulary; a raw number outside the table costs that reading alone."""
    definition = """field = [
        {metric = "lid", at = 0, type = "u8", states = {0 = "closed", 0x01 = "open", 7 = 3}},
        {metric = "b", at = 0, type = "u8"}]"""
    columns = decode_all(definition, *[(1, bytes([raw])) for raw in (0, 1, 7, 9)])

    assert [outcome.readings[0][4] for outcome in outcomes_of(columns, 4)] == ["closed", "open", 3.0, 9.0]
    assert [(reject.message, reject.item, reject.reason) for reject in columns.rejects] == [(3, 1, Reason.STATE_UNKNOWN)]
    assert "lid: 9" in columns.rejects[0].detail


def test_decode_when_takes_a_field_only_where_its_condition_holds() -> None:
    """One field of two meanings: the byte before it says which."""
    definition = """field = [
        {metric = "a", at = 1, type = "u8", when = {at = 0, type = "u8", is = [1, 2]}},
        {metric = "b", at = 1, type = "u8", when = {at = 0, type = "u8", not = [1, 2]}}]"""
    columns = decode_all(definition, (1, b"\x01\x05"), (1, b"\x02\x06"), (1, b"\x03\x07"))

    assert [columns.metrics[code] for code in columns.metric] == ["a", "a", "b"]


def test_decode_sum_and_mean_of_several_numbers() -> None:
    """A mean weighs by counts; of no counts at all there is none."""
    definition = """field = [
        {metric = "n", sum = [{at = 0, type = "u8"}, {at = 2, type = "u8"}]},
        {metric = "speed", scale = 2, mean = [
            {at = 1, type = "u8", weight = {at = 0, type = "u8"}},
            {at = 3, type = "u8", weight = {at = 2, type = "u8"}}]}]"""

    assert values_of(definition, "0106020b") == [3.0, 2 * 28 / 3]
    assert values_of(definition, "0006000b") == [0.0]


def test_decode_time_of_its_own_and_age() -> None:
    """A record's clock counts from 1970, its age back from the frame; impossible ones are left to the check of clocks."""
    absolute = 'time = {at = 0, type = "u32"}\n[[field]]\nmetric = "m"\nat = 4\ntype = "u8"'
    age = 'age = {at = 0, type = "u32", scale = 60}\n[[field]]\nmetric = "m"\nat = 4\ntype = "u8"'
    payload = (1, struct.pack(">IB", 1_665_561_758, 7))

    assert decode_all(absolute, payload).time_us.tolist() == [1_665_561_758_000_000]
    assert decode_all(age, (1, b"\x00\x00\x00\x0a\x07")).time_us.tolist() == [TIME_US - 600_000_000]
    with np.errstate(all="raise"):
        assert decode_all(absolute.replace("u32", "f32"), (1, b"\x7f\xc0\x00\x00\x07")).time_us.min() < 0


@settings(DETERMINISTIC, max_examples=600)
@given(layouts, frames)
def test_decode_random_layouts_agree_with_the_slow_decoder(document: dict[str, Any], sent: Sequence[tuple[int, bytes]]) -> None:
    """Whatever layout and whatever bytes: the same readings, items, times, values and refusals, frame by frame."""
    definition = document_of(document)
    found = outcomes_of(decode_all(definition, *sent), len(sent))

    for i, (port, payload) in enumerate(sent):
        agree(found[i], slow_decode(definition, port, payload, TIME_US + i))


KINDS = [CHANNELS, GROUP, FIELD + 'type = "i24"\nscale = 0.1', "port = 1\nlength = 4\n" + FIELD + 'type = "f32"']


def mutated(chance: random.Random) -> bytes:
    """Make a payload: bytes at random, or channels that are nearly right."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randrange(30))
    pieces = [
        bytes.fromhex(text) for text in ("01755c", "0367ff7f", "ff0101", "20ce9e7446631001", "20ce", "7fc00000", "00", "ff")
    ]
    payload = bytearray(b"".join(chance.choice(pieces) for _ in range(chance.randrange(8))))
    for _ in range(chance.randrange(3)):
        payload[chance.randrange(len(payload) + 1) :][:1] = chance.randbytes(1)
    return bytes(payload[: chance.randrange(len(payload) + 1)] if chance.random() < 0.3 else payload)


@pytest.mark.parametrize("definition", KINDS, ids=["channels", "group", "fixed", "variant"])
def test_decode_twenty_thousand_payloads_never_raise_or_vanish(definition: str) -> None:
    """Every frame ends as readings or as a reject, each item once (5,000 of each kind of layout)."""
    chance = random.Random(20_261_122)
    layout = parse_layout(definition)
    for _ in range(50):
        rows = [(i, "dev", chance.choice((0, 1, 85)), mutated(chance), TIME_US) for i in range(100)]
        with np.errstate(all="raise"):
            columns = decode(layout, frames_of(rows))
        items = [*zip(columns.message.tolist(), columns.item.tolist(), strict=True)]
        items += [(reject.message, reject.item) for reject in columns.rejects]
        assert {message for message, _ in items} == set(range(100))
        assert len(items) == len(set(items))
        assert columns.message.tolist() == sorted(columns.message.tolist())
