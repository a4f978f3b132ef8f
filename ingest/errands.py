"""Errands: what people ask of ingest beside the path, done one after the other by a process of its own that gives way to it.

The worker that leads starts the process while there is something to do. An errand whose process died is begun again:
each of them, done twice, gives the same.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ingest.program import end_with_input, log_to_stdout
from ingest.redecode import BusyError, RedecodeError, Request, redecode
from ingest.replay_quarantine import Wanted, replay
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Note = Callable[[float, Mapping[str, object]], None]

log = logging.getLogger(__name__)

_NICE = 10
_MOST_TRIES = 3
_NOTE_EVERY_S = 0.5
_LONGEST_REST_S = 1.0
"""After each portion it rests for as long as that took, at most so long [s]: the path has the store to itself meanwhile."""
_BUSY_S = 2.0
_LOCK_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Errand:
    """A row of the table errand, as the query `take_errand` gives it."""

    errand_id: int
    kind: str
    profile: str | None
    quarantine_id: int | None
    reason: str | None
    newest: int | None
    device_uid: str | None
    from_at: datetime | None
    to_at: datetime | None
    remove: bool
    dry_run: bool
    tries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an errand."""

    counts: Mapping[str, object]
    examples: list[dict[str, Any]]
    run_id: int | None = None


def run_errands(database_url: str) -> None:
    """Do every errand there is; does nothing where another process does them."""
    with connect(database_url, name="hedgerow errands") as connection:
        if not _is_alone(connection):
            return
        with connection.cursor(row_factory=class_row(Errand)) as cursor:
            while (errand := cursor.execute(query("take_errand")).fetchone()) is not None:
                _do(connection, database_url, errand)


def _do(connection: psycopg.Connection, database_url: str, errand: Errand) -> None:
    try:
        outcome = _outcome(database_url, errand, _noting(connection, errand))
    except BusyError:
        time.sleep(_BUSY_S)  # `hedgerow redecode` is at work: this one stays and is taken again
        connection.execute(query("put_errand_back"), {"errand_id": errand.errand_id})
    except (RedecodeError, psycopg.Error) as error:
        log.warning("errand %d failed: %s", errand.errand_id, error)
        connection.execute(query("fail_errand"), {"errand_id": errand.errand_id, "error": str(error).strip()})
    else:
        values = {"counts": Jsonb(outcome.counts), "examples": Jsonb(outcome.examples), "run_id": outcome.run_id}
        connection.execute(query("finish_errand"), {"errand_id": errand.errand_id, **values})


def _outcome(database_url: str, errand: Errand, note: Note) -> Outcome:
    if errand.tries > _MOST_TRIES:
        raise RedecodeError(f"the process that did it died {_MOST_TRIES} times; the log of ingest says why")
    return _redecode(database_url, errand, note) if errand.kind == "redecode" else _replay(database_url, errand, note)


def _redecode(database_url: str, errand: Errand, note: Note) -> Outcome:
    if errand.profile is None or errand.from_at is None or errand.to_at is None:
        raise RedecodeError("the errand does not say what to decode again")
    request = Request(
        errand.profile, errand.from_at, errand.to_at, errand.device_uid, remove=errand.remove, dry_run=errand.dry_run
    )
    length_s = (min(errand.to_at, datetime.now(UTC)) - errand.from_at).total_seconds() or 1.0
    summary = redecode(
        database_url, request, lambda at, so_far: note((at - request.start).total_seconds() / length_s, so_far.counts())
    )
    examples = [{**example._asdict(), "time": example.time.isoformat()} for example in summary.examples]
    return Outcome(summary.counts(), examples, summary.run_id)


def _replay(database_url: str, errand: Errand, note: Note) -> Outcome:
    if errand.newest is None:
        raise RedecodeError("the errand does not say what to replay")
    wanted = Wanted(**{name: value for name, value in asdict(errand).items() if name in Wanted._fields})
    newest = errand.newest or 1
    replayed = replay(database_url, wanted, lambda so_far, at: note(at / newest, so_far.counts()))
    return Outcome(replayed.counts(), [])


def _noting(connection: psycopg.Connection, errand: Errand) -> Note:
    """Give what notes how far an errand is, and rests a while after every portion."""
    ended = noted = time.monotonic()

    def note(progress: float, counts: Mapping[str, object]) -> None:
        nonlocal ended, noted
        now = time.monotonic()
        if now - noted >= _NOTE_EVERY_S:
            noted = now
            values = {"progress": min(max(progress, 0.0), 1.0), "counts": Jsonb(counts), "errand_id": errand.errand_id}
            connection.execute(query("note_errand"), values)
        time.sleep(min(now - ended, _LONGEST_REST_S))
        ended = time.monotonic()

    return note


def _is_alone(connection: psycopg.Connection) -> bool:
    """Become the one process that does errands; one that is just ending is waited for."""
    give_up = time.monotonic() + _LOCK_PATIENCE_S
    while not (row := connection.execute(query("lock_errands")).fetchone()) or not row[0]:
        if time.monotonic() >= give_up:
            return False
        time.sleep(0.2)
    return True


def main() -> None:
    """Do the errands of the database that standard input names; end when that closes."""
    database_url = sys.stdin.buffer.readline().decode().strip()
    os.nice(_NICE)
    log_to_stdout("errands")
    threading.Thread(target=end_with_input, name="input", daemon=True).start()
    run_errands(database_url)


if __name__ == "__main__":
    main()
