"""The way to the database: the only place with connection options."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import psycopg

OPTIONS = {
    "connect_timeout": 5,
    # A server that hangs must look down within seconds, not minutes.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def connect(database_url: str, *, name: str) -> psycopg.Connection:
    """Open an autocommit connection that shows up under `name` at the server.

    Raises
    ------
    psycopg.OperationalError
        When the server cannot be reached.
    """
    connection = psycopg.connect(database_url, autocommit=True, application_name=name, **OPTIONS)  # type: ignore[arg-type]
    # An acknowledged message must survive a crash of the server, whatever its configuration says.
    connection.execute("SET synchronous_commit = on")
    # Bounds what a hanging statement or a forgotten transaction can hold up.
    connection.execute("SET statement_timeout = '60s'")
    connection.execute("SET idle_in_transaction_session_timeout = '10s'")
    # Compiling costs a statement over many chunks or partitions half a second, and saves ours nothing.
    connection.execute("SET jit = off")
    return connection


def cut(descriptor: int) -> None:
    """Cut the connection with this file descriptor, so that whoever waits for its server gets an error at once.

    A server that stands still answers nothing, its own time limits included, and libpq waits for ever.
    """
    # It may have broken by itself just now: that is as good.
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)
