"""What a replay sends of a refused SenML record says what the record said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from devices.senml_columns import decode
from tests.unit.devices.examples import Reading, messages, readings_of
from tests.unit.devices.senml_packs import T0

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


@pytest.mark.parametrize("record", [{"v": 1, "vb": True}, {"v": 1, "vs": "x"}, {"v": 2, "vd": "eA"}])
def test_decode_ambiguous_record_is_replayed_as_ambiguous(record: dict[str, object]) -> None:
    """A replay never decides by itself which of two values was meant."""
    (reject,) = decode_pack({"n": "a", **record}).rejects

    assert reject.payload is None or len(decode(messages(reject.payload))) == 0
