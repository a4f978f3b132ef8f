"""`hedgerow up` to test: started in a folder of its own, watched, killed in parts, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_START_S = 60.0


@dataclass
class Up:
    """A running `hedgerow up`."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def runtime(self) -> dict[str, object]:
        """Addresses and process ids, as they are now."""
        content: dict[str, object] = json.loads((self.data_dir / "runtime.json").read_text(encoding="utf-8"))
        return content

    @property
    def http_url(self) -> str:
        """Where API and console are."""
        return str(self.runtime["http_url"])

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by part."""
        pids = self.runtime["pids"]
        assert isinstance(pids, dict)
        return pids

    def kill(self, part: str) -> None:
        """Kill a part as a crash does, and wait until it is started again."""
        before = self.pids[part]
        os.kill(before, signal.SIGKILL)
        give_up = time.monotonic() + 30
        while self.pids.get(part, before) == before:
            assert time.monotonic() < give_up, f"{part} was not started again:\n{self.output.read_text()}"
            time.sleep(0.05)

    def wait_until_serving(self) -> None:
        """Wait until everything answers."""
        give_up = time.monotonic() + _START_S
        while time.monotonic() < give_up:
            assert self.process.poll() is None, self.output.read_text()
            try:
                # Another one's addresses may stand in the folder.
                if self.pids["up"] == self.process.pid and httpx.get(f"{self.http_url}/readyz").status_code == 200:
                    return
            except (OSError, ValueError, httpx.TransportError):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"it does not serve:\n{self.output.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as an operator does; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def start_up(data_dir: Path, *options: str, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()) -> Up:
    """Start `hedgerow up` on free ports and wait until it serves."""
    output = data_dir.with_name(f"{data_dir.name}.out")
    command = [*prefix, sys.executable, "-m", "hedgerow", "up", "--data-dir", str(data_dir), *options]
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env={**os.environ, **(environment or {})}
        )
    up = Up(data_dir, process, output)
    try:
        up.wait_until_serving()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return up


@contextmanager
def running_up(data_dir: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Up]:
    """Run `hedgerow up` for the length of a test."""
    up = start_up(data_dir, *options, environment=environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.stop()


def processes_under(data_dir: Path) -> list[str]:
    """Command lines of all processes that have to do with a data directory."""
    found = []
    for folder in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed
        if not folder.isdigit():
            continue
        try:
            with open(f"/proc/{folder}/cmdline", "rb") as file:  # noqa: PTH123
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data_dir) in command and "pytest" not in command:
            found.append(command)
    return found
