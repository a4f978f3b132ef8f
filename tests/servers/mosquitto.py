"""Mosquitto brokers of the tests, with limits fit for the promise: nothing queued is dropped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from hedgerow.addresses import free_port
from tests.servers.places import mosquitto_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    MakeMosquitto = Callable[..., "Mosquitto"]

_READY_WITHIN_S = 10.0


class Mosquitto:
    """One broker on a free loopback port it keeps, with its files in a private folder.

    Parameters
    ----------
    persistence
        Write every change to disk within a second, so that the queues outlive a kill.
    users
        Passwords by user name; without any, everybody on this machine may come in.
    settings
        More lines for the configuration file.
    """

    host = "127.0.0.1"

    def __init__(self, *, persistence: bool = False, users: Mapping[str, str] | None = None, settings: str = "") -> None:
        self.port = free_port()
        self._folder = Path(mkdtemp(prefix="hedgerow-mosquitto-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._configure(persistence=persistence, users=users or {}, settings=settings)

    @property
    def url(self) -> str:
        """Address of the broker: `mqtt://host:port`."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the broker has logged so far."""
        return (self._folder / "broker.log").read_text(encoding="utf-8", errors="replace")

    @property
    def saved_at(self) -> float:
        """When the broker last wrote its queues down [s since 1970]; 0 for never."""
        file = self._folder / "mosquitto.db"
        return file.stat().st_mtime if file.exists() else 0.0

    def start(self) -> None:
        """Start the broker and wait until it takes connections."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("mosquitto"), "-c", str(self._folder / "mosquitto.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                raise RuntimeError(f"Mosquitto did not start:\n{self.log[-3000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the broker in order; with persistence it writes everything down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the broker with signal 9."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the broker in order and start it again on the same port."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop the broker if it runs, and delete its files."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder)

    def _configure(self, *, persistence: bool, users: Mapping[str, str], settings: str) -> None:
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'false' if users else 'true'}",
            "max_queued_messages 0",
            "max_inflight_messages 0",
            "set_tcp_nodelay true",
            "log_dest stderr",
            f"persistence {'true' if persistence else 'false'}",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else the broker becomes a user who cannot read its own folder
        if persistence:
            lines += [f"persistence_location {self._folder}/", "autosave_on_changes true", "autosave_interval 1"]
        if users:
            lines.append(f"password_file {self._write_passwords(users)}")
        (self._folder / "mosquitto.conf").write_text("\n".join([*lines, settings, ""]), encoding="utf-8")

    def _write_passwords(self, users: Mapping[str, str]) -> Path:
        path = self._folder / "passwords"
        path.write_text("".join(f"{name}:{password}\n" for name, password in users.items()), encoding="utf-8")
        path.chmod(0o600)
        subprocess.run([_program("mosquitto_passwd"), "-U", str(path)], check=True, capture_output=True)
        return path

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
            return True
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _program(name: str) -> str:
    found = mosquitto_program(name)
    if found is None:
        raise RuntimeError(f"{name} is not on the PATH")
    return found


@pytest.fixture
def make_mosquitto() -> Iterator[MakeMosquitto]:
    """Make a started broker: `make_mosquitto(persistence=True, users={"name": "password"})`."""
    with ExitStack() as stack:

        def make(*, persistence: bool = False, users: Mapping[str, str] | None = None, settings: str = "") -> Mosquitto:
            broker = Mosquitto(persistence=persistence, users=users, settings=settings)
            stack.callback(broker.remove)
            broker.start()
            return broker

        yield make


@pytest.fixture
def mosquitto(make_mosquitto: MakeMosquitto) -> Mosquitto:
    """Give a fresh broker, for one test."""
    return make_mosquitto()


@pytest.fixture(scope="module")
def module_mosquitto() -> Iterator[Mosquitto]:
    """Give one broker for all tests of a module; they keep their topics apart."""
    broker = Mosquitto()
    broker.start()
    yield broker
    broker.remove()
