"""Parts: the processes `hedgerow up` is made of; one that dies is started again, said and counted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_STEADY_AFTER_S = 30.0
"""A part that ran this long [s] is started again at once when it dies."""


@dataclass(slots=True)
class Part:
    """One process: how it is started, and what has become of it."""

    name: str
    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    _started_at: float = 0.0
    _start_again_at: float | None = None
    _quick_deaths: int = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def state(self) -> str:
        """Say in a word how it is."""
        if self.pid is not None:
            return "running"
        return "stopped" if self.process is None else "starting again"

    def start(self) -> None:
        """Start the process, its output going to its log file."""
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,  # Ctrl-C reaches us alone: we end the parts in order
            )
        self._started_at = time.monotonic()
        self._start_again_at = None

    def watch(self, say: Callable[[str], None]) -> bool:
        """Start it again if it has died, after a pause that grows while it keeps dying; tell whether it was started."""
        if self.process is None or self.process.poll() is None:
            return False
        now = time.monotonic()
        if self._start_again_at is None:
            steady = now - self._started_at > _STEADY_AFTER_S
            self._quick_deaths = 0 if steady else self._quick_deaths + 1
            pause_s = _PAUSES_S[min(self._quick_deaths, len(_PAUSES_S) - 1)]
            self._start_again_at = now + pause_s
            say(f"{self.name} {_describe_end(self.process.returncode)}; starting again in {pause_s:g} s (log: {self.log_file})")
        if now < self._start_again_at:
            return False
        self.restarts += 1
        self.start()
        say(f"{self.name} started again (restart {self.restarts})")
        return True

    def stop(self, timeout_s: float) -> bool:
        """Ask it to end, and after `timeout_s` [s] kill it; tell whether it ended by itself."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return True
        process.send_signal(self.stop_signal)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        return True


def _describe_end(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
