"""The machine a benchmark ran on, in words: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from hedgerow.bench.servers import Servers

_SECRET = ("URL", "PASSWORD", "KEY", "FILE")


def describe(servers: Servers | None = None) -> dict[str, str]:
    """Say what ran where, and which settings differ from the defaults."""
    told = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{_cores()} cores ({_processor()}), {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}",
        "hedgerow": f"{version('hedgerow')}, Python {platform.python_version()}",
    }
    if servers is not None:
        told["database"] = servers.database.server
        told["broker"] = f"{servers.broker.name}, queues in memory"
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if _is_setting(name)]
    if settings:
        told["settings"] = " ".join(settings)
    return told


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _is_setting(name: str) -> bool:
    return name.startswith("HEDGEROW_") and not name.startswith("HEDGEROW_TEST_") and not name.endswith(_SECRET)
