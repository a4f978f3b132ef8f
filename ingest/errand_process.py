"""The process that does errands (`ingest/errands.py`), as the worker that leads sees it."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

from sql.queries import query

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)


class ErrandProcess:
    """The process of a worker that does errands, started where there are any. Not thread-safe."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait until the process ends by itself."""
        if self._process is not None:
            self._process.wait(seconds)

    def look(self, connection: psycopg.Connection) -> None:
        """Start the process where there is an errand, no process of ours is at it, and this worker leads."""
        if self.is_running:
            return
        self.stop()
        row = connection.execute(query("lead_errands")).fetchone()
        if row is not None and row[0]:
            try:
                self._process = _started(self._database_url)
            except OSError as error:  # no memory, too many processes: the path goes on, and the next look tries again
                log.warning("the process for errands does not start: %s", error)

    def stop(self) -> None:
        """End the process; what it was at is begun again by the next one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _started(database_url: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-m", "ingest.errands"], stdin=subprocess.PIPE, start_new_session=True)
    if process.stdin is None:
        raise RuntimeError("a process without standard input")
    try:
        process.stdin.write(f"{database_url}\n".encode())
        process.stdin.flush()  # and left open: it closes when we die, whatever we die of
    except BrokenPipeError:
        log.warning("the process for errands died before it was told where the store is")
    return process
