"""Making people known from the outside: the first administrator, and people and keys by a plain connection."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from api.people.keys import key_values, new_key
from api.people.passwords import hash_password, one_time_password
from sql.queries import query

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from psycopg import Connection

    from api.people.roles import Role, Scope


@dataclass(frozen=True, slots=True)
class AdminSecrets:
    """The first administrator's secrets, known only at the moment they are made."""

    user: str
    password: str
    api_key: str


def ensure_admin(connection: Connection) -> AdminSecrets | None:
    """Make the first administrator, with a random password and an API key, where nobody is known yet.

    The caller commits: after it has put the secrets where they will be found, for they cannot be read again.
    """
    user, password = "admin", one_time_password()
    values = {"name": user, "password_hash": hash_password(password)}
    row = connection.execute(query("add_first_principal"), values).fetchone()
    if row is None:
        return None
    return AdminSecrets(user, password, add_api_key(connection, row[0], "first key"))


def write_admin_file(path: Path, admin: AdminSecrets) -> None:
    """Write the first administrator's secrets as JSON that only the owner can read."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        json.dump(asdict(admin), stream, indent=2)
        stream.write("\n")
    partial.replace(path)


def add_person(connection: Connection, name: str, role: Role, password: str | None = None) -> int:
    """Make a person known and give their id; without a password they can only use API keys.

    Raises
    ------
    ValueError
        When the name is taken.
    """
    values = {"name": name, "role": role, "password_hash": hash_password(password) if password else None}
    row = connection.execute(query("add_principal"), values).fetchone()
    if row is None:
        raise ValueError(f"the name {name!r} is taken; choose another")
    return int(row[0])


def add_api_key(
    connection: Connection, principal_id: int, label: str, expires_at: datetime | None = None, scope: Scope = "admin"
) -> str:
    """Make an API key and give its secret, which cannot be read again."""
    key = new_key()
    connection.execute(query("add_api_key"), key_values(key, principal_id, label, scope, expires_at))
    return key
