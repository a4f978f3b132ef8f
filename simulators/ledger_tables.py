"""A ledger in temporary tables of the database, loaded a piece at a time, so that its size does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.ledger import Acknowledged, Again, LedgerError, Sent, read_ledger
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import psycopg
    from numpy.typing import NDArray

_EPOCH_2000_US = 946_684_800_000_000
"""PostgreSQL counts from the year 2000."""

# One row of binary COPY each: the number of fields, then the length and the bytes of every field.
_READING = np.dtype([
    ("fields", ">i2"),
    ("message_bytes", ">i4"), ("message", ">i8"),
    ("device_bytes", ">i4"), ("device", ">i4"),
    ("metric_bytes", ">i4"), ("metric", ">i4"),
    ("time_bytes", ">i4"), ("time", ">i8"),
    ("value_bytes", ">i4"), ("value", ">f8"),
    ("clock_bytes", ">i4"), ("clock", "i1"),
])  # fmt: skip
_NOTE = np.dtype([
    ("fields", ">i2"), ("message_bytes", ">i4"), ("message", ">i8"), ("acknowledged_bytes", ">i4"), ("acknowledged", "i1"),
])  # fmt: skip
_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TAIL = b"\xff\xff"


class Loader:
    """Loads ledgers one after the other; a message's number there is its sequence number behind those of ledgers before."""

    def __init__(self, connection: psycopg.Connection, metric_ids: Mapping[str, int]) -> None:
        self._connection = connection
        self._metric_ids = metric_ids
        self._devices: dict[str, int] = {}
        self._behind = 0

    def load(self, path: Path) -> None:
        """Load one ledger.

        Raises
        ------
        LedgerError
            When it is none, or names a metric the database lacks.
        """
        last = self._behind
        for entries in read_ledger(path):
            sent = [entry for entry in entries if isinstance(entry, Sent)]
            self._copy_messages(sent)
            self._copy_readings(sent)
            self._copy_notes([entry for entry in entries if isinstance(entry, Acknowledged | Again)])
            last = max([last, *(self._behind + one.sequence for one in sent)])
        self._behind = last

    def finish(self) -> None:
        """Load the devices met, when all ledgers are in."""
        with self._connection.cursor() as cursor, cursor.copy(query("copy_ledger_devices")) as copy:
            for uid, number in self._devices.items():
                copy.write_row((number, uid))

    def _copy_messages(self, sent: Sequence[Sent]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(query("copy_ledger_messages")) as copy:
            for one in sent:
                device = self._devices.setdefault(one.uid, len(self._devices))
                copy.write_row((self._behind + one.sequence, device, one.digest, one.clock, one.reason, one.refused))

    def _copy_readings(self, sent: Sequence[Sent]) -> None:
        counts = [len(one.readings) for one in sent]
        flat = [reading for one in sent for reading in one.readings]
        self._copy(
            "copy_ledger_readings",
            _READING,
            message=np.repeat([self._behind + one.sequence for one in sent], counts),
            device=np.repeat([self._devices[one.uid] for one in sent], counts),
            metric=[self._metric_id(metric) for metric, _time_us, _value in flat],
            time=np.array([time_us for _metric, time_us, _value in flat], np.int64) - _EPOCH_2000_US,
            value=[value for _metric, _time_us, value in flat],
            clock=np.repeat([one.clock for one in sent], counts),
        )

    def _copy_notes(self, notes: Sequence[Acknowledged | Again]) -> None:
        self._copy(
            "copy_ledger_notes",
            _NOTE,
            message=[self._behind + note.sequence for note in notes],
            acknowledged=[isinstance(note, Acknowledged) for note in notes],
        )

    def _metric_id(self, key: str) -> int:
        try:
            return self._metric_ids[key]
        except KeyError:
            raise LedgerError(f"the ledger has readings of {key}, a metric this database does not know") from None

    def _copy(self, name: str, dtype: np.dtype[np.void], **columns: Iterable[object] | NDArray[np.generic]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(query(name)) as copy:
            copy.write(copy_bytes(dtype, **columns))


def copy_bytes(dtype: np.dtype[np.void], **columns: Iterable[object] | NDArray[np.generic]) -> bytes:
    """Write columns as the bytes of a binary COPY.

    Parameters
    ----------
    dtype
        One row, as `_READING`.
    columns
        Of one length, by name.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    rows = np.empty(len(next(iter(arrays.values()))), dtype)
    rows["fields"] = len(arrays)
    for name, array in arrays.items():
        rows[f"{name}_bytes"] = dtype[name].itemsize
        rows[name] = array
    return _HEAD + rows.tobytes() + _TAIL
