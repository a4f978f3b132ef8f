"""SenML (RFC 8428): packs in JSON or CBOR into records, plain ones fast, and readings into a pack in JSON."""

from __future__ import annotations

import json
from math import isfinite, nan
from typing import TYPE_CHECKING

import msgspec

from devices.cbor import is_cbor, parse_cbor
from devices.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 10
TIME_KEYS = ("time", "timestamp", "ts")
"""Keys of flat JSON (`devices/flat.py`) that hold the time of an object, the first one present counts."""

ABSOLUTE_FROM_S = 2.0**28
"""Times below this are relative to now (RFC 8428 section 4.5.3)."""


class Record(msgspec.Struct, gc=False):
    """One record of a pack with the labels Hedgerow reads; None stands for absent."""

    n: str = ""
    v: float | None = None
    u: str | None = None
    t: float = 0.0
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    vb: bool | None = None
    vs: str | None = None
    vd: str | None = None
    s: float | None = None
    bver: int = VERSION


class PlainRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A record with the labels that nearly every device sends and no others; a value is a must."""

    n: str = ""
    v: float
    u: str = ""
    t: float = 0.0
    bn: str | None = None
    bt: float = nan


class Wrong(Record, gc=False):
    """A record that could not be read whole: the labels that could, the reason and what was wrong."""

    reason: Reason = Reason.NOT_READINGS
    detail: str = ""
    taints: bool = False
    """Whether a base field is among what could not be read."""


PLAIN_ERRORS = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What `parse_plain` and `parse_plain_cbor` raise."""

_plain = msgspec.json.Decoder(list[PlainRecord])
_LABELS = tuple(Record.__struct_fields__)


def parse_plain(payload: bytes) -> list[PlainRecord]:
    """Parse a pack that has nothing but names, numbers, units and times; fast.

    Raises
    ------
    msgspec.MsgspecError, RecursionError, UnicodeDecodeError
        For everything else: `parse_pack` looks more closely.
    """
    return _plain.decode(payload)


def parse_plain_cbor(payload: bytes) -> list[PlainRecord]:
    """Parse the same kind of pack in CBOR.

    Raises
    ------
    msgspec.MsgspecError
        For everything else.
    """
    items = parse_cbor(payload)
    records = msgspec.convert(items, list[PlainRecord])
    times = [item["bt"] for item in items if "bt" in item] if isinstance(items, list) else []
    if not isfinite(
        sum(record.v + record.t for record in records) + sum(times, 0.0)
    ):  # or a sum too large: looked at closely too
        raise msgspec.ValidationError("a number that JSON does not have")
    return records


def parse_any(payload: bytes) -> object:
    """Parse JSON text, or a CBOR array or map; a tuple of `Reason` and detail says why it is none."""
    return parse_cbor(payload) if is_cbor(payload) else parse_json(payload)


def parse_json(payload: bytes) -> object:
    """Parse any JSON text; a tuple of `Reason` and detail says why it is none (JSON itself has no tuples)."""
    try:
        parsed: object = msgspec.json.decode(payload)
    except RecursionError:
        return (Reason.TOO_DEEP, "nested too deeply")
    except UnicodeDecodeError as error:
        return (Reason.NOT_UTF8, str(error))
    except msgspec.DecodeError as error:
        reason = Reason.VALUE_NOT_FINITE if "out of range" in str(error) else Reason.NOT_JSON
        return (reason, str(error)[:200])  # it names the place, however deep
    return parsed


def parse_pack(payload: bytes) -> list[Record] | tuple[Reason, str]:
    """Parse one pack, record by record; or say why it is none at all."""
    items = parse_any(payload)
    return items if isinstance(items, tuple) else read_records(items)


def read_records(items: object) -> list[Record] | tuple[Reason, str]:
    """Read the records of a parsed pack; or say why it is none."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return (Reason.NOT_READINGS, "expected a list of records")
    if items and not any(label in item for item in items for label in _LABELS):
        return (Reason.NOT_READINGS, "no record has a SenML label")
    for item in items:
        unknown = sorted(label for label in item if label.endswith("_"))
        if unknown:  # RFC 8428, section 4.4: such a pack is an error as a whole
            return (Reason.SENML_LABEL, f"label {unknown[0][:60]!r}")
    return [_read_record(item) for item in items]


def is_pack(items: list[object]) -> bool:
    """Tell a SenML pack from a list of flat JSON objects: records have names, or values and no time of flat JSON."""
    labels = {label for item in items if isinstance(item, dict) for label in item}
    if labels & {"n", "bn"} or not labels:
        return True
    return bool(labels & {"v", "vb", "vs", "vd", "s", "bv"}) and not labels & set(TIME_KEYS)


def _read_record(item: dict[str, object]) -> Record:
    known = {label: item[label] for label in _LABELS if label in item}
    try:
        return msgspec.convert(known, Record)
    except msgspec.ValidationError as error:
        readable = {label: value for label, value in known.items() if _fits(label, value)}
        wrong = msgspec.convert(readable, Wrong)
        unreadable = known.keys() - readable.keys()
        wrong.reason = _why_unreadable(known["v"]) if "v" in unreadable else Reason.NOT_READINGS
        wrong.detail = str(error)[:200]
        wrong.taints = any(label.startswith("b") for label in unreadable)
        return wrong


def _why_unreadable(value: object) -> Reason:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return Reason.VALUE_NOT_FINITE if is_number else Reason.VALUE_NOT_NUMERIC


def _fits(label: str, value: object) -> bool:
    try:
        msgspec.convert({label: value}, Record)
    except msgspec.ValidationError:
        return False
    return True


def encode_pack(
    metrics: Sequence[str],
    values: Sequence[float | str],
    times_s: Sequence[float],
    *,
    units: Sequence[str] | None = None,
    base_name: str = "",
) -> bytes:
    """Write readings as one SenML pack in resolved order, the first time as base time.

    Parameters
    ----------
    metrics, values, times_s, units
        Parallel sequences; a text is the name of a state; times in seconds since 1970, units from the SenML registry.
    base_name
        Prefix of every name, such as `urn:dev:mac:0024befffe804ff1:`.
    """
    records: list[dict[str, object]] = []
    base = times_s[0] if times_s else 0.0
    for i, (metric, value, time_s) in enumerate(zip(metrics, values, times_s, strict=True)):
        record: dict[str, object] = {"bn": base_name} if i == 0 and base_name else {}
        if i == 0:
            record["bt"] = base
        record |= {"n": metric, "vs" if isinstance(value, str) else "v": value}
        if units and units[i]:
            record["u"] = units[i]
        if time_s != base:
            record["t"] = round(time_s - base, 6)
        records.append(record)
    return json.dumps(records, separators=(",", ":"), allow_nan=False).encode()
