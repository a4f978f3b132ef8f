"""A console to test: the real API program over a day of readings of a small county, and someone who may sign in."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from api.people import add_person
from api.serve import server
from api.settings import ApiSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import uvicorn

_A_DAY = Path(__file__).parents[1] / "data" / "a_day.sql"
_START_S = 20
_USER = "alex"
_PASSWORD = "correct horse battery staple"  # noqa: S105 - of a database that lives as long as a test


@dataclass(frozen=True, slots=True)
class Console:
    """Where a console is, the database behind it, and a viewer who may sign in."""

    url: str
    database: str
    user: str = _USER
    password: str = _PASSWORD


@contextmanager
def running_console(database: str, *, filled: bool = True) -> Iterator[Console]:
    """Run the API program in a thread, on a free port, over a migrated database; with the day of readings or without."""
    with psycopg.connect(database) as connection:
        if filled:
            connection.execute(_A_DAY.read_text(encoding="utf-8"))
        add_person(connection, _USER, "viewer", _PASSWORD)
    program = server(ApiSettings(database_url=database, http="127.0.0.1:0"))
    thread = threading.Thread(target=program.run, name="console")
    thread.start()
    try:
        yield Console(f"http://127.0.0.1:{_port(program, thread)}", database)
    finally:
        program.should_exit = True
        thread.join()


def _port(program: uvicorn.Server, thread: threading.Thread) -> int:
    give_up = time.monotonic() + _START_S
    while not program.started:
        if not thread.is_alive() or time.monotonic() > give_up:
            raise RuntimeError("the API program did not start; its log says why")
        time.sleep(0.02)
    return int(program.servers[0].sockets[0].getsockname()[1])
