"""The data directory of `hedgerow up`: one owner at a time, secrets only its owner can read, and what is running now."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DataDirError(Exception):
    """The data directory cannot be used."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random passwords made at the first start and kept from then on."""

    postgres_password: str
    ingest_password: str
    mqtt_user: str
    mqtt_password: str


@dataclass(frozen=True, slots=True)
class DataDir:
    """A data directory that this process holds."""

    path: Path
    lock: int
    """File descriptor that keeps others out while it is open."""

    @property
    def logs(self) -> Path:
        """Folder of the parts' log files."""
        return self.path / "logs"

    @property
    def runtime_file(self) -> Path:
        """Addresses and process ids while it runs."""
        return self.path / "runtime.json"

    @property
    def admin_file(self) -> Path:
        """Login of the first administrator."""
        return self.path / "admin.json"

    def read_secrets(self) -> Secrets:
        """Read the secrets, made at the first call."""
        file = self.path / "secrets.json"
        if not file.exists():
            made = Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(24), "sensors", secrets.token_urlsafe(24))
            write_private_json(file, asdict(made))
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))

    def complete_admin_file(self) -> dict[str, str]:
        """Add the broker's login to the administrator's; give all of it, empty where the file is gone."""
        if not self.admin_file.exists():
            return {}
        admin: dict[str, str] = json.loads(self.admin_file.read_text(encoding="utf-8"))
        known = self.read_secrets()
        admin |= {"mqtt_user": known.mqtt_user, "mqtt_password": known.mqtt_password}
        write_private_json(self.admin_file, admin)
        return admin


def open_data_dir(path: Path) -> DataDir:
    """Make the directory where it is missing, and keep everybody else out of it.

    Raises
    ------
    DataDirError
        When another `hedgerow up` uses it, or it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Others may pass through: as root, PostgreSQL runs as another user. Every file with a secret is closed by itself.
        path.chmod(0o711)
        (path / "logs").mkdir(mode=0o700, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataDirError(f"the data directory {path} cannot be used: {error.strerror}; choose another --data-dir") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataDirError(f"another 'hedgerow up' uses {path}; {_where_it_runs(path)}") from error
    return DataDir(path.resolve(), lock)


def _where_it_runs(path: Path) -> str:
    try:
        runtime = json.loads((path / "runtime.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "stop it first, or choose another --data-dir"
    return f"it serves {runtime['http_url']} (process {runtime['pids'].get('up')})"


def write_private_json(file: Path, content: object) -> None:
    """Write JSON at once and whole, for the owner's eyes only."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2)
        stream.write("\n")
    partial.replace(file)
