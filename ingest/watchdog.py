"""Watchdog: cuts the connection to a store that hangs, so that whoever waits for it gets an error and can go on or end.

The server's own time limit cannot help where the server itself stands still, and libpq waits without one.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sql.pool import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

_LOOK_EVERY_S = 0.5
_PATIENCE_S, _PATIENCE_STOPPING_S = 10.0, 5.0
"""How long a transaction may take [s] until the store is taken to hang; a full group takes about 0.1 s."""

_MOST_PATIENCE_S = 160.0
"""A store that is merely slow gets through in the end: patience doubles with every transaction in a row that was cut."""


class Watchdog:
    """Bounds how long one thread may wait for its connection."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self._patience_s = _PATIENCE_S
        self._lock = threading.Lock()
        self._watched: tuple[int, float] | None = None  # file descriptor of the connection, and since when
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, connection: psycopg.Connection) -> Iterator[None]:
        """Cut the connection if what is done with it takes too long."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            self._watched = (connection.fileno(), time.monotonic())
        try:
            yield
            self._patience_s = _PATIENCE_S
        finally:
            with self._lock:
                self._watched = None

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            with self._lock:  # the connection cannot be closed and its descriptor reused meanwhile
                if self._watched is None:
                    continue
                descriptor, since = self._watched
                patience_s = _PATIENCE_STOPPING_S if self._is_stopping() else self._patience_s
                if time.monotonic() - since > patience_s:
                    cut(descriptor)
                    self._watched = None
                    self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S)
