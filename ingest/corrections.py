"""Corrections: takes readings as they are given now, puts the store right in one transaction and keeps what stood there."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from psycopg import errors
from psycopg.rows import class_row

from devices.flags import Flag
from ingest.batch import sort_unique
from ingest.encode import encode_latest
from ingest.prepared import quarantine_rows
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg
    from numpy.typing import NDArray

    from ingest.batch import Batch
    from ingest.message import Group
    from ingest.portions import Portion
    from ingest.resolve import Resolved

JUDGED = Flag.OUT_OF_RANGE | Flag.SENTINEL | Flag.BATTERY_LOW | Flag.CLOCK
"""Flags that are judged anew. Whether a reading was late is known from its first arrival; the others are not the path's."""

MARKED = Flag.MANUAL_INVALID | Flag.ESTIMATED
"""Given by people: such a reading is left as it is."""

EDGE = timedelta(minutes=10)
"""Of the range of a run: what arrived, or is said to be measured, nearer to its ends is not called gone."""

EXAMPLES = 5
"""Shown of each outcome."""

_TRIES = 10
_LONGEST_PAUSE_S = 2.0
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scope(NamedTuple):
    """Whose messages a run takes."""

    device_ids: Sequence[int]
    start: datetime
    """No message of the run arrived before."""
    end: datetime
    """None arrived then or later: the end of the range, at most the start of the run."""


class Example(NamedTuple):
    """One reading that changes, or would."""

    outcome: str
    site: str
    channel: str
    metric: str
    unit: str
    time: datetime
    old_value: float | None
    old_flags: int | None
    new_value: float | None
    new_flags: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """What became of some readings."""

    outcomes: Counter[str]
    """new, same, corrected, repeated (an earlier message gave it), marked (by a person), elsewhere (a message outside the run
    may have given it first), gone."""
    examples: Sequence[Example] = ()


class Corrections:
    """Writes for one run; with `run_id` None it only looks. Not thread-safe."""

    def __init__(self, connection: psycopg.Connection, run_id: int | None, scope: Scope) -> None:
        self._connection = connection
        self._run_id = run_id
        self._scope = scope
        self._first: datetime | None = None  # arrival of the first message there was to read: the archive may begin late
        for name in ("make_redecode_staging", "make_redecode_given", "make_redecode_outcome", "make_redecode_seen"):
            connection.execute(query(name))

    def unseen(self, portion: Portion) -> Portion:
        """Leave out of quarantined messages those that were put right from the archive."""
        places = self._connection.execute(query("find_seen"), _keys(portion)).fetchall()
        seen = {row[0] - 1 for row in places}
        return replace(portion, kept=[one for i, one in enumerate(portion.kept) if i not in seen])

    def put(self, portion: Portion, group: Group, resolved: Resolved, batch: Batch) -> Found:
        """Put right what one portion of messages gives."""
        unique = sort_unique(batch)
        self._first = self._first or _moment(portion.kept[0].received_us)
        self._ensure_partitions(unique.batch.time_us)

        def work() -> Found:
            found = self._put_readings(unique.batch)
            if not portion.is_quarantined:
                self._connection.execute(query("note_seen"), _keys(portion))
            if self._run_id is not None:
                self._put_quarantine(portion, group, resolved)
            return found

        found = self._in_transaction(work)
        found.outcomes["repeated"] += unique.duplicate
        return found

    def look_over(self) -> None:
        """Let the planner know how much was given, before `put_gone`."""
        self._connection.execute("ANALYZE redecode_given")

    def put_gone(self, site: int, channel: str, *, remove: bool) -> Found:
        """Look for what is stored at a place and no longer given, when every message was read; take it away if told to."""
        place = {"site": site, "channel": channel, "devices": list(self._scope.device_ids), "marked": MARKED.value}
        inside = {"since": self._scope.start + EDGE, "until": self._scope.end - EDGE}

        def work() -> Found:
            self._connection.execute(query("find_gone_readings"), {**place, **inside})
            found = self._found(["gone"])
            if remove and self._run_id is not None and found.outcomes["gone"]:
                self._connection.execute(query("remove_gone_readings"), {"run_id": self._run_id})
                self._connection.execute(query("take_back_latest"))
                self._connection.execute(query("forget_latest"))
            return found

        return self._in_transaction(work)

    def _put_readings(self, batch: Batch) -> Found:
        if not len(batch):
            return Found(Counter())
        with self._connection.cursor() as cursor, cursor.copy(query("copy_redecoded_to_staging")) as copy:
            copy.write(encode_latest(batch))
        span = {"earliest": _moment(batch.time_us.min()), "latest": _moment(batch.time_us.max())}
        judged = {"judged": JUDGED.value, "marked": MARKED.value}
        scope = {"devices": list(self._scope.device_ids), "first": self._first}
        self._connection.execute(query("compare_redecoded"), {**span, **judged, **scope})
        found = self._found(["new", "corrected", "marked", "elsewhere"])
        if self._run_id is not None and (found.outcomes["new"] or found.outcomes["corrected"]):
            self._connection.execute(query("add_redecoded"))
            self._connection.execute(query("correct_readings"), {**span, "run_id": self._run_id})
            self._connection.execute(query("renew_latest"), span)
        return found

    def _found(self, shown: Sequence[str]) -> Found:
        outcomes: Counter[str] = Counter(dict(self._connection.execute(query("count_redecode_outcomes")).fetchall()))
        examples: list[Example] = []
        for outcome in shown:
            if outcomes[outcome]:
                with self._connection.cursor(row_factory=class_row(Example)) as cursor:
                    values = {"outcomes": [outcome], "limit": EXAMPLES}
                    examples += cursor.execute(query("list_redecode_examples"), values).fetchall()
        return Found(outcomes, examples)

    def _put_quarantine(self, portion: Portion, group: Group, resolved: Resolved) -> None:
        rows = [] if portion.is_parts else quarantine_rows(group, resolved)
        with self._connection.cursor() as cursor:
            cursor.executemany(query("quarantine_again"), [{**row, "result": "refused again by redecode"} for row in rows])
        self._connection.execute(query("close_quarantined"), closing(portion, resolved, rows))

    def _ensure_partitions(self, time_us: NDArray[np.int64]) -> None:
        if self._run_id is not None and len(time_us):
            days_s = np.unique(time_us // _DAY_US) * 86_400
            self._connection.execute(query("ensure_partitions"), {"parent": "reading", "days_s": days_s.tolist()})

    def _in_transaction(self, work: Callable[[], Found]) -> Found:
        """Work in a transaction; one that another transaction stands in the way of is tried again."""
        for attempt in range(1, _TRIES + 1):
            try:
                with self._connection.transaction():
                    if self._run_id is None:
                        self._connection.execute("SET TRANSACTION READ ONLY")  # which leaves temporary tables writable
                    return work()
            except errors.OperationalError as error:
                if attempt == _TRIES or not (error.sqlstate or "").startswith("40"):
                    raise
            time.sleep(random.uniform(0.0, min(_LONGEST_PAUSE_S, 0.05 * 2**attempt)))  # noqa: S311 - jitter needs no secrecy
        raise AssertionError("unreachable")


def _keys(portion: Portion) -> dict[str, list[int]]:
    return {"received_us": [one.received_us for one in portion.kept], "digests": [one.digest for one in portion.kept]}


def closing(portion: Portion, resolved: Resolved, rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Tell which messages of one device became readings, and what of them is still refused, as `close_quarantined` takes it.

    Parameters
    ----------
    portion, resolved
        The messages, and what `resolve` made of them.
    rows
        Rows that stand in quarantine for them now.
    """
    broken = {reject.message for reject in resolved.rejects if portion.is_parts or not reject.item}
    good = [one for i, one in enumerate(portion.kept) if i not in broken and resolved.uids[i]]
    refused: set[tuple[object, ...]] = {(row["received_us"], row["digest"], row["item"]) for row in rows}
    for reject in resolved.rejects:
        one = portion.kept[reject.message]
        refused.add((one.received_us, one.digest, reject.item))
    return {
        "received_us": [one.received_us for one in good],
        "digests": [one.digest for one in good],
        "items": [one.item for one in good],
        "refused_us": [key[0] for key in refused],
        "refused_digests": [key[1] for key in refused],
        "refused_items": [key[2] for key in refused],
    }


def _moment(time_us: np.int64 | int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(time_us))
