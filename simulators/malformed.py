"""Messages spoilt in every way the field knows, each with the reason it must be quarantined for; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from devices.reasons import Reason
from devices.senml import encode_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.message import Message, Reading

    Json = dict[str, object]

MOST_PAYLOAD_BYTES = 2**20
"""What is larger is refused."""


class Spoilt(NamedTuple):
    """What is published in place of a good message."""

    payload: bytes
    kept: tuple[Reading, ...] = ()
    """Readings that are good all the same."""
    refused: int = 1
    """Rows of quarantine: 1 for a whole message, else one for each refused reading."""
    topic: str | None = None
    """Another topic than the device's own."""


def _pack(message: Message) -> bytes:
    """Write the message's readings as a good pack in the metrics' own units."""
    readings = message.readings
    return encode_pack([r.metric for r in readings], [r.value for r in readings], [r.time_us / 1e6 for r in readings])


def _written(records: Sequence[object]) -> bytes:
    return json.dumps(records, separators=(",", ":")).encode()


def _first_changed(message: Message, **change: object) -> Spoilt:
    """Spoil the first record of a pack: labels are set, or left out where None; its neighbours stay good."""
    records: list[Json] = json.loads(_pack(message))
    # The base time stands in a record that may be refused: written out here, it goes on to count for the others.
    records[0] = {label: value for label, value in {**records[0], **change}.items() if value is not None}
    return Spoilt(_written(records), kept=message.readings[1:])


def _flat_first_changed(message: Message, value: object) -> Spoilt:
    """Spoil the first value of a flat object; its neighbours stay good."""
    first, *others = message.readings
    one = {"time": first.time_us / 1e6, first.metric: value, **{r.metric: r.value for r in others}}
    return Spoilt(json.dumps(one).encode(), kept=tuple(others))


def _bad_time(message: Message) -> Spoilt:
    one = {"time": "the day before yesterday", **{r.metric: r.value for r in message.readings}}
    return Spoilt(json.dumps(one).encode(), refused=len(message.readings))


def _newer_version(message: Message) -> Spoilt:
    spoilt = _first_changed(message, bver=99)
    return Spoilt(spoilt.payload, refused=len(message.readings))


def _label_to_understand(message: Message) -> Spoilt:
    first = message.readings[0]
    return Spoilt(_written([{"bt": first.time_us / 1e6, "n": first.metric, "v": first.value, "frost_": 1}]))


def _number_beyond_floats(message: Message) -> Spoilt:
    return Spoilt(_pack(message).replace(b'"v":', b'"v":1e999,"x":', 1))


def _too_large(message: Message) -> Spoilt:
    return Spoilt(_pack(message) + b" " * MOST_PAYLOAD_BYTES)


def _bad_uid_in_topic(message: Message) -> Spoilt:
    return Spoilt(_pack(message), topic=f"hedgerow/v1/{message.uid} (spare)/up")


MALFORMED: dict[str, tuple[Callable[[Message], Spoilt], Reason]] = {
    "empty_payload": (lambda _message: Spoilt(b""), Reason.PAYLOAD_EMPTY),
    "too_large": (_too_large, Reason.PAYLOAD_TOO_LARGE),
    "bad_uid_in_topic": (_bad_uid_in_topic, Reason.UID_INVALID),
    "truncated_json": (lambda message: Spoilt(_pack(message)[:-9]), Reason.NOT_JSON),
    "one_bracket_too_many": (lambda message: Spoilt(_pack(message) + b"]"), Reason.NOT_JSON),
    "nan_literal": (lambda message: Spoilt(_pack(message).replace(b'"v":', b'"v":NaN,"x":', 1)), Reason.NOT_JSON),
    "error_page": (lambda _message: Spoilt(b"<html><body>502 Bad Gateway</body></html>"), Reason.NOT_JSON),
    "invalid_utf8": (lambda message: Spoilt(_pack(message).replace(b'"n":"', b'"n":"\xff\xfe', 1)), Reason.NOT_UTF8),
    "too_deep": (lambda _message: Spoilt(b"[" * 5_000 + b"]" * 5_000), Reason.TOO_DEEP),
    "number_beyond_floats": (_number_beyond_floats, Reason.VALUE_NOT_FINITE),
    "wrong_json_type": (lambda _message: Spoilt(b"42"), Reason.NOT_READINGS),
    "list_of_numbers": (lambda message: Spoilt(_written([r.value for r in message.readings])), Reason.NOT_READINGS),
    "empty_pack": (lambda _message: Spoilt(b"[]"), Reason.PACK_EMPTY),
    "newer_version": (_newer_version, Reason.SENML_VERSION),
    "label_to_understand": (_label_to_understand, Reason.SENML_LABEL),
    "name_missing": (lambda message: _first_changed(message, n=None), Reason.NAME_INVALID),
    "bad_name": (lambda message: _first_changed(message, n="pm 2,5"), Reason.NAME_INVALID),
    "nul_in_name": (lambda message: _first_changed(message, n="no2\x00"), Reason.NAME_INVALID),
    "value_missing": (lambda message: _first_changed(message, v=None), Reason.VALUE_MISSING),
    "null_value": (lambda message: _flat_first_changed(message, None), Reason.VALUE_MISSING),
    "two_values": (lambda message: _first_changed(message, vb=True), Reason.VALUE_AMBIGUOUS),
    "text_value": (lambda message: _first_changed(message, v="eleven"), Reason.VALUE_NOT_NUMERIC),
    "flat_text_value": (lambda message: _flat_first_changed(message, "n/a"), Reason.VALUE_NOT_NUMERIC),
    "bad_time": (_bad_time, Reason.TIME_INVALID),
    "unknown_metric": (lambda message: _first_changed(message, n="midges_per_hand"), Reason.METRIC_UNKNOWN),
    "unit_mismatch": (lambda message: _first_changed(message, u="lx"), Reason.UNIT_MISMATCH),
}
"""How to spoil a message, and the reason that must stand in quarantine; by name."""
