"""The whole path to test: Mosquitto, ingest and the API as programs of their own over a migrated database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from api.people import ensure_admin
from hedgerow.addresses import free_port
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

    MakePath = Callable[..., AbstractContextManager["WholePath"]]

_START_S = 30.0


@dataclass
class Program:
    """One of Hedgerow's programs, to kill and start again."""

    name: str
    environment: dict[str, str]
    log: Path
    command: Sequence[str] = ()
    """Another command line than `hedgerow NAME`."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command or [sys.executable, "-m", "hedgerow", self.name],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as an operator does; gives its exit code."""
        return self._end(signal.SIGTERM)

    def wait(self, timeout_s: float) -> int:
        """Wait until it ends by itself; gives its exit code, negative for a signal."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._process = None
        return code

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@dataclass
class WholePath:
    """Running servers and how to reach them."""

    database: str
    broker: Mosquitto
    ingest: Program
    api: Program
    http_url: str
    api_key: str
    folder: Path

    @property
    def client(self) -> httpx.Client:
        """Give a client of the API, with the key."""
        return httpx.Client(base_url=f"{self.http_url}/api/v1", headers={"Authorization": f"Bearer {self.api_key}"}, timeout=60)

    def hedgerow(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command that simulates or verifies, told where everything is."""
        where = (
            [] if arguments[0] == "verify" else ["--mqtt", self.broker.url, "--http", self.http_url, "--api-key", self.api_key]
        )
        if arguments[0] == "verify":
            where = ["--database", self.database]
        command = [sys.executable, "-m", "hedgerow", *arguments, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def verify(self, ledger: Path) -> dict[str, int]:
        """Compare a ledger with the database; gives the figures."""
        done = self.hedgerow("verify", str(ledger), check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines, done.stdout + done.stderr
        figures: dict[str, int] = json.loads(lines[-1])
        print(json.dumps(figures))
        return figures

    def totals(self) -> dict[str, int]:
        """Read the counters of the path."""
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(query("read_path_totals"))
            row = cursor.fetchone()
            assert row is not None
            assert cursor.description is not None
            return {column.name: value for column, value in zip(cursor.description, row, strict=True)}

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 - a test's own word
            assert row is not None
            return int(row[0])


@contextmanager
def running_path(database: str, broker: Mosquitto, folder: Path, **settings: str) -> Iterator[WholePath]:
    """Run ingest and API over a migrated database and a running broker; more HEDGEROW_ settings of ingest by name."""
    with psycopg.connect(database) as connection:
        admin = ensure_admin(connection)
    assert admin is not None
    http = f"127.0.0.1:{free_port()}"
    shared = {"HEDGEROW_DATABASE_URL": database}
    more = {f"HEDGEROW_{name.upper()}": value for name, value in settings.items()}
    ingest = Program("ingest", {**shared, "HEDGEROW_MQTT_URL": broker.url, **more}, folder / "ingest.log")
    api = Program("api", {**shared, "HEDGEROW_HTTP": http}, folder / "api.log")
    path = WholePath(database, broker, ingest, api, f"http://{http}", admin.api_key, folder)
    try:
        ingest.start()
        api.start()
        _wait_until_serving(path)
        yield path
    finally:
        for program in (ingest, api):
            program.stop()


def _wait_until_serving(path: WholePath) -> None:
    give_up = time.monotonic() + _START_S
    while time.monotonic() < give_up:
        try:
            if httpx.get(f"{path.http_url}/readyz").status_code == 200 and path.totals()["connected"]:
                return
        except (httpx.TransportError, AssertionError):
            pass
        time.sleep(0.1)
    raise RuntimeError(
        f"the path does not serve:\n{(path.folder / 'ingest.log').read_text()}\n{(path.folder / 'api.log').read_text()}"
    )


@pytest.fixture
def whole_path(database: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[WholePath]:
    """Give the whole path over a clean database; the test runs on both flavours."""
    with running_path(database, mosquitto, tmp_path) as path:
        yield path
