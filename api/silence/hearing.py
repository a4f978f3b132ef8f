"""Hearing: whether Hedgerow itself could hear; while it could not, the silence of a device says nothing about the device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from psycopg.rows import class_row

from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

_SILENT_WORKER = timedelta(seconds=30)
_MOST_WAITING = 5_000
"""Messages received and not stored yet: beyond this, ingest works off what came while it was away."""
_MOST_LAG_MS = 60_000
LONGEST_BETWEEN_LOOKS = timedelta(minutes=2)
"""When nobody looked for longer, nobody knows whether anybody could hear."""


class Worker(NamedTuple):
    """What an ingest worker last said of itself."""

    worker: str
    updated_at: datetime
    connected: bool
    queue_messages: int
    lag_ms: float


class Outage(NamedTuple):
    """When Hedgerow could not hear."""

    began_at: datetime
    ended_at: datetime | None
    reason: str


def trouble(workers: Sequence[Worker], now: datetime) -> str:
    """Say what keeps Hedgerow from hearing; nothing where all is well."""
    if not workers:
        return "No ingest worker runs."
    for worker in workers:
        if now - worker.updated_at > _SILENT_WORKER:
            return f"The ingest worker {worker.worker} says nothing."
        if not worker.connected:
            return f"The ingest worker {worker.worker} has no connection to its broker."
        if worker.queue_messages > _MOST_WAITING or (worker.queue_messages and worker.lag_ms > _MOST_LAG_MS):
            return f"The ingest worker {worker.worker} is behind: {worker.queue_messages:,} messages wait."
    return ""


def began(workers: Sequence[Worker], looked_at: datetime | None, now: datetime) -> datetime:
    """Tell since when nobody could hear: since the last look that was well, or since a worker said its last word."""
    return min([looked_at or now, now, *(worker.updated_at for worker in workers if now - worker.updated_at > _SILENT_WORKER)])


def note_outages(connection: Connection, looked_at: datetime | None, now: datetime) -> list[Outage]:
    """Begin or end an outage as the workers say; give those of the last 400 days, ascending."""
    with connection.cursor(row_factory=class_row(Worker)) as cursor:
        workers = cursor.execute(query("list_workers_listening")).fetchall()
    if reason := trouble(workers, now):
        connection.execute(query("begin_outage"), {"began_at": began(workers, looked_at, now), "reason": reason})
    else:
        connection.execute(query("end_outage"), {"ended_at": now})
        if looked_at is not None and now - looked_at > LONGEST_BETWEEN_LOOKS:
            values = {"began_at": looked_at, "ended_at": now, "reason": "Hedgerow was not running."}
            connection.execute(query("add_outage"), values)
    with connection.cursor(row_factory=class_row(Outage)) as cursor:
        return cursor.execute(query("list_outages"), {"now": now}).fetchall()
