"""The fast way through plain SenML: it takes only what is plain, and says of it what the careful way says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from devices import senml_plain
from devices.formats import decode_self_explaining
from tests.unit.devices.examples import (
    DETERMINISTIC,
    DEVICE,
    GATEWAY,
    RECEIVED_US,
    Reading,
    messages,
    readings_of,
    refusals_of,
)
from tests.unit.devices.senml_packs import groups, mixed_groups

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_decode_plain_packs_are_taken_and_the_others_named() -> None:
    """Positions of what is left lead the careful way to it."""
    plain, others = senml_plain.decode(
        messages(
            b'[{"bn":"x:","bt":1600000000,"n":"a","u":"V","v":1},{"n":"b","v":2,"t":1}]',
            b'{"a":1}',
            b'[{"n":"a","vb":true}]',
            b'[{"n":"c","v":3}]',
            b'[{"n":"dev-7:c","v":3}]',
            b"[]",
            topics=[DEVICE, DEVICE, DEVICE, "hedgerow/v1/dev-2/up", GATEWAY, DEVICE],
        )
    )

    assert list(others) == [1, 2, 4, 5]
    assert plain is not None
    assert readings_of(plain) == [
        Reading(0, 1, "dev-1", "a", "V", 1_600_000_000_000_000, 1.0),
        Reading(0, 2, "dev-1", "b", "", 1_600_000_001_000_000, 2.0),
        Reading(3, 1, "dev-2", "c", "", RECEIVED_US + 3_000_000, 3.0),
    ]


def test_decode_base_time_in_the_middle_of_a_pack_holds_from_there_on() -> None:
    """Not before, and not in the pack behind."""
    plain, _ = senml_plain.decode(
        messages(
            b'[{"bt":1600000000,"n":"a","v":1},{"bt":1600000100,"n":"a","v":2},{"n":"a","v":3}]',
            b'[{"n":"a","v":4},{"bt":1600000200,"n":"a","v":5},{"n":"a","t":1,"v":6}]',
            b'[{"n":"a","v":7}]',
        )
    )

    assert plain is not None
    assert [reading.time_us // 1_000_000 for reading in readings_of(plain)] == [
        1_600_000_000,
        1_600_000_100,
        1_600_000_100,
        RECEIVED_US // 1_000_000 + 1,
        1_600_000_200,
        1_600_000_201,
        RECEIVED_US // 1_000_000 + 2,
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b'[{"bn":"dev1","n":"temperature","v":1}]',
        b'[{"n":"urn:dev:mac:0024befffe804ff1:temperature","v":1}]',
        b'[{"n":"_x","v":1}]',
        b'[{"bn":"x:","v":1}]',
        b'[{"bn":"x:","n":"a","v":1},{"bn":"","n":"b","v":1}]',
    ],
)
def test_decode_one_odd_pack_goes_the_careful_way_alone(odd: bytes) -> None:
    """One device that names things otherwise does not slow down the thousands beside it."""
    good = b'[{"n":"a","v":1}]'

    plain, others = senml_plain.decode(messages(good, odd, good))

    assert list(others) == [1]
    assert plain is not None
    assert [reading.message for reading in readings_of(plain)] == [0, 2]


@pytest.mark.parametrize("payloads", [(), (b"",), (b"{}", b"[]"), (b"\xff",)])
def test_decode_nothing_plain_gives_no_columns(payloads: Sequence[bytes]) -> None:
    """Everything is left over."""
    plain, others = senml_plain.decode(messages(*payloads))

    assert plain is None
    assert list(others) == list(range(len(payloads)))


@settings(DETERMINISTIC, max_examples=300)
@given(groups)
def test_decode_random_groups_agree_with_the_careful_way(pairs: Sequence[tuple[list[dict[str, object]] | bytes, str]]) -> None:
    """What it takes it reads like `senml_columns`; nothing is taken and left over at once."""
    payloads = [pack if isinstance(pack, bytes) else json.dumps(pack).encode() for pack, _ in pairs]
    asked = messages(*payloads, topics=[topic for _, topic in pairs])
    careful = decode_self_explaining(asked)

    plain, others = senml_plain.decode(asked)

    left = set(others)
    readings = [] if plain is None else readings_of(plain)
    refusals = [] if plain is None else refusals_of(plain)
    assert readings == [reading for reading in readings_of(careful) if reading.message not in left]
    assert refusals == [refusal for refusal in refusals_of(careful) if refusal.message not in left]


@settings(DETERMINISTIC, max_examples=300)
@given(mixed_groups)
def test_decode_random_groups_with_cbor_agree_with_the_careful_way(pairs: Sequence[tuple[bytes, str]]) -> None:
    """The same in either encoding, whichever numbers JSON does not have."""
    asked = messages(*[payload for payload, _ in pairs], topics=[topic for _, topic in pairs])
    careful = decode_self_explaining(asked)

    plain, others = senml_plain.decode(asked)

    left = set(others)
    readings = [] if plain is None else readings_of(plain)
    assert readings == [reading for reading in readings_of(careful) if reading.message not in left]
    assert {refusal.message for refusal in refusals_of(careful)} <= left
