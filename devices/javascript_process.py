"""The process that runs JavaScript, seen from its parent: started, asked, and ended whatever state it is in."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from devices.javascript_wire import MOST_ANSWER_BYTES, Answer, Request, receive, send

ANSWER_S = 2.0
"""How long an answer may take by the clock on the wall; the worker allows itself a tenth of that in processor time."""
START_COST_S = 0.15
"""What it takes to notice that the process has ended, and to start another."""
KILLED_S = 0.02
"""What is charged when somebody else ended it: it may have been for its use of memory."""

_START_S = 10.0
_END_S = 0.5
_FOLDER = Path(__file__).parent.parent
_COMMAND = (sys.executable, "-E", "-s", "-m", "devices.javascript_worker")
_ENVIRONMENT = {"TZ": "UTC"}  # nothing of ours; scripts print times in UTC

_answers = msgspec.msgpack.Decoder(Answer)


class LostError(Exception):
    """The process is gone; the text says how.

    Parameters
    ----------
    what
        The text.
    waste_s
        What that has cost [s].
    is_from_outside
        Whether somebody else ended it.
    """

    def __init__(self, what: str, waste_s: float, *, is_from_outside: bool = False) -> None:
        super().__init__(what)
        self.waste_s = waste_s
        self.is_from_outside = is_from_outside


class Process:
    """A process, from its start to its end. Not thread-safe.

    Raises
    ------
    LostError
        When it does not come up.
    """

    def __init__(self) -> None:
        self._peer, theirs = socket.socketpair()
        with theirs:
            self._popen = subprocess.Popen(
                _COMMAND,
                cwd=_FOLDER,
                env=_ENVIRONMENT,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # or Ctrl-C would end it while what has arrived is still being decoded
            )
        self.ask(Request("", "", []), _START_S)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._popen.pid

    def ask(self, request: Request, within_s: float = ANSWER_S) -> Answer:
        """Give the answer to a request.

        Raises
        ------
        LostError
            When there is none; the process has ended then.
        """
        deadline = time.monotonic() + within_s
        try:
            self._peer.settimeout(within_s)
            send(self._peer, request)
            answer = _answers.decode(receive(self._peer, MOST_ANSWER_BYTES, deadline))
            _check(answer, request)
        except TimeoutError as error:
            self.end(patience_s=0)
            raise LostError(f"gave no answer within {within_s:.0f} s", within_s) from error
        except (EOFError, OSError) as error:
            raise _lost(self.end()) from error
        except ValueError as error:
            self.end(patience_s=0)
            raise LostError(f"gave an answer that cannot be used: {error}", START_COST_S) from error
        return answer

    def end(self, patience_s: float = _END_S) -> int:
        """Let it end, or make it; gives its exit status, that of `subprocess`."""
        self._peer.close()
        try:
            return self._popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()


def _check(answer: Answer, request: Request) -> None:
    """Believe nothing of a process that runs foreign programs: without progress its parent would ask for ever."""
    if len(answer.outcomes) > len(request.frames) or not (answer.outcomes or answer.broken or not request.frames):
        raise ValueError(f"{len(answer.outcomes)} outcomes for {len(request.frames)} frames")


def _lost(status: int) -> LostError:
    if status == -signal.SIGPROF:
        return LostError("took more processor time than the engine can be stopped in", START_COST_S)
    if status == -signal.SIGKILL:
        return LostError("was interrupted: somebody ended the process that runs it", KILLED_S, is_from_outside=True)
    what = signal.Signals(-status).name if status < 0 else f"status {status}"
    return LostError(f"ended the process that runs it ({what})", START_COST_S)
