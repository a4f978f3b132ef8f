"""Worker: one ingest process as its supervisor sees it, from its start to its end.

It has a fixed identity at the broker, so what was dealt to it while it was dead waits in its session. One that keeps dying is
started after growing pauses; meanwhile it leaves its share, so that nothing more is dealt to it. The first worker never does:
were all to leave, messages would be dealt to nobody, and lost.
"""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from ingest.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.assignment import Assignment

log = logging.getLogger(__name__)

_STEADY_AFTER_S = 10.0
"""A worker that ran this long [s] is started again at once when it dies."""

_LONGEST_PAUSE_S = 15.0
_LEAVES_SHARE_FROM_S = 1.0


class Worker:
    """One worker's process, and what has become of it."""

    def __init__(self, assignment: Assignment, *, may_leave_share: bool) -> None:
        self.assignment = assignment
        self._may_leave_share = may_leave_share
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._quick_deaths = 0
        self._leaving: threading.Thread | None = None

    @property
    def name(self) -> str:
        """Name of the worker, and its identity at the broker."""
        return self.assignment.worker

    def start(self) -> None:
        """Start the process and tell it what to do."""
        command = [sys.executable, "-m", "ingest.program", self.name]  # the name is for those who look at processes
        # A group of its own: Ctrl-C reaches us alone, and we pass it on.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self._started_at = time.monotonic()
        if self.process.stdin is None:
            raise RuntimeError("a process without standard input")
        try:
            self.process.stdin.write(f"{self.assignment.to_json()}\n".encode())
            self.process.stdin.flush()  # and left open: it closes when we die, whatever we die of
        except BrokenPipeError:
            log.warning("%s died before it was told what to do", self.name)

    def watch(self, is_stopping: Callable[[], bool]) -> bool:
        """Start it again if it has died; tell whether it has done all there was to do."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return False
            self._close()
            if code == 0 and self.assignment.drains:
                return True
            self._plan_restart(code, is_stopping)
        if time.monotonic() >= self._start_at and not (self._leaving and self._leaving.is_alive()):
            self.assignment = replace(self.assignment, restarted=True)
            self.start()
        return False

    def ask_to_stop(self) -> None:
        """Ask the process to finish what it has collected."""
        if self.process is not None:
            self.process.terminate()

    def stopped(self, give_up: float) -> int:
        """Wait for the end, and kill the process after `give_up` [s, monotonic]; gives its exit code."""
        if self.process is None:
            return 0
        try:
            code = self.process.wait(max(0.0, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("%s does not end and is killed; the broker keeps what it has not stored", self.name)  # noqa: TRY400
            self.process.kill()
            code = self.process.wait()
        self._close()
        if code == -signal.SIGTERM:
            return 0  # it had not begun
        return code if code >= 0 else 128 - code

    def _plan_restart(self, code: int, is_stopping: Callable[[], bool]) -> None:
        was_quick = time.monotonic() - self._started_at < _STEADY_AFTER_S
        self._quick_deaths = self._quick_deaths + 1 if was_quick else 0
        pause = pause_s(self._quick_deaths)
        self._start_at = time.monotonic() + pause
        log.error("%s %s; starting again in %.1f s", self.name, _describe_end(code), pause)
        if pause >= _LEAVES_SHARE_FROM_S and self._may_leave_share:
            self._leaving = threading.Thread(target=self._leave, args=(is_stopping,), name="leave")
            self._leaving.start()

    def _leave(self, is_stopping: Callable[[], bool]) -> None:
        try:
            if settle(self.assignment.leaving(), is_stopping):
                log.warning("%s keeps dying and has left its share: the others get it, its session keeps the rest", self.name)
        except psycopg.OperationalError as error:
            log.warning("%s keeps its share: %s", self.name, str(error).strip().replace("\n", " "))

    def _close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


def pause_s(quick_deaths: int) -> float:
    """Say how long to wait [s] before a worker is started again that died soon after its start so many times in a row."""
    if quick_deaths < 2:
        return 0.0
    longest: float = min(0.5 * 2.0 ** min(quick_deaths - 2, 10), _LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy


def _describe_end(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
