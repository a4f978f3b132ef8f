"""Database servers to be killed and frozen by fault tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import psycopg

from devices.vocabulary import fill_vocabulary
from sql.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sql.migrate import Flavour
    from tests.servers.databases import MakePostgres
    from tests.servers.postgres import PostgresServer


def migrated(make_postgres: MakePostgres, flavour: Flavour) -> PostgresServer:
    """Give a durable server of one's own with a migrated database."""
    server = make_postgres(flavour)
    migrate(server.url())
    with psycopg.connect(server.url()) as connection:
        fill_vocabulary(connection)
    return server


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Let a whole server stand still for the length of a block, as a machine does whose disk hangs."""
    postmaster = psutil.Process(server.pid)
    postmaster.suspend()
    processes = postmaster.children(recursive=True)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in [*processes, postmaster]:
            process.resume()
