"""Encode: takes columns, gives the bytes of PostgreSQL's binary COPY; pure.

The format (PostgreSQL documentation, COPY, "Binary Format"): a header, then per row the number of fields as int16 and per field
its length as int32 and its bytes, all big-endian; -1 as number of fields ends the data. Rows of fixed width are one array.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.batch import Batch

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts microseconds."""

_FIXED = {"int2": (">i2", 2), "int4": (">i4", 4), "int8": (">i8", 8), "float8": (">f8", 8)}


def _row_type(*columns: tuple[str, str]) -> np.dtype[np.void]:
    """Row of fixed-width fields, each behind its length."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in columns:
        fields += [(f"{name}_length", ">i4"), (name, _FIXED[kind][0])]
    return np.dtype(fields)


READING_ROW = _row_type(("series", "int4"), ("time", "int8"), ("value", "float8"), ("flags", "int2"))
LATEST_ROW = _row_type(("series", "int4"), ("time", "int8"), ("value", "float8"), ("flags", "int2"), ("received", "int8"))
_UPLINK_HEAD = np.dtype(
    [
        *_row_type(("device", "int4"), ("received", "int8"), ("digest", "int8")).descr,
        ("topic_length", ">i4"),
    ]
)


def _empty_rows(row_type: np.dtype[np.void], count: int, fields: int) -> NDArray[np.void]:
    """Make rows whose number of fields and lengths stand already."""
    row = np.zeros(1, row_type)
    row["fields"] = fields
    for name in row_type.names or ():
        if f"{name}_length" in (row_type.names or ()):
            row[f"{name}_length"] = row_type[name].itemsize
    return np.repeat(row, count)  # copies whole rows: a third of the time that filling each column takes


def encode_readings(batch: Batch) -> bytes:
    """Write a batch as rows (series_id int4, time timestamptz, value float8, flags int2), 40 bytes each."""
    rows = _empty_rows(READING_ROW, len(batch), 4)
    _fill(rows, batch)
    return b"".join((HEADER, rows.data, TRAILER))


def encode_latest(batch: Batch) -> bytes:
    """Write a batch as rows of the table latest: those of reading and received_at timestamptz."""
    rows = _empty_rows(LATEST_ROW, len(batch), 5)
    _fill(rows, batch)
    rows["received"] = batch.received_us - POSTGRES_EPOCH_US
    return b"".join((HEADER, rows.data, TRAILER))


def _fill(rows: NDArray[np.void], batch: Batch) -> None:
    rows["series"] = batch.series
    rows["time"] = batch.time_us - POSTGRES_EPOCH_US
    rows["value"] = batch.value
    rows["flags"] = batch.flags


def encode_uplinks(
    device_ids: NDArray[np.int32],
    received_us: NDArray[np.int64],
    digests: NDArray[np.int64],
    topics: Sequence[bytes],
    payloads: Sequence[bytes],
) -> bytes:
    """Write raw messages as rows (device_id int4, received_at timestamptz, digest int8, topic text, payload bytea).

    Parameters
    ----------
    device_ids, received_us, digests
        Shape (n,); arrival in microseconds since 1970.
    topics, payloads
        n texts in UTF-8 and n payloads.
    """
    heads = _empty_rows(_UPLINK_HEAD, len(topics), 5)
    heads["device"] = device_ids
    heads["received"] = received_us - POSTGRES_EPOCH_US
    heads["digest"] = digests
    heads["topic_length"] = np.fromiter(map(len, topics), np.int32, len(topics))
    lengths = np.fromiter(map(len, payloads), ">i4", len(payloads))
    rows = zip(_pieces(heads), topics, _pieces(lengths), payloads, strict=True)
    return b"".join((HEADER, *chain.from_iterable(rows), TRAILER))


def _pieces(array: NDArray[np.generic]) -> list[bytes]:
    """Give the bytes of each element of an array."""
    pieces: list[bytes] = array.view(np.dtype((np.void, array.itemsize))).tolist()
    return pieces
