"""A folder in which prepare.sh has run, for the tests of deploy/."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def prepared_folder(folder: Path) -> Path:
    """Copy what prepare.sh needs, run it, and give the folder."""
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    for name in (".env.example", "docker-compose.yml"):
        shutil.copy(ROOT / name, folder)
    prepare(folder)
    return folder


def prepare(folder: Path) -> str:
    """Run prepare.sh with two names of a broker, and give what it said."""
    command = [str(folder / "deploy/prepare.sh"), "broker.example.org", "192.0.2.10"]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}).stdout


def environment(folder: Path) -> dict[str, str]:
    """Give the variables of .env."""
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
