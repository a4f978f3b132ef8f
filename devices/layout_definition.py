"""Layout definitions: a device profile's TOML made into a layout, or told what is wrong with it and where.

The language is described in docs/formats.md, "Binary layouts".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devices.definition_table import DefinitionError, read_definition
from devices.layout import Clock, Group, Layout, Leading, Part, Variant, channels_of
from devices.layout_fields import LARGEST_FRAME, clock_of, field_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from devices.definition_table import Table
    from devices.layout import Channels, Field

_LEADING = re.compile(r"([0-9a-fA-F?]{2})+")
_MOST_LEADING = 64
_MOST_FIELDS = 1_000
_MOST_IDS, _MOST_ANY = 64, 2
"""Of a channel, and digits left open in each: they are listed one by one."""
_ENDIANS = ("big", "little")


def parse_layout(definition: str) -> Layout:
    """Make a layout of its TOML.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    document = read_definition(definition)
    little = document.text("endian", "big", _ENDIANS) == "little"
    if "variant" in document:
        variants = [_variant(table, little=little) for table in document.tables("variant", named="name")]
        document.close()
    else:
        variants = [_variant(document, little=little)]
    count = sum(len(part.fields) for variant in variants for part in _parts(variant))
    if not count:
        raise DefinitionError("the layout has no field: write at least one [[field]] or [[channel]] with a metric")
    if count > _MOST_FIELDS:
        raise DefinitionError(f"the layout has {count} fields, more than {_MOST_FIELDS:,}")
    return Layout(tuple(variants))


def _parts(variant: Variant) -> Iterator[Part]:
    yield variant.fixed
    yield from (group.part for group in variant.groups)
    yield from variant.channels.parts if variant.channels else ()


def _variant(table: Table, *, little: bool) -> Variant:
    table.text("name", "")
    little = _little(table, little=little)
    variant = Variant(
        ports=table.wholes("port", least=1, most=255),
        lengths=table.wholes("length", least=1, most=LARGEST_FRAME),
        leading=_leading(table),
        fixed=_part(table, little=little),
        groups=tuple(_group(group, little=little) for group in table.tables("group")),
        channels=_channels(table, little=little),
    )
    table.close()
    if variant.channels and (variant.fixed.fields or variant.groups):
        raise table.error("channel", "stands alone: a variant has channels, or fields and groups")
    return variant


def _little(table: Table, *, little: bool) -> bool:
    return table.text("endian", _ENDIANS[little], _ENDIANS) == "little"


def _leading(table: Table) -> Leading | None:
    """Read the bytes a frame must begin with: hex digits, `?` for any."""
    if "starts" not in table:
        return None
    text = table.text("starts").replace(" ", "")
    if not _LEADING.fullmatch(text) or len(text) > 2 * _MOST_LEADING:
        raise table.error("starts", f'must be pairs of hex digits, "?" for any, at most {_MOST_LEADING}: "be02??01"')
    size = len(text) // 2
    text = text.ljust(-(-len(text) // 16) * 16, "?")
    pattern = bytes.fromhex(text.replace("?", "0"))
    mask = bytes.fromhex(re.sub("[^?]", "f", text).replace("?", "0"))
    words = [(_word(pattern[i : i + 8]), _word(mask[i : i + 8])) for i in range(0, len(mask), 8)]
    return Leading(size, tuple(words))


def _word(eight: bytes) -> int:
    return int.from_bytes(eight, "little")


def _part(table: Table, *, little: bool, size: int = 0) -> Part:
    """Read the fields of a part and its clock; `size` where it is more than they need."""
    fields = tuple(field_of(one, little=little) for one in table.tables("field", named="metric"))
    _refuse_twice(table, fields)
    return _sized(table, fields, clock_of(table, little=little), size)


def _sized(table: Table, fields: tuple[Field, ...], clock: Clock | None, size: int) -> Part:
    needed = max([*(field.end for field in fields), clock.number.end if clock else 0])
    if size and needed > size:
        raise table.error("size", f"is {size}, but its fields need {needed} bytes")
    return Part(fields, size or needed, clock)


def _refuse_twice(table: Table, fields: Sequence[Field]) -> None:
    """Refuse two readings of one metric at one time: only one of them could be stored."""
    sure = [field.metric for field in fields if field.when is None]
    for metric in sure:
        if sure.count(metric) > 1:
            raise table.error("field", f"{metric} stands there twice; only one could be stored")


def _group(table: Table, *, little: bool) -> Group:
    little = _little(table, little=little)
    at = table.whole("at", most=LARGEST_FRAME)
    count = table.whole("count", 0, least=1, most=LARGEST_FRAME)
    every_us = round(table.exact("every_s", 0) * 1_000_000)
    newest_first = table.text("newest", "first", ("first", "last")) == "first"
    part = _part(table, little=little, size=table.whole("size", 0, least=1, most=LARGEST_FRAME))
    table.close()
    if not part.fields:
        raise table.error("field", "is missing")
    if not 0 <= every_us < 2**50:
        raise table.error("every_s", "must be a number of seconds from 0 on")
    if count != 1 and not every_us and part.clock is None:
        raise table.error("", "its records need a time of their own: write time, age or every_s")
    return Group(at, part, count, every_us, newest_first)


def _channels(table: Table, *, little: bool) -> Channels | None:
    found: list[tuple[list[int], Part]] = []
    width = 0
    taken: set[int] = set()
    for one in table.tables("channel", named="id"):
        headers, width = _headers(one, width)
        if taken.intersection(headers):
            raise one.error("id", "stands there twice")
        taken.update(headers)
        found.append((headers, _channel_part(one, little=_little(one, little=little))))
        one.close()
    return channels_of(found, width) if found else None


def _headers(table: Table, width: int) -> tuple[list[int], int]:
    """Read what a channel is known by: hex of one or two bytes, `?` for any digit, or a list of such; one width for all."""
    told = table.get("id")
    texts = [
        text.replace(" ", "").lower() if isinstance(text, str) else "" for text in (told if isinstance(told, list) else [told])
    ]
    width = width or len(texts[0] if texts else "") // 2
    if width not in (1, 2) or not all(_LEADING.fullmatch(text) and len(text) == 2 * width for text in texts):
        raise table.error("id", 'must be two or four hex digits, "?" for any, equally long for all channels: "0175"')
    if len(texts) > _MOST_IDS or any(text.count("?") > _MOST_ANY for text in texts):
        raise table.error("id", f'may be {_MOST_IDS} at most, each with {_MOST_ANY} "?" at most')
    return [header for text in texts for header in _matching(text)], width


def _matching(text: str) -> list[int]:
    """Give every header that fits, as a little-endian number."""
    candidates = [""]
    for digit in text:
        candidates = [start + one for start in candidates for one in ("0123456789abcdef" if digit == "?" else digit)]
    return [int.from_bytes(bytes.fromhex(candidate), "little") for candidate in candidates]


def _channel_part(table: Table, *, little: bool) -> Part:
    """Read the value of a channel: fields of their own, or one field written into the channel itself, or bytes to pass over."""
    size = table.whole("size", 0, least=1, most=LARGEST_FRAME)
    if "metric" not in table:
        part = _part(table, little=little, size=size)
        if not part.size:
            raise table.error("size", "is missing: write metric and type, or [[channel.field]], or size to pass over it")
        return part
    if "field" in table:
        raise table.error("metric", "stands beside [[channel.field]]: write one or the other")
    clock = clock_of(table, little=little)
    return _sized(table, (field_of(table, little=little, is_channel=True),), clock, size)
