"""The watch's loop: a thread of the API that looks at all devices again and again; of several APIs one does."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
from psycopg.errors import UndefinedTable

from api.silence.look import look
from api.silence.losses import reckon_losses
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=15)
_PATIENCE_S = 5.0


@asynccontextmanager
async def watching(database_url: str) -> AsyncIterator[None]:
    """Watch for as long as the context lasts."""
    stopping = threading.Event()
    thread = threading.Thread(target=_watch, args=(database_url, stopping), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        await asyncio.to_thread(thread.join, _PATIENCE_S)  # a database that hangs keeps nobody from ending


def _watch(database_url: str, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            with connect(database_url, name="hedgerow-api watch") as connection:
                connection.execute(query("be_the_application"))
                while not stopping.is_set():
                    look_once(connection)
                    stopping.wait(EVERY.total_seconds())
        except UndefinedTable:
            log.warning("the watch waits for the database to be migrated")
        except psycopg.OperationalError as error:
            log.warning("the watch lost the database, trying again: %s", str(error).strip().replace("\n", " "))
        except Exception:
            log.exception("the watch failed, trying again")
        stopping.wait(EVERY.total_seconds())


def look_once(connection: psycopg.Connection) -> None:
    """Look at all devices now, unless another process has just done so; reckon the packet loss of some."""
    row = connection.execute(query("read_clock")).fetchone()
    if row is not None and look(connection, row[0], EVERY / 2):
        reckon_losses(connection, row[0])
