"""Watchdog: cuts the connection to a store that hangs, so that whoever waits for it gets an error and can go on or end.

The server's own time limit cannot help where the server itself stands still, and libpq waits without one.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

_LOOK_EVERY_S = 0.5


class Watchdog:
    """Bounds how long one thread may wait for its connection."""

    def __init__(self, patience_s: float, is_stopping: Callable[[], bool], patience_stopping_s: float) -> None:
        self._patience_s = patience_s
        self._is_stopping = is_stopping
        self._patience_stopping_s = patience_stopping_s
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
                patience_s = self._patience_stopping_s if self._is_stopping() else self._patience_s
                if time.monotonic() - since > patience_s:
                    _cut(descriptor)
                    self._watched = None


def _cut(descriptor: int) -> None:
    # It may have broken by itself just now: that is as good.
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)
