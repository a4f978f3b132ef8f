"""What a replay sends of a refused SenML record says what the record said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from devices.formats import decode_self_explaining as decode
from tests.unit.devices.examples import Reading, messages, readings_of
from tests.unit.devices.senml_packs import T0, to_cbor
from tests.unit.devices.slow_cbor import Tagged

if TYPE_CHECKING:
    from devices.columns import Columns


def decode_pack(*records: dict[str, object]) -> Columns:
    """Decode one pack by itself."""
    return decode(messages(json.dumps(records).encode()))


def test_decode_refused_record_is_replayed_with_its_base_value() -> None:
    """Once its name is mended a replayed record must say what it said: value, unit and time of the resolved form."""
    (reject,) = decode_pack({"bt": T0, "bu": "Cel", "bv": 20, "n": "bad name", "v": 1.5, "t": 5}).rejects

    assert reject.payload is not None
    mended = decode(messages(reject.payload.replace(b"bad name", b"good")))
    assert readings_of(mended) == [Reading(0, 1, "dev-1", "good", "Cel", (T0 + 5) * 1_000_000, 21.5)]


def test_decode_refused_truth_is_replayed_without_the_base_value() -> None:
    """A base value is for numbers alone: beside a truth it would make the replay ambiguous."""
    (reject,) = decode_pack({"bt": T0, "bv": 20, "n": "bad name", "vb": True}).rejects

    assert reject.payload is not None
    mended = decode(messages(reject.payload.replace(b"bad name", b"good")))
    assert readings_of(mended) == [Reading(0, 1, "dev-1", "good", "", T0 * 1_000_000, 1.0)]


def test_decode_refused_text_is_replayed_with_its_text() -> None:
    """The base value it stands under has nothing to do with it."""
    (reject,) = decode_pack({"bt": T0, "bv": 20, "n": "bad name", "vs": "very wet"}).rejects

    assert reject.payload is not None
    mended = decode(messages(reject.payload.replace(b"bad name", b"good")))
    assert readings_of(mended) == [Reading(0, 1, "dev-1", "good", "", T0 * 1_000_000, "very wet")]


def test_decode_refused_data_is_replayed_to_the_same_refusal() -> None:
    """Data stays data."""
    (reject,) = decode_pack({"bv": 20, "n": "a", "vd": "eA"}).rejects

    assert reject.payload is not None
    assert [again.reason for again in decode(messages(reject.payload)).rejects] == [reject.reason]


@pytest.mark.parametrize("record", [{"v": 1, "vb": True}, {"v": 1, "vs": "x"}, {"v": 2, "vd": "eA"}])
def test_decode_ambiguous_record_is_replayed_as_ambiguous(record: dict[str, object]) -> None:
    """A replay never decides by itself which of two values was meant."""
    (reject,) = decode_pack({"n": "a", **record}).rejects

    assert reject.payload is None or len(decode(messages(reject.payload))) == 0


@pytest.mark.parametrize(
    "record",
    [
        {"n": "bad name", "v": 1.5},
        {"n": "bad name", "bv": 20, "v": 1, "u": "V", "t": 5, "bt": T0},
        {"n": "bad name", "v": Tagged(4, [-1, 15])},
        {"n": "bad name", "vb": True},
        {"n": "bad name", "vs": "open"},
        {"n": "a", "vd": b"\x00\xff"},
        {"n": "a", "v": 1, "vb": True},
        {"n": "a"},
    ],
)
def test_decode_refused_record_of_cbor_is_replayed_like_one_of_json(record: dict[str, object]) -> None:
    """What a replay sends is JSON in resolved form, whatever the record came in."""
    in_json = {
        label: "AP8" if label == "vd" else 1.5 if isinstance(value, Tagged) else value for label, value in record.items()
    }

    (binary,) = decode(messages(to_cbor([record], 0))).rejects
    (text,) = decode_pack(in_json).rejects

    assert binary.payload is not None
    assert (binary.reason, binary.payload) == (text.reason, text.payload)


@pytest.mark.parametrize("label", ["v", "s", "t", "bt", "bv"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), Tagged(4, [400, 1])])
def test_decode_refused_record_with_numbers_json_lacks_is_replayed_with_its_message(label: str, number: object) -> None:
    """No payload for a replay is anything but JSON; where that cannot say it, the message is sent again as it came."""
    (reject,) = decode(messages(to_cbor([{"n": "bad name", "v": 1.0, label: number}], 0))).rejects

    assert reject.payload is None
