"""Flat objects: `{"time": …, "pm2_5": 8.3, …}` or a list of them, in JSON or CBOR into columns, and from readings in JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from devices.columns import NO_TIME_US, Reject
from devices.reasons import Reason
from devices.senml import TIME_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devices.columns import Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeError(ValueError):
    """A time that cannot be understood."""


def time_us(time: object) -> int:
    """Read a time as microseconds since 1970.

    Text is ISO 8601 (without an offset: UTC). A number counts seconds, milliseconds, microseconds or nanoseconds since 1970,
    told apart by size: below 1e11 seconds (the year 5138), below 1e14 milliseconds, below 1e17 microseconds.

    Raises
    ------
    TimeError
        When it is neither.
    """
    if isinstance(time, str):
        if time.strip().isdigit():  # ISO 8601 without any mark: nobody means the year 1701 by 1701010112345
            raise TimeError(f"{time[:60]!r} is a number in quotes")
        try:
            moment = datetime.fromisoformat(time.strip().upper())  # RFC 3339 has t and z too
        except ValueError as error:
            raise TimeError(f"{time[:60]!r} is no ISO 8601 time") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        delta = moment - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TimeError(f"a {type(time).__name__} is neither text nor number")
    for limit, per_us in ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0)):
        if abs(time) < limit:
            return round(time * per_us)
    return round(time / 1_000) if abs(time) < 9e20 else NO_TIME_US


@dataclass(frozen=True, slots=True)
class _Message:
    """What is known of a message besides its payload."""

    index: int
    uid: str
    received_us: int


def decode(rows: Rows, index: int, uid: str, received_us: int, parsed: object) -> None:
    """Add the readings of a parsed flat object, or a list of them; a bad value costs only itself and stands among the rejects.

    Formats that are rare at high rates take the plain way: a loop over readings.

    Raises
    ------
    TooManyRefused
        When the message is to be refused as a whole.
    """
    message = _Message(index, uid, received_us)
    objects: list[object] = parsed if isinstance(parsed, list) else [parsed]
    item = 0
    for one in objects:
        if isinstance(one, dict):
            item = _decode_object(rows, message, one, item)
        else:
            item += 1
            rows.refuse(Reject(message.index, Reason.NOT_READINGS, "expected an object of metrics", item))
    if not item:
        rows.rejects.append(Reject(message.index, Reason.PACK_EMPTY, "no metrics in the message"))


def _decode_object(rows: Rows, message: _Message, one: dict[str, object], item: int) -> int:
    """Add the readings of one object; gives the position of its last one."""
    time_key = next((key for key in TIME_KEYS if key in one), None)
    micros, wrong_time = message.received_us, None
    if time_key is not None:
        try:
            micros = time_us(one[time_key])
        except TimeError as error:
            wrong_time = str(error)
    for key, value in one.items():
        if key == time_key:
            continue
        item += 1
        refusal = (Reason.TIME_INVALID, wrong_time) if wrong_time else _refusal(value)
        if refusal is None:
            number = value if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # _refusal lets no others pass
            rows.add(message.index, item, message.uid, key, "", micros, number)
        else:
            detail = f"{key[:60]}: {refusal[1]}"
            again = _encode_again(one, time_key, micros, key)
            rows.refuse(Reject(message.index, refusal[0], detail, item, again))
    return item


def _encode_again(one: dict[str, object], time_key: str | None, micros: int, key: str) -> bytes | None:
    """Write a refused value so that it can be replayed by itself; None where only the whole message will do."""
    again = {"time": one[time_key] if time_key else micros, key: one[key]}
    if not all(value is None or isinstance(value, str | int | float) for value in again.values()):
        return None  # may be nested deeper than can be written, or be what JSON does not have
    try:
        return json.dumps(again, allow_nan=False).encode()
    except ValueError:
        return None


def _refusal(value: object) -> tuple[Reason, str] | None:
    match value:
        case int() | float() if not _is_finite(value):
            return (Reason.VALUE_NOT_FINITE, "beyond all floating-point numbers, or not a number")
        case int() | float() | str():
            return None
        case None:
            return (Reason.VALUE_MISSING, "null")
        case _:
            return (Reason.NOT_READINGS, "a list, object or data where a number or the name of a state is needed")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer larger than any float
        return False


def encode_object(time: str | float, readings: Mapping[str, float | str]) -> bytes:
    """Write the readings of one moment as a flat JSON object.

    Parameters
    ----------
    time
        ISO 8601 text or a number as `time_us` reads it.
    readings
        Value by metric, in the metric's own unit, or the name of a state.
    """
    return json.dumps({"time": time, **readings}, separators=(",", ":"), allow_nan=False).encode()
