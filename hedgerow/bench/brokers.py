"""The broker of a benchmark: Mosquitto, or the embedded one where Mosquitto is missing."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.addresses import free_port
from hedgerow.bench.database import BenchError
from hedgerow.broker import broker_config
from hedgerow.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIED = ("setpriv", "--pdeathsig", "TERM", "--")
"""Ends a program when we are killed: none is left behind."""

_READY_WITHIN_S = 10.0

# Queues are kept in memory, and nothing that waits is ever dropped.
_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how to reach it."""

    name: str
    """With its version."""
    part: Part
    port: int
    """Where messages are sent to."""
    ingest_port: int
    """Where ingest listens: the embedded broker has a port of its own for MQTT 5."""
    user: str = ""
    password: str = ""

    @property
    def is_embedded(self) -> bool:
        """Whether it is the one that `hedgerow up` brings along."""
        return self.port != self.ingest_port


@contextmanager
def running_broker(folder: Path, *, needs_mosquitto: bool) -> Iterator[Broker]:
    """Start a broker, which ends with the block.

    Raises
    ------
    BenchError
        When only Mosquitto will do and it is missing.
    """
    mosquitto = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if mosquitto is None and needs_mosquitto:
        raise BenchError("this needs Mosquitto, which keeps a backlog of any size: apt-get install mosquitto")
    broker = _embedded_broker(folder) if mosquitto is None else _mosquitto(folder, mosquitto)
    broker.part.start()
    try:
        _wait_until_it_answers(broker)
        yield broker
    finally:
        broker.part.stop(20)


def _wait_until_it_answers(broker: Broker) -> None:
    give_up = time.monotonic() + _READY_WITHIN_S
    for port in (broker.port, broker.ingest_port):
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if broker.part.pid is None or time.monotonic() > give_up:
                said = broker.part.log_file.read_text(encoding="utf-8", errors="replace")[-2_000:]
                raise BenchError(f"the broker does not start:\n{said}")
            time.sleep(0.02)


def _mosquitto(folder: Path, program: str) -> Broker:
    port, config = free_port(), folder / "mosquitto.conf"
    config.write_text(_MOSQUITTO.format(port=port), encoding="ascii")
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout.split()
    name = f"Mosquitto {said[2]}" if said[1:2] == ["version"] else "Mosquitto"
    return Broker(name, Part("broker", [*TIED, program, "-c", str(config)], folder / "broker.log"), port, port)


def _embedded_broker(folder: Path) -> Broker:
    config, user, password = folder / "broker.toml", "bench", secrets.token_urlsafe(16)
    port, v4_port, v5_port = free_port(), free_port(), free_port()
    config.write_text(broker_config(v4_port, v5_port, {user: password}), encoding="utf-8")
    arguments = [str(config), "127.0.0.1", str(port), str(v4_port), str(v5_port)]
    part = Part("broker", [*TIED, sys.executable, "-m", "hedgerow.broker", *arguments], folder / "broker.log")
    return Broker("embedded broker (rumqttd)", part, port, v5_port, user, password)
