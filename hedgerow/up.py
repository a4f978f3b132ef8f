"""`hedgerow up`: the whole on one machine, from an empty folder to serving, and a clean end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from api.people import ensure_admin, write_admin_file
from devices.shipped_profiles import ship_profiles
from devices.vocabulary import fill_vocabulary
from hedgerow.addresses import choose_address, free_port
from hedgerow.broker import broker_config
from hedgerow.data_dir import DataDir, open_data_dir, write_private_json
from hedgerow.parts import Part
from hedgerow.postgres import prepare_postgres
from hedgerow.screen import Meter, Screen
from sql.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.data_dir import Secrets

_LOOK_EVERY_S = 0.1
_REFRESH_EVERY_S = 1.0
_DRAIN_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may choose."""

    data_dir: Path
    http: str | None
    """HOST:PORT of console and API; None: the usual one, or a free one."""
    mqtt: str | None
    """HOST:PORT of the broker; None: the usual one, or a free one."""
    demo: bool


def up(options: Options) -> None:
    """Run everything until SIGINT or SIGTERM.

    Raises
    ------
    hedgerow.data_dir.DataDirError, hedgerow.addresses.AddressError, hedgerow.postgres.PostgresError
        When it cannot start; the text says what to do.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    county = _County(options, open_data_dir(options.data_dir))
    try:
        county.start()
        county.run(stopping)
    finally:
        county.stop()


class _County:
    """All parts of one running Hedgerow, in the order they start."""

    def __init__(self, options: Options, data_dir: DataDir) -> None:
        secrets = data_dir.read_secrets()
        http_host, http_port = choose_address(options.http, "127.0.0.1:8080")
        mqtt_host, mqtt_port = choose_address(options.mqtt, "127.0.0.1:1883")
        v4_port, v5_port = free_port(), free_port()
        self._data_dir = data_dir
        self._postgres = prepare_postgres(data_dir.path, port=free_port(wanted=5432), password=secrets.postgres_password)
        self._http_url = f"http://{_bracketed(http_host)}:{http_port}"
        self._mqtt_url = f"mqtt://{_bracketed(mqtt_host)}:{mqtt_port}"
        self.postgres = self._part("postgres", self._postgres.command(), stop_signal=signal.SIGINT)
        self.broker = self._broker(secrets, (mqtt_host, mqtt_port), (v4_port, v5_port))
        shared = {"HEDGEROW_DATABASE_URL": self._postgres.url}
        self.ingest = self._program(
            "ingest",
            HEDGEROW_MQTT_URL=f"mqtt://127.0.0.1:{v5_port}",
            HEDGEROW_MQTT_USER="ingest",
            HEDGEROW_MQTT_KEEPS_PACKET_IDS="false",  # rumqttd does not
            HEDGEROW_WORKERS="1",  # it answers no UNSUBSCRIBE, without which workers cannot be retired
            HEDGEROW_RECEIVE_MAXIMUM="100",  # nor has it ever more in flight: only so many can be repeats
            HEDGEROW_MQTT_PASSWORD=secrets.ingest_password,
            **shared,
        )
        self.api = self._program("api", HEDGEROW_HTTP=f"{_bracketed(http_host)}:{http_port}", **shared)
        self.simulator = self._program("simulate", "--data-dir", str(data_dir.path), "--forever")
        self.parts = [self.postgres, self.broker, self.ingest, self.api, *([self.simulator] if options.demo else [])]
        self._screen: Screen | None = None

    def start(self) -> None:
        """Start the parts, each as soon as what it stands on is there."""
        self.postgres.start()
        self.broker.start()
        self._postgres.wait_until_ready(meanwhile=lambda: self.postgres.watch(print))
        self._prepare_database()
        admin = self._data_dir.complete_admin_file()
        self._write_runtime()  # the simulator reads it
        for part in self.parts[2:]:
            part.start()
        self._write_runtime()
        self._screen = Screen(Meter(self._postgres.url), self._facts(admin), self.parts)
        self._screen.open()

    def run(self, stopping: threading.Event) -> None:
        """Watch over the parts until told to stop."""
        screen = self._shown()
        next_refresh = 0.0
        while not stopping.wait(_LOOK_EVERY_S):
            started = [part for part in self.parts if part.watch(screen.say)]
            if started:
                self._write_runtime()
            if time.monotonic() >= next_refresh:
                next_refresh = time.monotonic() + _REFRESH_EVERY_S
                screen.refresh()

    def stop(self) -> None:
        """End the parts in order: who sends first, then who stores once the queues are empty, the store last."""
        say = self._screen.say if self._screen is not None else print
        say("stopping")
        self.simulator.stop(10)
        if self._screen is not None and self.broker.pid is not None:
            os.kill(self.broker.pid, signal.SIGUSR1)
            for part in (self.postgres, self.ingest):
                if part.pid is None:  # what waits in the broker is still to be stored
                    part.start()
            self._drain(say)
        for part, timeout_s in ((self.ingest, 10), (self.api, 5), (self.broker, 2), (self.postgres, 30)):
            if not part.stop(timeout_s):
                say(f"{part.name} did not end in {timeout_s} s and was killed")
        self._data_dir.runtime_file.unlink(missing_ok=True)
        say("stopped")
        if self._screen is not None:
            self._screen.close()

    def _drain(self, say: Callable[[str], None]) -> None:
        """Wait until ingest has nothing more to do: the embedded broker keeps its queues in memory only."""
        meter = Meter(self._postgres.url)
        deadline = time.monotonic() + _DRAIN_WITHIN_S
        before, beat, quiet_since = None, None, time.monotonic()
        while time.monotonic() < deadline:
            totals = meter.read()
            beat = beat or (totals and totals.updated_at)
            # Only what ingest has said since it began counts: before, it may have been dead.
            is_silent = totals is None or not totals.connected or totals.updated_at == beat
            if totals is None or is_silent or totals.queue_messages or totals.messages != before:
                before, quiet_since = (None if totals is None else totals.messages), time.monotonic()
            elif time.monotonic() - quiet_since > 1.2:  # longer than the beat in which ingest tells of its queue
                break
            time.sleep(_LOOK_EVERY_S)
        else:
            say("ingest was still busy: messages that wait in the embedded broker end with it")
        meter.close()

    def _prepare_database(self) -> None:
        migrate(self._postgres.url)
        with psycopg.connect(self._postgres.url) as connection:
            fill_vocabulary(connection)
            ship_profiles(connection)
            admin = ensure_admin(connection)
            if admin is not None:
                write_admin_file(self._data_dir.admin_file, admin)

    def _shown(self) -> Screen:
        if self._screen is None:
            raise RuntimeError("start comes first")
        return self._screen

    def _facts(self, admin: dict[str, str]) -> list[tuple[str, str]]:
        login = f"user {admin['user']}, password {admin['password']}" if admin else "as you set it (admin.json is gone)"
        return [
            ("Console", self._http_url),
            ("Login", login),
            ("API", f"{self._http_url}/api/v1 (key in {self._data_dir.admin_file})"),
            ("MQTT", f"{self._mqtt_url} (3.1.1 and 5; user and password in {self._data_dir.admin_file})"),
            ("Data", str(self._data_dir.path)),
        ]

    def _write_runtime(self) -> None:
        pids = {"up": os.getpid(), **{part.name: part.pid for part in self.parts if part.pid is not None}}
        write_private_json(
            self._data_dir.runtime_file,
            {
                "http_url": self._http_url,
                "mqtt_url": self._mqtt_url,
                "database_url": self._postgres.url,
                "pids": pids,
            },
        )

    def _broker(self, secrets: Secrets, address: tuple[str, int], inner_ports: tuple[int, int]) -> Part:
        config = self._data_dir.path / "broker.toml"
        users = {"ingest": secrets.ingest_password, secrets.mqtt_user: secrets.mqtt_password}
        config.touch(mode=0o600)
        config.write_text(broker_config(*inner_ports, users), encoding="utf-8")
        arguments = [str(config), address[0], str(address[1]), *map(str, inner_ports)]
        return self._part("broker", [*_TIED, sys.executable, "-m", "hedgerow.broker", *arguments])

    def _program(self, name: str, *arguments: str, **environment: str) -> Part:
        return self._part(name, [*_TIED, sys.executable, "-m", "hedgerow", name, *arguments], environment=environment)

    def _part(
        self,
        name: str,
        command: list[str],
        *,
        environment: dict[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Part:
        return Part(name, command, self._data_dir.logs / f"{name}.log", environment or {}, stop_signal)


_TIED = ("setpriv", "--pdeathsig", "TERM", "--")
"""Ends a part when we are killed: no process is left behind."""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
