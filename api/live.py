"""Live: tells whoever watches a device that something has arrived; one look a second serves all who watch the same one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from api.errors import NotReady
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from psycopg_pool import AsyncConnectionPool

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.7
_WAIT_S = 1.0
MOST_STREAMS = 200
MOST_STREAMS_OF_ONE = 20


@dataclass
class _Watched:
    """One device that somebody watches."""

    viewers: int = 0
    seen: str = ""
    """When its last messages of every kind came, as text: it differs when something has arrived."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Live:
    """The devices that are watched, and by how many."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._streams: dict[int, int] = {}

    @contextmanager
    def admitted(self, principal_id: int) -> Iterator[None]:
        """Count a stream for as long as it lasts.

        Raises
        ------
        NotReady
            When there are too many.
        """
        mine = self._streams.get(principal_id, 0)
        if mine >= MOST_STREAMS_OF_ONE or sum(self._streams.values()) >= MOST_STREAMS:
            raise NotReady("Too many pages that update by themselves are open. Close some, or reload the page by hand.")
        self._streams[principal_id] = mine + 1
        try:
            yield
        finally:
            self._streams[principal_id] -= 1
            if not self._streams[principal_id]:
                del self._streams[principal_id]

    async def arrivals(self, pool: AsyncConnectionPool, uid: str) -> AsyncIterator[bool]:
        """Give True whenever something has arrived of a device, and False now and then meanwhile."""
        watched = self._watched.setdefault(uid, _Watched())
        watched.viewers += 1
        watched.task = watched.task or asyncio.create_task(_look(pool, uid, watched))
        seen = ""
        try:
            while True:
                if watched.seen == seen:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(watched.changed.wait(), _WAIT_S)
                has_arrived, seen = watched.seen != seen, watched.seen
                yield has_arrived
        finally:
            watched.viewers -= 1
            if not watched.viewers:
                watched.task.cancel()
                del self._watched[uid]


async def _look(pool: AsyncConnectionPool, uid: str, watched: _Watched) -> None:
    while True:
        try:
            async with pool.connection() as connection:
                row = await (await connection.execute(query("read_arrival_times"), {"uid": uid})).fetchone()
        except (psycopg.OperationalError, PoolTimeout, TooManyRequests) as error:
            log.warning("cannot look for arrivals, trying again: %s", str(error).strip().replace("\n", " "))
        else:
            if repr(row) != watched.seen:
                watched.seen = repr(row)
                watched.changed.set()
                watched.changed = asyncio.Event()
        await asyncio.sleep(_LOOK_EVERY_S)
