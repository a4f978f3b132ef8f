"""Walks through frames: variants, fields that are cut off, groups of records, channels in any order."""

from __future__ import annotations

import pytest

from devices.layout import MOST_PARTS
from devices.reasons import Reason
from tests.unit.devices.layout_examples import CHANNELS, FIELD, GROUP, TIME_US, decode_all, refusals_of, values_of


@pytest.mark.parametrize(
    ("payload", "values", "refusals"),
    [
        ("0102030405", [258.0, 772.0], []),
        ("010203", [258.0], [(3, Reason.FRAME_INCOMPLETE)]),
        ("01", [], [(3, Reason.FRAME_INCOMPLETE)]),
        ("", [], [(1, Reason.PAYLOAD_EMPTY)]),
        ("01020304050607", [258.0, 772.0], []),
    ],
)
def test_decode_frame_that_ends_early_keeps_what_is_whole(
    payload: str, values: list[float], refusals: list[tuple[int, Reason]]
) -> None:
    """Fields that are all there are read; more bytes than the layout knows are no fault."""
    definition = 'field = [{metric = "a", at = 0, type = "u16"}, {metric = "b", at = 2, type = "u16"}]'

    assert values_of(definition, payload) == values
    assert refusals_of(definition, payload) == refusals


def test_decode_short_frame_does_not_read_its_neighbours() -> None:
    """Frames lie end to end in memory: what is missing in one is not taken from the next."""
    definition = 'field = [{metric = "a", at = 0, type = "u8"}, {metric = "b", at = 1, type = "u32"}]'
    columns = decode_all(definition, (1, b"\x01\x02"), (1, b"\x0a\x0b\x0c\x0d\x0e"), (1, b"\x03"))

    assert columns.value.tolist() == [1.0, 10.0, 0x0B0C0D0E, 3.0]


def test_decode_wrong_port_is_refused_and_said() -> None:
    """The detail names the port and those the layout is for; a payload without a port fits any."""
    definition = "port = [2, 3]\n" + FIELD + 'type = "u8"'
    columns = decode_all(definition, (7, b"\x01"), (3, b"\x02"), (0, b"\x03"))

    assert columns.value.tolist() == [2.0, 3.0]
    assert [(reject.message, reject.item, reject.reason) for reject in columns.rejects] == [(0, 1, Reason.CODEC_FAILED)]
    assert columns.rejects[0].detail == "port 7: the layout is for 2, 3"


def test_decode_variant_is_chosen_by_port_length_and_leading_bytes() -> None:
    """The first that fits reads the frame; one that none fits is refused with what it is."""
    definition = """
variant = [
    {port = 1, field = [{metric = "by_port", at = 0, type = "u8"}]},
    {length = [3, 4], field = [{metric = "by_length", at = 0, type = "u8"}]},
    {starts = "be ?1", field = [{metric = "by_start", at = 0, type = "u8"}]},
    {starts = "be????????????????02", field = [{metric = "by_tenth_byte", at = 0, type = "u8"}]},
]"""
    sent = [(1, b"\xbe\x01"), (2, b"\x00\x00\x00"), (2, b"\xbe\xf1"), (2, b"\xbe" + b"\x00" * 8 + b"\x02"), (2, b"\xbe\x00")]
    columns = decode_all(definition, *sent)

    assert [columns.metrics[code] for code in columns.metric] == ["by_port", "by_length", "by_start", "by_tenth_byte"]
    assert [reject.detail for reject in columns.rejects] == ["no variant of the layout fits port 2, 2 bytes, be00"]


def test_decode_group_reads_as_many_records_as_there_are() -> None:
    """Each record is a step older than the one before; half a record is refused and the whole ones stay."""
    columns = decode_all(GROUP, (1, bytes.fromhex("00 0001ff 0002ff 0003")), (1, b"\x00\x00\x09\xff"))

    assert columns.value.tolist() == [1.0, 2.0, 9.0]
    assert columns.time_us.tolist() == [TIME_US, TIME_US - 60_000_000, TIME_US + 1]
    assert [(reject.message, reject.item, reject.reason) for reject in columns.rejects] == [(0, 3, Reason.FRAME_INCOMPLETE)]


def test_decode_group_with_the_newest_last_counts_back_from_its_end() -> None:
    """Two frames with different numbers of records have their newest at the time of the frame."""
    columns = decode_all(
        GROUP.replace("size = 3", 'size = 3\nnewest = "last"'),
        (1, bytes.fromhex("00 000100 000200")),
        (1, bytes.fromhex("00 000300")),
    )

    assert columns.time_us.tolist() == [TIME_US - 60_000_000, TIME_US, TIME_US + 1]


def test_decode_group_of_a_fixed_count_wants_all_of_them() -> None:
    """Fewer records than promised: those that came are stored, the frame is told incomplete."""
    definition = GROUP.replace("size = 3", "size = 3\ncount = 2")

    assert values_of(definition, "00 000100 000200 000300") == [1.0, 2.0]
    assert refusals_of(definition, "00 000100") == [(2, Reason.FRAME_INCOMPLETE)]


def test_decode_channels_in_any_order_and_mixture() -> None:
    """Frames with different channels side by side; each reading has its value, its order and its time."""
    columns = decode_all(
        CHANNELS,
        (85, bytes.fromhex("01755c 036734ff")),
        (85, bytes.fromhex("ff0b07 036701 00 017564 20ce9e744663 1001 20ce0000000000ff")),
        (85, bytes.fromhex("036710 00")),
    )

    assert [(int(m), int(i), float(v)) for m, i, v in zip(columns.message, columns.item, columns.value, strict=True)] == [
        (0, 1, 92.0),
        (0, 2, -20.4),
        (1, 1, 0.1),
        (1, 2, 100.0),
        (1, 3, 27.2),
        (1, 4, -25.6),
        (2, 1, 1.6),
    ]
    assert columns.time_us.tolist()[4:6] == [1_665_561_758_000_000, 0]
    assert columns.rejects == []


@pytest.mark.parametrize(
    ("payload", "count", "detail"),
    [
        ("01755c 0999aabb 036701ff", 1, "has the unknown channel 0999 at byte 3"),
        ("01755c 0367ff", 1, "ends inside channel 0367 at byte 3"),
        ("01755c 03", 1, "ends inside channel 03 at byte 3"),
        ("0175", 0, "ends inside channel 0175 at byte 0"),
        ("ff", 0, "ends inside channel ff at byte 0"),
    ],
)
def test_decode_channel_that_cannot_be_read_ends_the_frame(payload: str, count: int, detail: str) -> None:
    """What came before is kept; the detail says which channel and where."""
    columns = decode_all(CHANNELS, (85, bytes.fromhex(payload)), (85, b"\x01\x75\x05"))

    assert len(columns) == count + 1
    assert [(reject.message, reject.reason, reject.detail) for reject in columns.rejects] == [
        (0, Reason.FRAME_INCOMPLETE, detail)
    ]


def test_decode_frame_that_only_introduces_the_device_is_not_lost() -> None:
    """Channels that are passed over alone: understood, nothing measured, refused as empty."""
    assert refusals_of(CHANNELS, "ff0101ff0b01", 85) == [(1, Reason.PACK_EMPTY)]


def test_decode_frame_of_too_many_channels_or_records_is_bounded() -> None:
    """A message may be a megabyte: what is read of it is limited, and said."""
    many = CHANNELS.replace('id = "0175"', 'id = "0175", at = 0')
    columns = decode_all(many, (85, b"\x01\x75\x01" * (MOST_PARTS + 1)))
    records = decode_all(GROUP, (1, b"\x00" + b"\x00\x01\x00" * (MOST_PARTS + 5)))

    assert len(columns) == len(records) == MOST_PARTS
    assert [reject.reason for reject in columns.rejects + records.rejects] == [Reason.FRAME_INCOMPLETE] * 2


def test_decode_nothing_gives_nothing() -> None:
    """No frames, no columns, no complaint."""
    assert len(decode_all(CHANNELS)) == 0
    assert len(decode_all(GROUP)) == 0
