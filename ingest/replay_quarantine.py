"""Replay of quarantine: takes rows that wait there through the path once more, and notes what became of each.

What is stored already stays as it is, so that twice is the same as once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from devices.codecs import Codecs
from devices.columns import Reject
from devices.digest import digest_of
from devices.reasons import Reason
from devices.registry import load_registry
from ingest.check import check
from ingest.portions import Kept, Portion
from ingest.prepared import prepare, quarantine_rows
from ingest.quality_run import mark_due
from ingest.redecode import make_series
from ingest.replay import decode_again
from ingest.resolve import nothing_resolved, resolve
from ingest.store import Outdated, Refused, Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from devices.columns import Columns
    from ingest.message import Group
    from ingest.resolve import Resolved

    Watch = Callable[["Replayed", int], None]

_STORED, _HELD, _REFUSED = "stored by replay", "held until its device is registered", "refused again by replay"
_MOST_ROWS = 500
_MOST_BYTES = 8 * 2**20


class Wanted(NamedTuple):
    """Which rows of quarantine that wait; None: no matter."""

    newest: int
    """The last row: what comes later, and what is set aside anew, is not replayed."""
    quarantine_id: int | None = None
    """One row alone."""
    reason: str | None = None
    device_uid: str | None = None
    from_at: datetime | None = None
    """Arrival, included."""
    to_at: datetime | None = None
    """Arrival, not included."""


@dataclass(slots=True)
class Replayed:
    """What became of rows of quarantine."""

    rows: Counter[str] = field(default_factory=Counter)
    """stored, held, refused."""
    readings: int = 0
    """That the messages gave."""
    new: int = 0
    """Of these, not stored before."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rows refused again, by reason."""

    def counts(self) -> dict[str, object]:
        """Give the figures."""
        return {
            **{name: self.rows[name] for name in ("stored", "held", "refused")},
            "readings": self.readings,
            "new": self.new,
            "reasons": dict(self.refused),
        }


class _Row(NamedTuple):
    """A row of quarantine and what a replay of it takes."""

    quarantine_id: int
    kept: Kept
    item: int
    """As in the table: 0 for a whole message, -1 for all readings beyond those that have a row."""
    is_there: bool
    """Whether there is anything to replay it by."""


def replay(database_url: str, wanted: Wanted, watch: Watch = lambda _replayed, _at: None) -> Replayed:
    """Replay rows of quarantine.

    Parameters
    ----------
    database_url
        PostgreSQL connection string.
    wanted
        Which rows; those replayed or set aside for good are left out.
    watch
        Called after every portion with the figures so far and the last row seen to.

    Raises
    ------
    psycopg.Error
        When the store goes away before anything can be read; what is done is done.
    """
    with connect(database_url, name="hedgerow replay") as connection:
        return _Run(connection, database_url).run(wanted, watch)


class _Run:
    """One run over rows of quarantine."""

    def __init__(self, connection: psycopg.Connection, database_url: str) -> None:
        self._connection = connection
        self._registry = load_registry(connection)
        self._codecs = Codecs()
        # Its counters are nobody's: what workers count, they count of what the broker brings.
        self._store = Store(database_url, "replay store", deliveries=0, is_stopping=lambda: False)
        self._replayed = Replayed()

    def run(self, wanted: Wanted, watch: Watch) -> Replayed:
        try:
            for rows in self._portions(wanted):
                self._replay(rows)
                watch(self._replayed, rows[-1].quarantine_id)
        finally:
            self._codecs.close()
            self._store.close()
        return self._replayed

    def _portions(self, wanted: Wanted) -> Iterator[list[_Row]]:
        after = 0
        bounds = {**wanted._asdict(), "most": _MOST_ROWS, "most_bytes": _MOST_BYTES}
        while rows := [
            _row(*row[:-1], is_borrowed=row[-1])
            for row in self._connection.execute(query("list_replayable"), {**bounds, "after": after})
        ]:
            yield rows
            after = rows[-1].quarantine_id

    def _replay(self, rows: Sequence[_Row]) -> None:
        rows_of: defaultdict[Kept, list[_Row]] = defaultdict(list)
        for row in rows:
            if row.is_there:
                rows_of[row.kept].append(row)
            else:
                gone = Reject(0, Reason.NOT_PROCESSED, "the message itself is not in quarantine any more")
                self._mark([(row, _REFUSED, gone)])
        for is_parts in (False, True):
            kept = [one for one in rows_of if one.is_part is is_parts]
            if kept:
                self._replay_portion(Portion(kept, is_parts=is_parts, is_quarantined=True), rows_of)

    def _replay_portion(self, portion: Portion, rows_of: Mapping[Kept, Sequence[_Row]]) -> None:
        for piece, group, columns in decode_again(portion, None, self._registry, self._codecs):
            resolved = self._resolve(columns, group)
            try:
                self._store_readings(group, resolved)
            except Outdated:
                self._registry = load_registry(self._connection)
                self._replay_portion(piece, rows_of)
                continue
            except Refused as error:
                if len(piece.kept) > 1:
                    for half in piece.halves():
                        self._replay_portion(half, rows_of)
                    continue
                resolved = nothing_resolved(group, [Reject(0, Reason.STORE_REFUSED, str(error))])
            if not piece.is_parts:
                again = [{**row, "result": _REFUSED} for row in quarantine_rows(group, resolved)]
                with self._connection.cursor() as cursor:
                    cursor.executemany(query("quarantine_again"), again)
            self._mark(list(_outcomes(piece, resolved, rows_of)))

    def _resolve(self, columns: Columns, group: Group) -> Resolved:
        resolved = resolve(columns, group, self._registry)
        while resolved.missing:
            self._registry = make_series(self._connection, self._registry, resolved.missing)
            resolved = resolve(columns, group, self._registry)
        return resolved

    def _store_readings(self, group: Group, resolved: Resolved) -> None:
        batch = check(resolved.batch, self._registry)
        mark_due(self._connection, batch)
        # The archive has what was archived; the broker knows nothing of these messages.
        prepared = replace(
            prepare(group, resolved, batch, archive=False, registry_version=self._registry.version),
            quarantine=[],
            delivery=None,
        )
        self._replayed.new += self._store.write(prepared)
        self._replayed.readings += len(batch)
        self._store.write_latest(all_of_it=True)

    def _mark(self, outcomes: Sequence[tuple[_Row, str, Reject | None]]) -> None:
        self._connection.execute(
            query("mark_replayed"),
            {
                "ids": [row.quarantine_id for row, _, _ in outcomes],
                "are_stored": [result == _STORED for _, result, _ in outcomes],
                "results": [result for _, result, _ in outcomes],
                "reasons": [None if reject is None else reject.reason.value for _, _, reject in outcomes],
                "details": [None if reject is None else reject.detail.replace("\x00", "") or None for _, _, reject in outcomes],
            },
        )
        self._replayed.rows.update(result.partition(" ")[0] for _, result, _ in outcomes)
        self._replayed.refused.update(reject.reason.value for _, _, reject in outcomes if reject is not None)


def _row(
    quarantine_id: int,
    received_us: int,
    digest: int,
    item: int,
    uid: str | None,
    topic: str,
    payload: bytes,
    *,
    is_borrowed: bool,
) -> _Row:
    is_whole = digest_of(topic, payload) == digest or uid is None
    kept = Kept(topic, payload, received_us, digest, None if is_whole else item)
    return _Row(quarantine_id, kept, item, is_there=is_whole or not is_borrowed)


def _outcomes(
    piece: Portion, resolved: Resolved, rows_of: Mapping[Kept, Sequence[_Row]]
) -> Iterator[tuple[_Row, str, Reject | None]]:
    """Tell of each row what became of it, and the reject that stands for it still."""
    held = {part.message for part in resolved.held}
    rejects: dict[tuple[int, int], Reject] = {}
    any_of: dict[int, Reject] = {}
    for reject in resolved.rejects:
        rejects.setdefault((reject.message, reject.item), reject)
        any_of.setdefault(reject.message, reject)
    for i, kept in enumerate(piece.kept):
        for row in rows_of[kept]:
            is_of_all = piece.is_parts or row.item < 0
            refusal = any_of.get(i) if is_of_all else rejects.get((i, 0)) or rejects.get((i, row.item))
            yield row, _REFUSED if refusal else _HELD if i in held else _STORED, refusal
