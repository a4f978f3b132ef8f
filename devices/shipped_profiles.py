"""Shipped device profiles: the files in devices/profiles, and how they come into the database and stay the council's own.

A profile that is not there is added. One that is there is brought up to date only while it is, letter for letter, one that
was shipped before (`versions.txt` has the digest of each): whatever a council has changed stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from devices.registry import Profile
from sql.queries import query

if TYPE_CHECKING:
    import psycopg

FOLDER = Path(__file__).parent / "profiles"
_VERSIONS = FOLDER / "versions.txt"


@dataclass(frozen=True, slots=True)
class ShippedProfile:
    """What a file of the folder says; names are those of the columns of device_profile."""

    key: str
    name: str
    vendor: str
    model: str
    codec: str
    battery: str
    expected_interval_s: int
    definition: str = ""
    script: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hex."""
        return hashlib.sha256(json.dumps(asdict(self), ensure_ascii=False).encode()).hexdigest()

    @property
    def profile(self) -> Profile:
        """What decoding needs to know of it."""
        return Profile(self.key, self.codec, self.definition, self.script)


@cache
def load_shipped_profiles() -> tuple[ShippedProfile, ...]:
    """Read every profile of the folder, by key."""
    return tuple(ShippedProfile(**tomllib.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.toml")))


@cache
def shipped_digests() -> frozenset[str]:
    """Read the digest of every profile that was ever shipped."""
    lines = _VERSIONS.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[1] for line in lines if line and not line.startswith("#"))


def ship_profiles(connection: psycopg.Connection) -> None:
    """Add the shipped profiles that are not there, and bring to date those that nobody has changed."""
    shipped = load_shipped_profiles()
    with connection.transaction(), connection.cursor(row_factory=class_row(ShippedProfile)) as cursor:
        keys = {"keys": [profile.key for profile in shipped]}
        present = {row.key: row for row in cursor.execute(query("lock_profiles"), keys).fetchall()}
        for profile in shipped:
            if profile.key not in present:
                cursor.execute(query("add_shipped_profile"), asdict(profile))
            elif profile != present[profile.key] and present[profile.key].digest in shipped_digests():
                cursor.execute(query("renew_shipped_profile"), asdict(profile))
