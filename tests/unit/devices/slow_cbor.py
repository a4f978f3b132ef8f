"""CBOR read and written the slow, obvious way, byte by byte: nothing is shared with the code it checks."""

from __future__ import annotations

import base64
import struct
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

LABELS = ["bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"]
"""From -6 on."""


class Broken(Exception):  # noqa: N818 - an outcome, not an error
    """Bytes that are no CBOR."""


class Tagged(NamedTuple):
    """A value in a tag."""

    tag: int
    inside: object


class Simple(NamedTuple):
    """A simple value that is no truth and not null."""

    number: int


def read_cbor(data: bytes) -> object:
    """Read one item that fills the data."""
    value, at = item(data, 0)
    if at != len(data):
        raise Broken
    return value


def item(data: bytes, at: int) -> tuple[object, int]:
    """Read the item that begins at a place; gives it and where the next one begins."""
    if at >= len(data):
        raise Broken
    major, small = divmod(data[at], 32)
    if major == 7:
        return simple(data, at, small)
    if small == 31:
        return indefinite(data, at + 1, major)
    count, at = argument(data, at, small)
    if major < 2:
        return (count if major == 0 else -1 - count), at
    return string(data, at, major, count) if major < 4 else compound(data, at, major, count)


def string(data: bytes, at: int, major: int, size: int) -> tuple[object, int]:
    """Read bytes or text."""
    if at + size > len(data):
        raise Broken
    raw = data[at : at + size]
    return (raw if major == 2 else raw.decode()), at + size


def compound(data: bytes, at: int, major: int, count: int) -> tuple[object, int]:
    """Read an array, a map, or what is in a tag."""
    parts: list[object] = []
    for _ in range({4: count, 5: 2 * count, 6: 1}[major]):
        part, at = item(data, at)
        parts.append(part)
    if major == 6:
        return tagged(count, parts[0]), at
    return (parts if major == 4 else pairs_of(parts)), at


def argument(data: bytes, at: int, small: int) -> tuple[int, int]:
    """Read the number in an item's head."""
    if small < 24:
        return small, at + 1
    if small > 27:
        raise Broken
    size = 2 ** (small - 24)
    if at + 1 + size > len(data):
        raise Broken
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def indefinite(data: bytes, at: int, major: int) -> tuple[object, int]:
    """Read parts up to the break."""
    parts: list[object] = []
    while data[at : at + 1] != b"\xff":
        if major in {2, 3} and (at >= len(data) or data[at] // 32 != major or data[at] % 32 == 31):
            raise Broken
        part, at = item(data, at)
        parts.append(part)
    match major:
        case 2:
            return b"".join(part for part in parts if isinstance(part, bytes)), at + 1
        case 3:
            return "".join(part for part in parts if isinstance(part, str)), at + 1
        case 4:
            return parts, at + 1
        case 5 if len(parts) % 2 == 0:
            return pairs_of(parts), at + 1
        case _:
            raise Broken


def simple(data: bytes, at: int, small: int) -> tuple[object, int]:
    """Read a truth, null, float or other simple value."""
    if small in {20, 21, 22}:
        return {20: False, 21: True, 22: None}[small], at + 1
    if small in {25, 26, 27}:
        size = {25: 2, 26: 4, 27: 8}[small]
        if at + 1 + size > len(data):
            raise Broken
        return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[small], data[at + 1 : at + 1 + size])[0], at + 1 + size
    if small < 24:
        return Simple(small), at + 1
    if small == 24 and at + 1 < len(data) and data[at + 1] >= 32:
        return Simple(data[at + 1]), at + 2
    raise Broken


def pairs_of(parts: list[object]) -> dict[object, object]:
    """Make a map whose keys are all different, of keys and values in turn."""
    keys = parts[::2]
    if any(not isinstance(key, int | str | float | bytes) for key in keys) or len(set(keys)) < len(keys):
        raise Broken
    return dict(zip(keys, parts[1::2], strict=True))


def tagged(tag: int, inside: object) -> object:
    """Open the tags of numbers and times."""
    if tag in {0, 1}:
        return inside
    if tag in {2, 3} and isinstance(inside, bytes):
        number = int.from_bytes(inside, "big")
        if number >= 2**1024 - 2**970:  # rounds to infinity
            return inf if tag == 2 else -inf
        return number if tag == 2 else -1 - number
    if tag == 4 and isinstance(inside, list) and len(inside) == 2 and all(type(part) is int for part in inside):
        exponent, mantissa = inside
        try:
            return float(Fraction(10) ** exponent * mantissa)
        except OverflowError:
            return inf if mantissa > 0 else -inf
    return Tagged(tag, inside)


def with_labels(pack: object) -> object:
    """Put SenML's labels in the place of integer keys."""
    if not isinstance(pack, list):
        return pack
    return [{label(key): plain(value) for key, value in one.items()} if isinstance(one, dict) else one for one in pack]


def label(key: object) -> str:
    """Name one key."""
    return LABELS[key + 6] if isinstance(key, int) and -6 <= key <= 8 else str(key)


def plain(value: object) -> object:
    """Write data as text, as JSON does."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value


def write_cbor(value: object, chance: Random) -> bytes:
    """Write a value in any of the forms that CBOR has for it."""
    match value:
        case bool() | None | int() | float() | Tagged():
            return write_number(value, chance)
        case str():
            return write_parts(3, [part.encode() for part in cut(value, chance)], chance)
        case bytes():
            return write_parts(2, [value], chance)
        case list():
            return write_items(4, [write_cbor(one, chance) for one in value], len(value), chance)
        case dict():
            parts = [write_cbor(key, chance) + write_cbor(one, chance) for key, one in value.items()]
            return write_items(5, parts, len(value), chance)
        case _:
            raise TypeError(value)


def write_number(value: object, chance: Random) -> bytes:
    """Write a truth, null, number, or something tagged."""
    match value:
        case bool() | None:
            return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
        case int() if not -(2**64) <= value < 2**64 or chance.random() < 0.05:
            number = value if value >= 0 else -1 - value
            digits = number.to_bytes(number.bit_length() // 8 + 1, "big")
            return head(6, 2 if value >= 0 else 3, chance) + write_cbor(digits, chance)
        case int():
            return head(0, value, chance) if value >= 0 else head(1, -1 - value, chance)
        case float():
            return write_float(value, chance)
        case Tagged():
            return head(6, value.tag, chance) + write_cbor(value.inside, chance)
        case _:
            raise TypeError(value)


def head(major: int, number: int, chance: Random) -> bytes:
    """Write the head of an item, now and then longer than need be."""
    least = next(i for i, limit in enumerate((24, 2**8, 2**16, 2**32, 2**64)) if number < limit)
    form = chance.randint(least, 4) if chance.random() < 0.1 else least
    return (
        bytes([major * 32 + number]) if form == 0 else bytes([major * 32 + 23 + form]) + number.to_bytes(2 ** (form - 1), "big")
    )


def write_float(value: float, chance: Random) -> bytes:
    """Write a float as half, single or double, whichever are exact."""
    exact = [b"\xfb" + struct.pack(">d", value)]
    for start, form in ((b"\xfa", ">f"), (b"\xf9", ">e")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            break
        if struct.unpack(form, packed)[0] == value or value != value:  # noqa: PLR0124 - NaN alone differs from itself
            exact.append(start + packed)
    return chance.choice(exact)


def cut(text: str, chance: Random) -> list[str]:
    """Cut a text in two, now and then."""
    at = chance.randint(0, len(text))
    return [text[:at], text[at:]] if chance.random() < 0.1 else [text]


def write_parts(major: int, parts: list[bytes], chance: Random) -> bytes:
    """Write a string in one or several parts."""
    if len(parts) == 1:
        return head(major, len(parts[0]), chance) + parts[0]
    return bytes([major * 32 + 31]) + b"".join(head(major, len(part), chance) + part for part in parts) + b"\xff"


def write_items(major: int, items: list[bytes], count: int, chance: Random) -> bytes:
    """Write an array or map with its length or with a break at its end."""
    if chance.random() < 0.2:
        return bytes([major * 32 + 31]) + b"".join(items) + b"\xff"
    return head(major, count, chance) + b"".join(items)
