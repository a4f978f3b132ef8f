"""What every test may use; the fixtures themselves live in tests/servers/ (docs/testing.md lists them)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

pytest_plugins = [
    "tests.servers.needs",
    "tests.servers.databases",
    "tests.servers.mosquitto",
    "tests.servers.dynsec",
    "tests.servers.path",
]


def pytest_configure() -> None:
    """Let a terminated run end as Ctrl-C ends it: fixtures stop their servers, no process stays behind."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def test_artefacts(pytestconfig: pytest.Config) -> Path:
    """Give the folder for what a test leaves to be looked at: screenshots, logs, figures."""
    folder = pytestconfig.rootpath / "test-artefacts"
    folder.mkdir(exist_ok=True)
    return folder
