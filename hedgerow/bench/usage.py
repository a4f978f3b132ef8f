"""What programs use: CPU time and memory of a process with all its descendants, from the figures of the kernel."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SAMPLE_EVERY_S = 0.1
_KIB_PER_MIB = 1024


def cpu_s(pid: int | None) -> float | None:
    """CPU time of a process and its descendants, those that have ended included [s]; None where there is no such process."""
    if pid is None:
        return None
    try:
        root = psutil.Process(pid)
        ended = root.cpu_times()
        alive = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return None
    return ended.children_user + ended.children_system + sum(used.user + used.system for used in alive)


def memory_mib(pid: int | None, name: str = "VmRSS") -> float:
    """Memory of a process and its descendants [MiB]: what is resident, or with VmHWM the most that each ever had."""
    if pid is None:
        return 0.0
    try:
        root = psutil.Process(pid)
        return sum(_line(process.pid, name) for process in (root, *root.children(recursive=True))) / _KIB_PER_MIB
    except psutil.NoSuchProcess:
        return 0.0


def _line(pid: int, name: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:")), 0)


class Sample(NamedTuple):
    """Memory at one time."""

    second: float
    """Since the watch began [s]."""
    mib: float


@contextmanager
def memory_watched(pid: Callable[[], int | None]) -> Iterator[list[Sample]]:
    """Sample the resident memory of a process all along; the list grows while the block runs."""
    samples: list[Sample] = []
    over = threading.Event()
    began = time.monotonic()

    def watch() -> None:
        while not over.wait(_SAMPLE_EVERY_S):
            samples.append(Sample(round(time.monotonic() - began, 1), round(memory_mib(pid()), 1)))

    watcher = threading.Thread(target=watch, name="memory")
    watcher.start()
    try:
        yield samples
    finally:
        over.set()
        watcher.join()
