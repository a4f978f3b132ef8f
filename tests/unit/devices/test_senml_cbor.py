"""SenML in CBOR into columns: what differs from JSON, and the slow decoder that must agree."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from devices import senml_plain
from devices.columns import NO_TIME_US
from devices.formats import decode_self_explaining as decode
from devices.reasons import Reason
from tests.unit.devices.examples import (
    DETERMINISTIC,
    GATEWAY,
    RECEIVED_US,
    Reading,
    Refusal,
    messages,
    readings_of,
    refusals_of,
)
from tests.unit.devices.senml_packs import T0, mixed_groups
from tests.unit.devices.slow_cbor import Tagged, write_cbor
from tests.unit.devices.slow_senml import slow_decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.columns import Columns


def decode_records(*records: dict[object, object]) -> Columns:
    """Decode one pack by itself."""
    return decode(messages(write_cbor(list(records), Random(0))))


def test_decode_records_with_integer_labels_give_what_json_gives() -> None:
    """Base fields, a half float, a decimal fraction, a truth, a text and a relative time."""
    columns = decode_records(
        {-2: "urn:dev:mac:0024befffe804ff1:", -3: T0, -4: "Cel", -5: 10, 0: "a", 2: 1.5, -1: 10},
        {0: "b", 1: "V", 2: Tagged(4, [-2, 27315]), 6: -60, 7: 30, "ext": [1]},
        {0: "c", 4: True},
        {0: "d", 3: "open", 5: 7},
        {-3: 0, -5: 0, 0: "e", 2: 2, 6: -5},
    )

    assert readings_of(columns) == [
        Reading(0, 1, "dev-1", "a", "Cel", T0 * 1_000_000, 11.5),
        Reading(0, 2, "dev-1", "b", "V", (T0 - 60) * 1_000_000, 283.15),
        Reading(0, 3, "dev-1", "c", "Cel", T0 * 1_000_000, 1.0),
        Reading(0, 4, "dev-1", "d", "Cel", T0 * 1_000_000, "open"),
        Reading(0, 5, "dev-1", "e", "Cel", RECEIVED_US - 5_000_000, 2.0),
    ]
    assert columns.rejects == []


def test_decode_text_labels_are_understood_beside_integers() -> None:
    """A device that wrote its JSON pack as CBOR is read too."""
    assert readings_of(decode_records({"bt": T0, "n": "a", 2: 1})) == [Reading(0, 1, "dev-1", "a", "", T0 * 1_000_000, 1.0)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({2: float("nan")}, Reason.VALUE_NOT_FINITE),
        ({2: float("-inf")}, Reason.VALUE_NOT_FINITE),
        ({2: Tagged(4, [10**9, 1])}, Reason.VALUE_NOT_FINITE),
        ({2: Tagged(2, b"\xff" * 200)}, Reason.VALUE_NOT_FINITE),
        ({2: Tagged(4, [1])}, Reason.VALUE_NOT_NUMERIC),
        ({2: Tagged(5, [1, 1])}, Reason.VALUE_NOT_NUMERIC),
        ({2: "1"}, Reason.VALUE_NOT_NUMERIC),
        ({2: b"1"}, Reason.VALUE_NOT_NUMERIC),
        ({2: True}, Reason.VALUE_NOT_NUMERIC),
        ({8: b"data"}, Reason.VALUE_NOT_NUMERIC),
        ({2: 1, 8: b""}, Reason.VALUE_AMBIGUOUS),
        ({5: 1}, Reason.VALUE_MISSING),
        ({2: 1, 6: "noon"}, Reason.NOT_READINGS),
        ({2: 1, 0: b"a"}, Reason.NOT_READINGS),
        ({2: 1, -3: b"x"}, Reason.NOT_READINGS),
        ({2: 1, 0: "a b"}, Reason.NAME_INVALID),
    ],
)
def test_decode_record_without_one_number_is_refused_alone(record: dict[object, object], reason: Reason) -> None:
    """The record before it is read; what JSON cannot say is refused for the same reasons."""
    columns = decode_records({0: "x", 2: 1}, {0: "a", **record})

    assert [reading.item for reading in readings_of(columns)] == [1]
    assert refusals_of(columns) == [Refusal(0, 2, reason)]


@pytest.mark.parametrize("version", [11, 2**64, Tagged(2, b"\x0b")])
def test_decode_newer_version_refuses_the_whole_pack(version: object) -> None:
    """Whatever form its number has."""
    columns = decode_records({0: "a", 2: 1}, {-1: version, 0: "b", 2: 1})

    assert {refusal.reason for refusal in refusals_of(columns)} == {Reason.SENML_VERSION}
    assert len(columns) == 0


@pytest.mark.parametrize("label", [6, -3])
@pytest.mark.parametrize("moment", [float("nan"), float("inf"), Tagged(4, [400, -1])])
def test_decode_time_that_is_no_number_is_marked(label: int, moment: object) -> None:
    """The reading is kept and the check puts the time of arrival in its place, with a flag."""
    for columns in (
        decode_records({label: moment, 0: "a", 2: 1}),
        senml_plain.decode(messages(write_cbor([{label: moment, 0: "a", 2: 1}], Random(0))))[0],
    ):
        assert columns is None or [reading.time_us for reading in readings_of(columns)] == [NO_TIME_US]


def test_decode_plain_pack_takes_the_fast_way() -> None:
    """Names, numbers, units and times alone: nothing is left to the careful way."""
    payload = write_cbor([{-2: "x:", -3: T0, 0: "a", 1: "V", 2: 1.5}, {0: "b", 2: Tagged(4, [-1, 25]), 6: -5}], Random(0))

    plain, others = senml_plain.decode(messages(payload))

    assert list(others) == []
    assert plain is not None
    assert readings_of(plain) == readings_of(decode(messages(payload)))


def test_decode_gateway_pack_names_the_device_of_each_record() -> None:
    """On a gateway's topic the name says whose reading it is."""
    payload = write_cbor([{-2: "urn:dev:mac:0024BEFFFE804FF1:", 0: "a", 2: 1}, {-2: "dev-7/", 0: "b", 2: 2}], Random(0))

    columns = decode(messages(payload, topics=[GATEWAY]))

    assert [(reading.uid, reading.metric) for reading in readings_of(columns)] == [("0024befffe804ff1", "a"), ("dev-7", "b")]


@settings(DETERMINISTIC, max_examples=400)
@given(mixed_groups)
def test_decode_random_groups_with_cbor_agree_with_the_slow_decoder(group: Sequence[tuple[bytes, str]]) -> None:
    """Packs in CBOR, in every form it has for a value, beside packs in JSON: the same readings, the same refusals."""
    payloads = [payload for payload, _ in group]
    asked = messages(*payloads, topics=[topic for _, topic in group])
    expected = slow_decode(payloads, asked.sources, asked.received_us.tolist())

    columns = decode(asked)

    assert readings_of(columns) == expected.readings
    assert refusals_of(columns) == sorted(expected.refusals)
