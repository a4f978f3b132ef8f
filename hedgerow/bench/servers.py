"""The servers of a benchmark: database, broker, ingest and API, with their files in a folder that is thrown away."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx

from api.people import add_api_key, add_person, ensure_admin
from hedgerow.addresses import free_port
from hedgerow.bench.brokers import TIED, running_broker
from hedgerow.bench.database import BenchError, Database, prepared_database
from hedgerow.bench.usage import cpu_s, memory_mib
from hedgerow.parts import Part
from hedgerow.postgres import PostgresError, prepare_postgres
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import psycopg

    from hedgerow.bench.brokers import Broker

_READY_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.05


@dataclass(slots=True)
class Servers:
    """Running servers; ingest and API are started when they are asked for."""

    folder: Path
    database: Database
    broker: Broker
    ingest: Part
    api: Part

    def start_ingest(self, commit_ms: float = 0.0, **settings: object) -> None:
        """Start ingest anew, with more settings by name, and wait until it listens to the broker.

        Raises
        ------
        BenchError
            When it does not within half a minute.
        """
        self.ingest.stop(20)
        self.ingest.environment = self._environment(commit_ms, settings)
        with self.database.connect() as connection:
            (since,) = connection.execute(query("read_bench_clock")).fetchone() or (None,)
            self.ingest.start()
            wanted = int(os.environ.get("HEDGEROW_WORKERS", "1"))
            _wait_for(self.ingest, lambda: _connected_workers(connection, since) >= wanted)

    def start_ingest_at_once(self, commit_ms: float = 0.0, **settings: object) -> None:
        """Start ingest without waiting for anything."""
        self.ingest.environment = self._environment(commit_ms, settings)
        self.ingest.start()

    def start_api(self) -> httpx.Client:
        """Start the API and give a client that may read everything.

        Raises
        ------
        BenchError
            When it does not serve within half a minute.
        """
        port = free_port()
        self.api.environment = {"HEDGEROW_DATABASE_URL": self.database.url, "HEDGEROW_HTTP": f"127.0.0.1:{port}"}
        self.api.start()
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {self._api_key()}"})
        _wait_for(self.api, lambda: _is_ready(client))
        return client

    def cpu_s(self) -> dict[str, float | None]:
        """CPU time of each server so far [s]; None where it runs on another machine."""
        used = {
            "PostgreSQL": cpu_s(self.database.postmaster),
            "broker": cpu_s(self.broker.part.pid),
            "ingest": cpu_s(self.ingest.pid),
        }
        return used if self.api.pid is None else {**used, "API": cpu_s(self.api.pid)}

    def ingest_peak_mib(self) -> float:
        """Most memory that ingest has had since it was started [MiB]."""
        return memory_mib(self.ingest.pid, "VmHWM")

    def _environment(self, commit_ms: float, settings: dict[str, object]) -> dict[str, str]:
        environment = {
            "HEDGEROW_DATABASE_URL": self.database.connection_string(commit_ms),
            "HEDGEROW_MQTT_URL": f"mqtt://127.0.0.1:{self.broker.ingest_port}",
            "HEDGEROW_MQTT_USER": self.broker.user,
            "HEDGEROW_MQTT_PASSWORD": self.broker.password,
        }
        if self.broker.is_embedded:  # as `hedgerow up` has it
            environment |= {"HEDGEROW_MQTT_KEEPS_PACKET_IDS": "false", "HEDGEROW_RECEIVE_MAXIMUM": "100"}
        return environment | {f"HEDGEROW_{name.upper()}": str(value) for name, value in settings.items()}

    def _api_key(self) -> str:
        with self.database.connect() as connection:
            admin = ensure_admin(connection)
            if admin is not None:
                return admin.api_key
            # A kept store has its administrator from the first time.
            return add_api_key(connection, add_person(connection, f"bench {secrets.token_hex(8)}", "viewer"), "bench")


@contextmanager
def running_servers(database_url: str = "", *, needs_mosquitto: bool = False, keep: Path | None = None) -> Iterator[Servers]:
    """Start a broker, and PostgreSQL unless the URL of an empty database is given; all ends with the block.

    Parameters
    ----------
    keep
        Folder in which PostgreSQL keeps what it holds, for another time; None: it is thrown away.

    Raises
    ------
    BenchError
        When one of them does not start or may not be used.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hedgerow-bench-")))
        folder.chmod(0o711)  # PostgreSQL may run as another user
        url = database_url or stack.enter_context(_postgres(folder, keep))
        broker = stack.enter_context(running_broker(folder, needs_mosquitto=needs_mosquitto))
        database = stack.enter_context(prepared_database(url, is_ours=not database_url, may_hold=bool(keep)))
        ingest, api = (Part(name, _program(name), folder / f"{name}.log") for name in ("ingest", "api"))
        stack.callback(ingest.stop, 20)
        stack.callback(api.stop, 10)
        yield Servers(folder, database, broker, ingest, api)


@contextmanager
def _postgres(folder: Path, keep: Path | None) -> Iterator[str]:
    try:
        password = _kept_password(keep) if keep else secrets.token_urlsafe(16)
        postgres = prepare_postgres(keep or folder, port=free_port(), password=password)
        part = Part("postgres", postgres.command(), folder / "postgres.log", stop_signal=signal.SIGINT)
        part.start()
        try:
            postgres.wait_until_ready()
            yield postgres.url
        finally:
            part.stop(120 if keep else 30)
            if not keep:
                shutil.rmtree(postgres.cluster, ignore_errors=True)  # it may lie elsewhere than in the folder
    except PostgresError as error:
        raise BenchError(str(error)) from error


def _kept_password(keep: Path) -> str:
    """Make the folder that is to be kept, or find it; gives its database's password."""
    keep.mkdir(parents=True, exist_ok=True)
    keep.chmod(0o711)  # PostgreSQL may run as another user
    file = keep / "password"
    if not file.exists():
        file.touch(0o600)
        file.write_text(secrets.token_urlsafe(16), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _program(name: str) -> list[str]:
    return [*TIED, sys.executable, "-m", "hedgerow", name]


def _wait_for(part: Part, holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _READY_WITHIN_S
    while not holds():
        if part.pid is None or time.monotonic() > give_up:
            said = part.log_file.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise BenchError(f"{part.name} does not start:\n{said}")
        time.sleep(_LOOK_EVERY_S)


def _connected_workers(connection: psycopg.Connection, since: datetime | None) -> int:
    row = connection.execute(query("count_connected_workers"), {"since": since}).fetchone()
    return int(row[0]) if row else 0


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False
