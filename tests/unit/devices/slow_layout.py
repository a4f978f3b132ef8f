"""A slow and obvious decoder of binary layouts: one frame, one byte, one exact fraction at a time, straight from the TOML."""

from __future__ import annotations

import math
import struct
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from devices.columns import NO_TIME_US
from devices.reasons import Reason

Toml = dict[str, Any]


@dataclass
class Outcome:
    """What a frame holds: readings as (item, metric, unit, time, value or text), refusals as (item, reason)."""

    readings: list[tuple[int, str, str, int, float | str]] = field(default_factory=list)
    refusals: list[tuple[int, Reason]] = field(default_factory=list)
    items: int = 0


def slow_decode(definition: str, port: int, payload: bytes, time_us: int) -> Outcome:
    """Decode one frame."""
    document = tomllib.loads(definition, parse_float=Decimal)
    outcome = Outcome()
    endian = document.get("endian", "big")
    if not payload:
        return Outcome(refusals=[(1, Reason.PAYLOAD_EMPTY)])
    for variant in document.get("variant", [document]):
        if _fits(variant, port, payload):
            _read_variant(variant, variant.get("endian", endian), payload, time_us, outcome)
            if not outcome.readings and not outcome.refusals:
                outcome.refusals.append((1, Reason.PACK_EMPTY))
            return outcome
    return Outcome(refusals=[(1, Reason.CODEC_FAILED)])


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any TOML
    return value if isinstance(value, list) else [value]


def _fits(variant: Toml, port: int, payload: bytes) -> bool:
    if "port" in variant and port != 0 and port not in _listed(variant["port"]):
        return False
    if "length" in variant and len(payload) not in _listed(variant["length"]):
        return False
    pattern = variant.get("starts", "").replace(" ", "").lower()
    digits = payload.hex()
    return len(digits) >= len(pattern) and all(want in ("?", have) for want, have in zip(pattern, digits, strict=False))


def _read_variant(variant: Toml, endian: str, payload: bytes, time_us: int, outcome: Outcome) -> None:
    if "channel" in variant:
        _read_channels(variant["channel"], endian, payload, time_us, outcome)
        return
    whole = _part_size(variant)
    _read_part(variant, endian, payload, time_us, outcome)
    if len(payload) < whole:
        outcome.items += 1
        outcome.refusals.append((outcome.items, Reason.FRAME_INCOMPLETE))
        return
    for group in variant.get("group", []):
        _read_group(group, group.get("endian", endian), payload, time_us, outcome)


def _read_group(group: Toml, endian: str, payload: bytes, time_us: int, outcome: Outcome) -> None:
    size = group.get("size", _part_size(group))
    records: list[bytes] = []
    at = group["at"]
    while at + size <= len(payload) and len(records) < group.get("count", 10**6):
        records.append(payload[at : at + size])
        at += size
    every_us = round(Fraction(group.get("every_s", 0)) * 1_000_000)
    for number, record in enumerate(records):
        steps = number if group.get("newest", "first") == "first" else len(records) - 1 - number
        _read_part(group, endian, record, time_us, outcome, age_us=steps * every_us)
    is_short = len(records) < group["count"] if "count" in group else at < len(payload)
    if is_short:
        outcome.items += 1
        outcome.refusals.append((outcome.items, Reason.FRAME_INCOMPLETE))


def _read_channels(channels: list[Toml], endian: str, payload: bytes, time_us: int, outcome: Outcome) -> None:
    at = 0
    while at < len(payload):
        for channel in channels:
            for pattern in _listed(channel["id"]):
                width = len(pattern) // 2
                digits = payload[at : at + width].hex()
                if len(digits) == len(pattern) and all(want in ("?", have) for want, have in zip(pattern, digits, strict=True)):
                    break
            else:
                continue
            break
        else:
            break
        size = channel.get("size", _part_size(channel))
        value = payload[at + width : at + width + size]
        if len(value) < size:
            break
        _read_part(channel, channel.get("endian", endian), value, time_us, outcome)
        at += width + size
    if at < len(payload):
        outcome.items += 1
        outcome.refusals.append((outcome.items, Reason.FRAME_INCOMPLETE))


def _fields(part: Toml) -> list[Toml]:
    return [{"at": 0, **part}] if "metric" in part else part.get("field", [])


def _numbers(one: Toml) -> list[Toml]:
    numbers = [*one.get("sum", []), *one.get("mean", []), *[pair["weight"] for pair in one.get("mean", [])]]
    numbers += [one["when"]] if "when" in one else []
    return numbers + ([one] if "type" in one else [])


def _part_size(part: Toml) -> int:
    ends: list[int] = [number["at"] + int(number["type"][1:]) // 8 for one in _fields(part) for number in _numbers(one)]
    ends += [part[key]["at"] + int(part[key]["type"][1:]) // 8 for key in ("time", "age") if key in part]
    return max([0, *ends])


def _read_part(part: Toml, endian: str, data: bytes, time_us: int, outcome: Outcome, age_us: int = 0) -> None:
    time = _time_of(part, endian, data, time_us)
    for one in _fields(part):
        outcome.items += 1
        if time is None or any(_raw(number, endian, data) is None for number in _numbers(one)):
            continue
        if not _is_there(one, endian, data):
            continue
        _read_field(one, endian, data, time if time == NO_TIME_US else time - age_us, outcome)


def _time_of(part: Toml, endian: str, data: bytes, time_us: int) -> int | None:
    for key in ("time", "age"):
        if key in part:
            raw = _raw(part[key], endian, data)
            if raw is None:
                return None
            seconds = _scaled(part[key], raw)
            if not abs(seconds) < 9e11:
                return NO_TIME_US
            return round(seconds * 1e6) if key == "time" else time_us - round(seconds * 1e6)
    return time_us


def _is_there(one: Toml, endian: str, data: bytes) -> bool:
    if "when" in one:
        condition = one["when"]
        raw = _raw(condition, endian, data)
        if "is" in condition and raw not in _listed(condition["is"]):
            return False
        if "not" in condition and raw in _listed(condition["not"]):
            return False
    if "mean" in one:
        return sum(_raw(pair["weight"], endian, data) or 0 for pair in one["mean"]) != 0
    if "sum" in one:
        return True
    raw = _raw(one, endian, data)
    for missing in map(float, _listed(one.get("missing", []))):
        if raw == missing or (math.isnan(missing) and math.isnan(raw or 0)):
            return False
    return True


def _read_field(one: Toml, endian: str, data: bytes, time_us: int, outcome: Outcome) -> None:
    value: float | str
    if "mean" in one:
        pairs = [(_raw(pair, endian, data), _raw(pair["weight"], endian, data)) for pair in one["mean"]]
        value = _scaled(one, Fraction(sum(a * b for a, b in pairs), sum(b for _, b in pairs)))  # type: ignore[misc, operator]
    elif "sum" in one:
        value = _scaled(one, sum(_raw(term, endian, data) or 0 for term in one["sum"]))
    elif "states" in one:
        states = {int(key, 0): state for key, state in one["states"].items()}
        raw = _raw(one, endian, data)
        if raw not in states:
            outcome.refusals.append((outcome.items, Reason.STATE_UNKNOWN))
            return
        value = states[int(raw)] if isinstance(states[int(raw)], str) else float(states[int(raw)])
    else:
        value = _scaled(one, _raw(one, endian, data) or 0)
    outcome.readings.append((outcome.items, one["metric"], one.get("unit", ""), time_us, value))


def _raw(number: Toml, endian: str, data: bytes) -> int | float | None:
    """Read a number; None where the bytes end before it."""
    width = int(number["type"][1:]) // 8
    piece = data[number["at"] : number["at"] + width]
    if len(piece) < width:
        return None
    if number.get("endian", endian) == "little":
        piece = piece[::-1]
    if number["type"][0] == "f":
        raw: float = struct.unpack(">f" if width == 4 else ">d", piece)[0]
        return raw
    digits = "".join(f"{byte:08b}" for byte in piece)
    if "bits" in number:
        high, _, low = str(number["bits"]).partition("-")
        from_the_right = digits[::-1][int(low or high) : int(high) + 1]
        digits = from_the_right[::-1]
    is_negative = number["type"][0] == "i" and digits[0] == "1"
    return int(digits, 2) - is_negative * (1 << len(digits))


def _scaled(one: Toml, raw: float | Fraction) -> float:
    scale, offset = Fraction(one.get("scale", 1)), Fraction(one.get("offset", 0))
    if isinstance(raw, float) and not math.isfinite(raw):
        return raw * float(scale) + float(offset)
    try:
        return float(Fraction(raw) * scale + offset)
    except OverflowError:
        return math.inf if (raw > 0) == (scale > 0) else -math.inf
