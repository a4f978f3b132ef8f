"""Columns as bytes: JSON (a flat array of objects), CSV, and an Arrow stream."""

from __future__ import annotations

import csv
from functools import lru_cache
from io import BytesIO, StringIO
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import nanoarrow
import numpy as np
from nanoarrow.ipc import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from api.aggregate.table import Column

Format = Literal["json", "csv", "arrow"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}

_DAY_US = 86_400_000_000
_PORTION = 5_000
_ONLY_WHERE_SAID = {"channel": "", "filled": False}
"""Columns that JSON leaves out where they say nothing, and what that is."""


def to_json(columns: Sequence[Column]) -> bytes:
    """Write an array with one object a row; null where there is no value."""
    row = _row_of(tuple(column.name for column in columns))
    rows = map(row, *(_objects(column) for column in columns))
    return b"[" + b",".join(msgspec.json.encode(portion)[1:-1] for portion in _portions(rows)) + b"]"


def _portions(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """Cut rows into portions: between two of them other threads have their turn."""
    while portion := list(islice(rows, _PORTION)):
        yield portion


@lru_cache(maxsize=64)
def _row_of(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Make the type of a row: by far the fastest that msgspec writes."""
    fields: list[Any] = [
        (f"f{number}", Any, _ONLY_WHERE_SAID[name]) if name in _ONLY_WHERE_SAID else (f"f{number}", Any)
        for number, name in enumerate(names)
    ]
    rename = {f"f{number}": name for number, name in enumerate(names)}
    return msgspec.defstruct("Row", fields, rename=rename, omit_defaults=True, gc=False)


def _objects(column: Column) -> Iterable[object]:
    """Give a column's values as Python has them; msgspec writes NaN as null."""
    if column.kind == "time":
        return _texts_of_times(column.values)
    if column.kind == "text":
        if len(set(column.texts)) == 1:
            return repeat(column.texts[0], len(column.values))
        return [column.texts[place] for place in column.values.tolist()]
    if column.kind == "whole":
        return _whole(column.values)
    values: list[object] = column.values.tolist()
    return values


def _texts_of_times(values: NDArray[np.int64]) -> list[object]:
    """Write times that ascend and are whole seconds, each different day and time of day once: there are few of both."""
    is_new = np.append(True, values[1:] != values[:-1])[: len(values)]
    day, rest = np.divmod(values[is_new], _DAY_US)
    days, day_at = np.unique(day, return_inverse=True)
    rests, rest_at = np.unique(rest, return_inverse=True)
    heads = [f"{text}T" for text in days.astype("M8[D]").astype(str).tolist()]
    tails = [f"{text[11:]}Z" for text in np.datetime_as_string(rests.astype("M8[us]"), unit="s").tolist()]
    texts = [heads[head] + tails[tail] for head, tail in zip(day_at.tolist(), rest_at.tolist(), strict=True)]
    runs = np.diff(np.flatnonzero(np.append(is_new, True)))
    repeated: list[object] = np.repeat(np.array(texts, object), runs).tolist()
    return repeated


def _whole(values: NDArray[np.float64]) -> list[object]:
    is_missing = np.isnan(values)
    if not is_missing.any():
        whole: list[object] = values.astype(np.int64).tolist()
        return whole
    mixed = np.where(is_missing, 0, values).astype(np.int64).astype(object)
    mixed[is_missing] = None
    objects: list[object] = mixed.tolist()
    return objects


def to_csv(columns: Sequence[Column]) -> bytes:
    """Write a table with a line of names; an empty cell where there is no value."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(column.name for column in columns)
    for portion in _portions(zip(*(_cells(column) for column in columns), strict=True)):
        writer.writerows(portion)
    return text.getvalue().encode()


def _cells(column: Column) -> Iterable[object]:
    if column.kind == "bool":
        return ["true" if value else "false" for value in column.values.tolist()]
    if column.kind == "float":
        return [None if value != value else value for value in column.values.tolist()]  # noqa: PLR0124 - NaN alone
    return _objects(column)


def to_arrow(columns: Sequence[Column], metadata: Mapping[str, str]) -> bytes:
    """Write an Arrow IPC stream of one record batch; `metadata` stands in its schema."""
    made = [_arrow(column) for column in columns]
    fields = {column.name: kind for column, (kind, _) in zip(columns, made, strict=True)}
    schema = nanoarrow.c_schema(nanoarrow.struct(fields)).modify(metadata=dict(metadata))
    rows = len(columns[0].values)
    batch = nanoarrow.c_array_from_buffers(schema, rows, [None], children=[array for _, array in made])
    stream = BytesIO()
    with StreamWriter.from_writable(stream) as writer:
        writer.write_array(batch)
    return stream.getvalue()


def _arrow(column: Column) -> tuple[Any, Any]:
    values, rows = column.values, len(column.values)
    if column.kind == "time":
        kind = nanoarrow.timestamp("us", "UTC")
        return kind, nanoarrow.c_array_from_buffers(kind, rows, [None, np.ascontiguousarray(values, np.int64)])
    if column.kind == "text":
        kind = nanoarrow.string()
        return kind, nanoarrow.c_array_from_buffers(kind, rows, [None, *_utf8(column)])
    if column.kind == "bool":
        kind = nanoarrow.bool_()
        return kind, nanoarrow.c_array_from_buffers(kind, rows, [None, np.packbits(values, bitorder="little")])
    is_missing = np.isnan(values)
    validity = np.packbits(~is_missing, bitorder="little") if is_missing.any() else None
    kind = nanoarrow.int64() if column.kind == "whole" else nanoarrow.float64()
    plain = np.where(is_missing, 0, values).astype(np.int64 if column.kind == "whole" else np.float64)
    return kind, nanoarrow.c_array_from_buffers(kind, rows, [validity, plain])


def _utf8(column: Column) -> tuple[NDArray[np.int32], bytes]:
    texts = [text.encode() for text in column.texts]
    lengths = np.array([len(text) for text in texts], np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths[column.values])]).astype(np.int32)
    return offsets, b"".join([texts[place] for place in column.values.tolist()])
