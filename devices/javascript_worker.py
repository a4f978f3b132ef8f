"""The process that runs JavaScript: decodes frames by scripts nobody here has vetted, within limits, and ends with its parent.

Takes requests on its standard input, a socket, and answers there. `devices/javascript_sandbox.py` starts and watches it. The
engine gives scripts no way to files, network or processes; the limits below are for what a script does with its own means,
and for the case that the engine has a hole.
"""

from __future__ import annotations

import resource
import signal
import socket
import time
from pathlib import Path

import msgspec
import quickjs

from devices.javascript_wire import MOST_REQUEST_BYTES, Answer, Frame, Outcome, Request, receive, send

FRAME_CPU_S = 0.05
"""Processor time of one frame, by the engine's own watch; a real script takes about 10 µs."""
HARD_CPU_S = 0.1
"""Processor time after which the kernel ends the process, for where the engine does not look at its watch."""
REQUEST_CPU_S = 0.15
"""A request that took this long is answered with what is done."""
REQUEST_LIMIT_S = 2
"""Processor time in whole seconds after which the kernel ends the process, beyond what it used before."""
CONTEXT_BYTES = 32 * 2**20
"""Memory of one script while it runs."""
KEPT_BYTES = 4 * 2**20
"""A context that holds more after a request is made anew."""
MOST_CONTEXTS = 32
MORE_BYTES = CONTEXT_BYTES + MOST_CONTEXTS * KEPT_BYTES
"""Address space beyond what the process has when it starts."""
MOST_OUTPUT_CHARACTERS = 65_536
"""Of the JSON text that one frame may become."""
MOST_OUTPUTS_CHARACTERS = 2**20
"""Of all frames of one answer: the next ones come in another."""

_MOST_ERROR_CHARACTERS = 300
_OWN_SIZE = Path("/proc/self/statm")
_PRELUDE = Path(__file__).with_name("javascript_prelude.js")
_SHAPES = ("decodeUplink", "Decoder", "Decode")
_INTERRUPTED = "InternalError: interrupted"
_ENGINE_ERRORS = (quickjs.JSException, quickjs.StackOverflow, MemoryError, TypeError, ValueError)


class ScriptError(Exception):
    """A script that cannot be used, and why."""


class Context:
    """A script, loaded into an engine of its own.

    Raises
    ------
    ScriptError
        When it fails while it is loaded, or has no function to call.
    """

    def __init__(self, prelude: str, script: str) -> None:
        self.is_spoilt = False
        """Whether a frame ran into a limit: the next one needs another context."""
        self.has_thrown = False
        """Whether a frame failed: the next request needs another context."""
        self._engine = quickjs.Context()
        self._engine.set_memory_limit(CONTEXT_BYTES)
        self._engine.set_time_limit(FRAME_CPU_S)
        bind = self._engine.eval(prelude)
        try:
            self._engine.eval(script)
            functions = [self._engine.eval(f"typeof {name} === 'function' ? {name} : null") for name in _SHAPES]
            self._run = bind(*functions, MOST_OUTPUT_CHARACTERS)
        except _ENGINE_ERRORS as error:
            raise ScriptError(_told(error)) from error
        if functions == [None, None, None]:
            raise ScriptError("there is no function decodeUplink(input), nor Decoder(bytes, port), nor Decode(fPort, bytes)")

    def decode(self, frame: Frame) -> Outcome:
        """Decode a frame."""
        try:
            told: str = self._run(str(list(frame.payload)), frame.port, frame.time_ms)
            if told.startswith("["):
                return Outcome(told[1:-1], "")
            thrown = msgspec.json.decode(told, type=str)
        except _ENGINE_ERRORS as error:
            self.is_spoilt = True
            return Outcome("", _told(error))
        self.has_thrown, self.is_spoilt = True, thrown.startswith("#")
        return Outcome("", _shortened(thrown[1:]))

    def is_large(self) -> bool:
        """Tell whether it holds more memory than it may keep."""
        return bool(self._engine.memory()["malloc_size"] > KEPT_BYTES)


def _told(error: Exception) -> str:
    told = _shortened(str(error))
    return f"the script took more than {FRAME_CPU_S * 1000:.0f} ms of processor time" if told.startswith(_INTERRUPTED) else told


def _shortened(error: str) -> str:
    """Keep what a person needs of an engine's error: what, and the first place."""
    what, *places = error.strip().split("\n")
    return f"{what} {places[0].strip() if places else ''}".strip()[:_MOST_ERROR_CHARACTERS] or "an error without a text"


class Worker:
    """Answers requests; keeps the contexts of the scripts used last."""

    def __init__(self, prelude: str) -> None:
        self._prelude = prelude
        self._contexts: dict[str, Context] = {}

    def answer(self, request: Request) -> Answer:
        """Decode the frames of a request, each within its own limits."""
        started = time.process_time()
        outcomes: list[Outcome] = []
        broken = ""
        try:
            _limit_request()
            self._decode(request, outcomes, started + REQUEST_CPU_S)
        except ScriptError as error:
            broken = str(error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return Answer([] if broken else outcomes, time.process_time() - started, broken)

    def _decode(self, request: Request, outcomes: list[Outcome], until: float) -> None:
        context = self._context(request)
        left = MOST_OUTPUTS_CHARACTERS
        for frame in request.frames:
            _start_watch()
            outcome = context.decode(frame)
            outcomes.append(outcome)
            if context.is_spoilt:
                del self._contexts[request.codec]
                context = self._context(request)
            left -= len(outcome.output)
            if left < 0 or time.process_time() > until:
                break
        if context.has_thrown or context.is_large():
            del self._contexts[request.codec]

    def _context(self, request: Request) -> Context:
        """Give the context of a script, which is then the last to be let go of."""
        context = self._contexts.pop(request.codec, None)
        if context is None:
            _start_watch()
            context = Context(self._prelude, request.script)
        self._contexts[request.codec] = context
        if len(self._contexts) > MOST_CONTEXTS:
            del self._contexts[next(iter(self._contexts))]
        return context


def _start_watch() -> None:
    """Have the kernel end this process unless it comes back here soon."""
    signal.setitimer(signal.ITIMER_PROF, HARD_CPU_S)


def _limit_request() -> None:
    """Have the kernel end this process when a request takes seconds, whatever it does meanwhile."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + REQUEST_LIMIT_S, most))


def confine() -> None:
    """Give up, for good, what running scripts does not need: files, sockets, other processes, more memory."""
    if _OWN_SIZE.exists():  # on Linux; other systems do not keep to this limit anyhow
        pages = int(_OWN_SIZE.read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MORE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))


def main() -> None:
    """Answer requests until the parent closes its end."""
    peer = socket.socket(fileno=0)
    worker = Worker(_PRELUDE.read_text(encoding="utf-8"))
    decoder = msgspec.msgpack.Decoder(Request)
    confine()
    try:
        while True:
            send(peer, worker.answer(decoder.decode(receive(peer, MOST_REQUEST_BYTES))))
    except (EOFError, ConnectionError):
        pass  # the parent has gone


if __name__ == "__main__":
    main()
