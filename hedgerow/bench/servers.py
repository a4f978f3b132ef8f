"""The servers of a benchmark: PostgreSQL, Mosquitto where it is installed, and ingest, in a folder that is thrown away."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hedgerow.addresses import free_port
from hedgerow.broker import broker_config
from hedgerow.parts import Part
from hedgerow.postgres import prepare_postgres
from sql.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 0
"""


@dataclass(slots=True)
class Servers:
    """Running servers and how to reach them."""

    database_url: str
    broker_name: str
    mqtt_port: int
    login: tuple[str, str]
    """User and password, empty where nobody asks."""
    postgres: Part
    broker: Part
    ingest: Part
    parts: list[Part] = field(default_factory=list)

    def restart_ingest(self) -> None:
        """Give ingest a fresh process, so that its peak memory is that of one run."""
        self.ingest.stop(10)
        self.ingest.start()
        time.sleep(2)  # until it has connected; the figures begin with the first message

    def cpu_s(self) -> dict[str, float]:
        """CPU time of each server with all its processes [s]."""
        return {part.name: _cpu_s(part) for part in (self.postgres, self.broker, self.ingest)}

    def ingest_peak_mib(self) -> float:
        """Most memory that ingest has had [MiB]."""
        status = Path(f"/proc/{self.ingest.pid}/status").read_text(encoding="ascii")
        peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return int(peak_kib) / 1024


def _cpu_s(part: Part) -> float:
    if part.pid is None:
        return 0.0
    process = psutil.Process(part.pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(used.user + used.system for used in times)


@contextmanager
def start_servers(folder: Path) -> Iterator[Servers]:
    """Start the servers in a folder and stop them at the end."""
    folder.chmod(0o711)  # PostgreSQL may run as another user
    postgres = prepare_postgres(folder, port=free_port(), password=secrets.token_urlsafe(16))
    database = Part("postgres", postgres.command(), folder / "postgres.log", stop_signal=signal.SIGINT)
    broker_name, broker, login, port, ingest_port = _broker(folder)
    ingest = Part(
        "ingest",
        [sys.executable, "-m", "hedgerow", "ingest"],
        folder / "ingest.log",
        {
            "HEDGEROW_DATABASE_URL": postgres.url,
            "HEDGEROW_MQTT_URL": f"mqtt://127.0.0.1:{ingest_port}",
            "HEDGEROW_MQTT_USER": login[0],
            "HEDGEROW_MQTT_PASSWORD": login[1],
        },
    )
    try:
        database.start()
        broker.start()
        postgres.wait_until_ready()
        migrate(postgres.url)
        yield Servers(postgres.url, broker_name, port, login, database, broker, ingest)
    finally:
        for part in (ingest, broker, database):
            part.stop(20)


def _broker(folder: Path) -> tuple[str, Part, tuple[str, str], int, int]:
    """Choose Mosquitto, or the embedded broker where Mosquitto is missing."""
    port = free_port()
    mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if mosquitto is not None:
        config = folder / "mosquitto.conf"
        config.write_text(_MOSQUITTO.format(port=port), encoding="ascii")
        return "Mosquitto", Part("broker", [mosquitto, "-c", str(config)], folder / "broker.log"), ("", ""), port, port
    config = folder / "broker.toml"
    login = ("bench", secrets.token_urlsafe(16))
    v4_port, v5_port = free_port(), free_port()
    config.write_text(broker_config(v4_port, v5_port, {login[0]: login[1]}), encoding="utf-8")
    arguments = [str(config), "127.0.0.1", str(port), str(v4_port), str(v5_port)]
    part = Part("broker", [sys.executable, "-m", "hedgerow.broker", *arguments], folder / "broker.log")
    return "embedded broker", part, login, port, v5_port
