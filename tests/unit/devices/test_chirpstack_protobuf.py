"""ChirpStack's events as protobuf say what those in JSON say; which of both came is told apart, or set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from devices.reasons import Reason
from tests.unit.devices.chirpstack_events import GOLDEN, as_protobuf
from tests.unit.devices.examples import Refusal, readings_of, refusals_of
from tests.unit.devices.network_examples import chirpstack_up, decode_chirpstack

if TYPE_CHECKING:
    from devices.chirpstack import Encoding
    from devices.columns import Columns


def facts_of(columns: Columns) -> tuple[object, ...]:
    """Give all that columns say, to be compared."""
    radio = columns.radio.receptions if columns.radio else ()
    return readings_of(columns), refusals_of(columns), list(radio), list(columns.events)


@pytest.mark.parametrize("event", sorted(GOLDEN))
def test_protobuf_and_json_of_one_event_say_the_same(event: str) -> None:
    """Every event gives the same readings, radio and events in both encodings, told apart by the bytes themselves."""
    as_json = decode_chirpstack(event, GOLDEN[event])

    assert facts_of(decode_chirpstack(event, as_protobuf(event, GOLDEN[event]))) == facts_of(as_json)
    assert len(as_json) or as_json.events


@pytest.mark.parametrize(
    ("encoding", "payload", "reason"),
    [
        ("json", as_protobuf("up", chirpstack_up()), Reason.NOT_JSON),
        ("protobuf", json.dumps(chirpstack_up()).encode(), Reason.NOT_PROTOBUF),
        ("json", json.dumps(chirpstack_up()).encode(), None),
        ("protobuf", as_protobuf("up", chirpstack_up()), None),
        ("auto", b" \r\n\t" + json.dumps(chirpstack_up()).encode(), None),
    ],
)
def test_encoding_that_is_set_is_the_only_one_read(encoding: Encoding, payload: bytes, reason: Reason | None) -> None:
    """A source that is said to send one encoding is not guessed at."""
    columns = decode_chirpstack("up", payload, encoding=encoding)

    assert [refusal.reason for refusal in refusals_of(columns)] == ([reason] if reason else [])


def test_integration_event_has_no_form_in_protobuf() -> None:
    """It left the schema: as JSON it is kept, as anything else refused."""
    assert refusals_of(decode_chirpstack("integration", b"\x0a\x00")) == [Refusal(0, 0, Reason.NOT_PROTOBUF)]
