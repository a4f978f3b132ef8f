"""Sandbox: has scripts run in a process of their own, and sees that what one of them does costs nobody else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from devices.javascript_accounts import SUSPENDED_S, Accounts
from devices.javascript_process import LostError, Process
from devices.javascript_wire import Frame, Outcome, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_FRAMES = 250
"""Frames of one request: with 27 already the way there and back is cheap."""
MOST_PAYLOAD_BYTES = 2**18
"""Of all frames of one request, unless the first alone is larger."""
MOST_STARTS = 3
MOST_LOSSES = 5
"""How often one frame is tried when somebody else ends the process each time: it may have been for its use of memory."""


class BrokenScriptError(Exception):
    """The script cannot be used; the text says why."""


class StartError(LostError):
    """The process does not start."""


class SuspendedError(Exception):
    """The script has to wait."""

    def __init__(self) -> None:
        super().__init__(f"takes too much time, so it is suspended for {SUSPENDED_S:.0f} s; replay later")


class Sandbox:
    """Starts the process when it is first needed and again after it has ended. Not thread-safe.

    Parameters
    ----------
    accounts
        Of the scripts that are run here.
    """

    def __init__(self, accounts: Accounts | None = None) -> None:
        self._accounts = accounts or Accounts()
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Id of the process; None while there is none."""
        return self._process.pid if self._process else None

    def run(self, codec: str, script: str, frames: Sequence[Frame]) -> Iterator[Outcome]:
        """Decode frames by a script, in their order; one that ends the process costs only itself.

        Raises
        ------
        BrokenScriptError, SuspendedError, LostError
            For all frames that have no outcome yet.
        """
        done, suspects_until, losses = 0, 0, 0
        while done < len(frames):
            if self._accounts.is_suspended(codec):
                raise SuspendedError
            is_suspect = done < suspects_until
            part = frames[done : done + 1] if is_suspect else _part(frames, done)
            try:
                outcomes = self.ask(Request(codec, script, list(part)))
            except StartError:
                raise
            except LostError as error:
                losses += 1
                # Among several the culprit is not known, and one alone may have been unlucky.
                if not is_suspect or (error.is_from_outside and losses < MOST_LOSSES):
                    suspects_until = max(suspects_until, done + len(part))
                    continue
                outcomes = [Outcome("", f"the script {error}")]
            losses = 0
            done += len(outcomes)
            started = time.thread_time()
            yield from outcomes
            self._accounts.charge(codec, time.thread_time() - started, len(outcomes))  # what is made of long outputs counts too

    def ask(self, request: Request) -> list[Outcome]:
        """Give the outcomes of a request, of its first frames only where it took long.

        Raises
        ------
        BrokenScriptError
            When the script cannot be used.
        LostError
            When the process ended over it.
        """
        try:
            answer = self._start().ask(request)
        except LostError as error:
            self._process = None
            self._accounts.charge(request.codec, error.waste_s)
            raise
        self._accounts.charge(request.codec, answer.cpu_s, max(1, len(answer.outcomes)))
        if answer.broken:
            raise BrokenScriptError(answer.broken)
        return answer.outcomes

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _start(self) -> Process:
        failures = 0
        while self._process is None:
            try:
                self._process = Process()
            except LostError as error:
                failures += 1
                if failures == MOST_STARTS:
                    raise StartError(f"cannot run: the process for it does not start: {error}", error.waste_s) from error
        return self._process


def _part(frames: Sequence[Frame], start: int) -> Sequence[Frame]:
    """Give the next frames that fit into a request, at least one."""
    size = 0
    for end in range(start, min(start + MOST_FRAMES, len(frames))):
        size += len(frames[end].payload)
        if size > MOST_PAYLOAD_BYTES:
            return frames[start : max(end, start + 1)]
    return frames[start : start + MOST_FRAMES]
