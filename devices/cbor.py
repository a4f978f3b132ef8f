"""CBOR (RFC 8949) into the values that JSON gives, so that the rules of SenML and flat objects are there once.

Whatever the payload declares, reading it costs little: lengths are not believed, nesting ends early, no tag is acted upon
but those of numbers and times.
"""

from __future__ import annotations

import base64
import io
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import cbor2

from devices.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CBOR_BYTES = 2**16
"""About 5,000 records. Keys can be chosen to meet in Python's hash tables, and what that costs grows with the square of their
number: measured 0.35 s for 64 KiB and 1.4 s for 128 KiB, so it would be more than a minute for the 1 MiB that text may have."""

_DEEPEST = 32


class _Labels(dict[object, str]):
    """Label of each integer key; whatever else is a key stays itself, as a text."""

    def __missing__(self, key: object) -> str:
        """Write an integer that is no label of SenML."""
        return str(key)


_LABELS = _Labels({
    -6: "bs", -5: "bv", -4: "bu", -3: "bt", -2: "bn", -1: "bver",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
})  # fmt: skip
"""RFC 8428, section 6, table 4."""

_TEXTS: set[type] = {str}
_TEXTS_AND_INTEGERS: set[type] = {str, int}
"""What keys may be. The type itself counts: 2.0 and true are equal to labels too."""

_GREATEST_EXPONENT, _SMALLEST_EXPONENT = 308, -700
"""Of decimal fractions: beyond them every mantissa of at most 1,024 bits gives infinity or zero."""


def is_cbor(payload: bytes) -> bool:
    """Tell a CBOR array or map by its first byte, which no JSON text begins with."""
    return b"\x80" <= payload[:1] < b"\xc0"


def parse_cbor(payload: bytes) -> object:
    """Parse one CBOR array or map.

    Maps in the array have SenML's labels for their integer keys; decimal fractions and big integers are numbers, infinite where
    no float holds them; tagged times are the text or number in the tag; any other tag stays closed.

    Returns
    -------
    object
        What JSON would have given, byte strings and closed tags apart; or a tuple of `Reason` and detail.
    """
    if len(payload) > MOST_CBOR_BYTES:
        return (Reason.PAYLOAD_TOO_LARGE, f"{len(payload)} bytes of CBOR, at most {MOST_CBOR_BYTES} are read")
    stream = io.BytesIO(payload)
    try:
        parsed = cbor2.CBORDecoder(stream, semantic_decoders=_TAGS, max_depth=_DEEPEST, allow_duplicate_keys=False).decode()
    except cbor2.CBORError as error:
        return (_reason(error), str(error)[:200])
    if stream.tell() != len(payload):
        return (Reason.NOT_CBOR, f"goes on after its end, {stream.tell()} of {len(payload)} bytes")
    if isinstance(parsed, list):
        return _labelled(parsed)
    if not _TEXTS.issuperset(map(type, parsed)):
        return (Reason.NOT_READINGS, "a key that is no text")
    return parsed


def _reason(error: cbor2.CBORError) -> Reason:
    if isinstance(error.__cause__, UnicodeDecodeError):
        return Reason.NOT_UTF8
    return Reason.TOO_DEEP if "nesting depth" in str(error) else Reason.NOT_CBOR


def _labelled(items: list[object]) -> list[object] | tuple[Reason, str]:
    """Give the maps of an array their labels."""
    labelled: list[object] = []
    for item in items:
        if not isinstance(item, dict):
            labelled.append(item)
            continue
        if not _TEXTS_AND_INTEGERS.issuperset(map(type, item)):
            return (Reason.NOT_READINGS, "a key that is neither text nor integer")
        named = {_LABELS[key]: value for key, value in item.items()}
        if len(named) < len(item):
            return (Reason.NOT_READINGS, "a label twice in one record, as integer and as text")
        if isinstance(data := named.get("vd"), bytes):
            named["vd"] = base64.urlsafe_b64encode(data).rstrip(b"=").decode()  # as JSON has it (RFC 8428, section 5)
        labelled.append(named)
    return labelled


def _big_integer(sign: int, digits: object, _immutable: bool) -> object:  # noqa: FBT001 - cbor2 calls it so
    """Read tags 2 and 3 (RFC 8949, section 3.4.3)."""
    if not isinstance(digits, bytes):
        return cbor2.CBORTag(2 if sign > 0 else 3, digits)
    number = int.from_bytes(digits)
    try:
        float(number)
    except OverflowError:
        return sign * inf
    return number if sign > 0 else -1 - number


def _decimal_fraction(pair: object, _immutable: bool) -> object:  # noqa: FBT001 - cbor2 calls it so
    """Read tag 4 (RFC 8949, section 3.4.4), rounded once; no power is computed that no float can hold."""
    match pair:
        case [int(exponent), int(mantissa)] if not isinstance(exponent, bool) and not isinstance(mantissa, bool):
            return _scaled(mantissa, exponent)
        case _:
            return cbor2.CBORTag(4, pair)


def _scaled(mantissa: int, exponent: int) -> float:
    if mantissa == 0 or exponent < _SMALLEST_EXPONENT:
        return 0.0
    try:
        return mantissa / 10**-exponent if exponent < 0 else float(mantissa * 10 ** min(exponent, _GREATEST_EXPONENT + 1))
    except OverflowError:
        return inf if mantissa > 0 else -inf


def _inside(value: object, _immutable: bool) -> object:  # noqa: FBT001 - cbor2 calls it so
    return value


def _closed(tag: int, value: object, _immutable: bool) -> object:  # noqa: FBT001 - cbor2 calls it so
    return cbor2.CBORTag(tag, value)


_ACTED_UPON = (5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""What cbor2 would make objects of: regular expressions, e-mails, shared references."""

_TAGS: dict[int, Callable[[object, bool], object]] = {
    **{tag: partial(_closed, tag) for tag in _ACTED_UPON},
    0: _inside,
    1: _inside,
    2: partial(_big_integer, 1),
    3: partial(_big_integer, -1),
    4: _decimal_fraction,
}
