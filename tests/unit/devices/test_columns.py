"""Columns: joining formats, numbering texts, and seconds that become microseconds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.columns import MOST_REFUSED, NO_TEXT, NO_TIME_US, Codes, Columns, Reject, codes_of, concatenate, seconds_to_us
from devices.formats import decode_self_explaining
from devices.reasons import Reason
from tests.unit.devices.examples import DETERMINISTIC, Reading, Refusal, messages, readings_of, refusals_of

texts = st.lists(st.text(max_size=3), max_size=20)


def columns_of(readings: list[Reading]) -> Columns:
    """Write readings as columns, with texts nobody uses before and behind those in use."""
    uids = ["unused", *{reading.uid for reading in readings}]
    metrics = [*{reading.metric for reading in readings}, "unused"]
    units = ["unused", *{reading.unit for reading in readings}, "unused too"]
    texts = ["unused", *{reading.value for reading in readings if isinstance(reading.value, str)}]
    return Columns(
        message=np.array([reading.message for reading in readings], np.int32),
        item=np.array([reading.item for reading in readings], np.int32),
        device=np.array([uids.index(reading.uid) for reading in readings], np.int32),
        metric=np.array([metrics.index(reading.metric) for reading in readings], np.int32),
        unit=np.array([units.index(reading.unit) for reading in readings], np.int32),
        time_us=np.array([reading.time_us for reading in readings], np.int64),
        value=np.array([0.0 if isinstance(reading.value, str) else reading.value for reading in readings], np.float64),
        uids=uids,
        metrics=metrics,
        units=units,
        rejects=[Reject(reading.message, Reason.NOT_JSON, "") for reading in readings],
        text=np.array(
            [texts.index(reading.value) if isinstance(reading.value, str) else NO_TEXT for reading in readings], np.int32
        )
        if len(texts) > 1
        else None,
        texts=texts,
    )


@DETERMINISTIC
@given(texts, texts)
def test_codes_of_texts_lead_back_to_them(first: list[str], second: list[str]) -> None:
    """Every text has one number, the same however and whenever it is asked for, in order of first appearance."""
    codes = Codes()

    numbers = [*codes_of(codes, first), *[codes[text] for text in second], *codes_of(codes, second)]

    assert [list(codes)[number] for number in numbers] == [*first, *second, *second]
    assert list(codes) == list(dict.fromkeys([*first, *second]))


def test_codes_of_nothing_is_an_empty_array_of_small_integers() -> None:
    """The type is that of codes even where there are none: it is used as an index."""
    numbers = codes_of(Codes(), [])

    assert numbers.dtype == np.int32
    assert numbers.shape == (0,)


@pytest.mark.parametrize(
    ("seconds", "micros"),
    [
        (0.0, 0),
        (1.5, 1_500_000),
        (-1.5, -1_500_000),
        (1_700_000_000.123456, 1_700_000_000_123_456),
        (0.0000004, 0),
        (0.0000006, 1),
        (4_294_967_296.0, 4_294_967_296_000_000),
        (8.9e11, 890_000_000_000_000_000),
        (-8.9e11, -890_000_000_000_000_000),
        (9e11, NO_TIME_US),
        (-9e11, NO_TIME_US),
        (1e13, NO_TIME_US),
        (1e300, NO_TIME_US),
        (np.inf, NO_TIME_US),
        (-np.inf, NO_TIME_US),
        (np.nan, NO_TIME_US),
    ],
)
def test_seconds_to_us_number_becomes_microseconds_or_no_time(seconds: float, micros: int) -> None:
    """Rounded to the nearest; what would wrap round in an integer is no time instead."""
    assert seconds_to_us(np.array([seconds])).tolist() == [micros]


@DETERMINISTIC
@given(st.integers(-(10**15), 4 * 10**15))
def test_seconds_to_us_microseconds_survive_the_way_through_seconds(micros: int) -> None:
    """A time written as decimal seconds comes back to the microsecond, within all years a sensor may mean."""
    assert seconds_to_us(np.array([micros / 1e6])).tolist() == [micros]


readings = st.lists(
    st.builds(
        Reading,
        st.integers(0, 5),
        st.integers(1, 5),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["", "V"]),
        st.integers(-(2**62), 2**62),
        st.floats(allow_nan=False) | st.sampled_from(["open", "dry", ""]),
    ),
    max_size=5,
)


@DETERMINISTIC
@given(st.lists(readings, max_size=4))
def test_concatenate_parts_gives_their_rows_one_after_the_other(parts: list[list[Reading]]) -> None:
    """Codes of different parts mean the same texts as before; nothing is lost, rejects neither."""
    joined = concatenate([columns_of(part) for part in parts])

    assert readings_of(joined) == [reading for part in parts for reading in part]
    assert [reject.message for reject in joined.rejects] == [reading.message for part in parts for reading in part]
    ordered = sorted((reading for part in parts for reading in part), key=lambda reading: reading.message)
    assert readings_of(joined.in_order()) == ordered


def test_concatenate_nothing_gives_empty_columns_of_the_right_types() -> None:
    """No part at all is no special case for those who index with the result."""
    joined = concatenate([])

    assert len(joined) == 0
    assert {joined.message.dtype, joined.item.dtype, joined.device.dtype} == {np.dtype(np.int32)}
    assert joined.time_us.dtype == np.int64
    assert joined.value.dtype == np.float64


@pytest.mark.parametrize(("bad", "reason"), [(b'{"n":"a b","v":1}', Reason.NAME_INVALID), (b"{}", Reason.VALUE_MISSING)])
def test_refuse_pack_with_very_many_bad_records_is_refused_as_a_whole(bad: bytes, reason: Reason) -> None:
    """Beyond a thousand they are not set aside one by one; its neighbours are read, and with one less it is read itself."""
    good = b'{"n":"a","v":1}'
    packs = [b"[%s]" % b",".join([good, *[bad] * count, good]) for count in (MOST_REFUSED, MOST_REFUSED + 1, 2 * MOST_REFUSED)]

    columns = decode_self_explaining(messages(b"[%s]" % good, *packs, b"[%s]" % good))

    assert [reading.message for reading in readings_of(columns)] == [0, 1, 1, 4]
    assert len([refusal for refusal in refusals_of(columns) if refusal.message == 1]) == MOST_REFUSED
    assert refusals_of(columns)[-2:] == [Refusal(message, 0, reason) for message in (2, 3)]
