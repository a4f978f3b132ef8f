"""People and programs that may ask: passwords, API keys, sessions and what a role allows."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.rows import class_row

from sql.queries import query

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from psycopg import AsyncConnection, Connection

Role = Literal["viewer", "engineer", "manager", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
"""Every role, the least first; each may do all that those before it may."""

WRITERS: frozenset[Role] = frozenset({"engineer", "manager", "admin"})
"""Roles that may change the registry; a viewer only reads."""

KEY_PREFIX = "hr_"
"""Marks our API keys, so that one that leaked is recognised."""

SESSION_COOKIE = "hedgerow_session"

_HASHER = PasswordHasher()  # argon2id, RFC 9106's choice for limited memory: 64 MiB a call
_HASHES_AT_ONCE = 2  # bounds what a flood of logins costs: 128 MiB and two cores
_hashing: RunVar[CapacityLimiter] = RunVar("hedgerow_hashing")


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    principal_id: int
    name: str
    role: Role

    @property
    def may_write(self) -> bool:
        """Whether this person may change the registry."""
        return self.role in WRITERS


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
    user, password = "admin", secrets.token_urlsafe(18)
    values = {"name": user, "password_hash": _HASHER.hash(password)}
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
    values = {"name": name, "role": role, "password_hash": _HASHER.hash(password) if password else None}
    row = connection.execute(query("add_principal"), values).fetchone()
    if row is None:
        raise ValueError(f"the name {name!r} is taken; choose another")
    return int(row[0])


def add_api_key(connection: Connection, principal_id: int, label: str, expires_at: datetime | None = None) -> str:
    """Make an API key and give its secret, which cannot be read again."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        query("add_api_key"),
        {"principal_id": principal_id, "label": label, "secret_hash": _digest(key), "expires_at": expires_at},
    )
    return key


async def person_of_key(connection: AsyncConnection, key: str) -> Person | None:
    """Tell whose API key this is; an expired one is nobody's."""
    # Looked up by the hash of a 256-bit random secret: the time it takes says nothing about the secret.
    return await _person(connection, "find_person_of_key", {"secret_hash": _digest(key)})


async def person_of_session(connection: AsyncConnection, token: str) -> Person | None:
    """Tell whose login this is; one that has run out is nobody's."""
    return await _person(connection, "find_person_of_session", {"token_hash": _digest(token)})


async def log_in(connection: AsyncConnection, name: str, password: str, lasts: timedelta = timedelta(hours=12)) -> str | None:
    """Open a session and give its token; nothing where name and password do not fit together.

    An unknown name takes as long as a wrong password.
    """
    decoy = await _decoy()
    # PostgreSQL takes no NUL in a text; no name has one.
    cursor = await connection.execute(query("find_password"), {"name": name.replace("\0", "\N{REPLACEMENT CHARACTER}")})
    principal_id, password_hash = await cursor.fetchone() or (None, None)
    is_right = await _fits(password_hash or decoy, password)
    if principal_id is None or password_hash is None or not is_right:
        return None
    token = secrets.token_urlsafe(32)
    await connection.execute(query("drop_expired_sessions"))
    values = {"token_hash": _digest(token), "principal_id": principal_id, "lasts": lasts}
    await connection.execute(query("add_session"), values)
    return token


async def log_out(connection: AsyncConnection, token: str) -> None:
    """End a session."""
    await connection.execute(query("drop_session"), {"token_hash": _digest(token)})


def csrf_token(token: str) -> str:
    """Derive what a write in a session must carry, which another site's page cannot know."""
    return hmac.new(token.encode(), b"hedgerow csrf", hashlib.sha256).hexdigest()


def is_csrf_token(token: str, given: str) -> bool:
    """Compare what a write carries with what its session's token asks for, in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode(errors="replace"))


async def _person(connection: AsyncConnection, name: str, values: dict[str, object]) -> Person | None:
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(query(name), values)
        return await cursor.fetchone()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


async def _fits(password_hash: str, password: str) -> bool:
    return await anyio.to_thread.run_sync(_verify, password_hash, password, limiter=_limiter())


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password.encode(errors="replace"))
    except (VerificationError, InvalidHashError):
        return False


async def _decoy() -> str:
    return await anyio.to_thread.run_sync(_decoy_hash, limiter=_limiter())


@cache
def _decoy_hash() -> str:
    """Hash that no password fits: what an unknown name is held against."""
    return _HASHER.hash(secrets.token_urlsafe(32))


def _limiter() -> CapacityLimiter:
    """Give the limiter of the running event loop."""
    try:
        return _hashing.get()
    except LookupError:
        limiter = CapacityLimiter(_HASHES_AT_ONCE)
        _hashing.set(limiter)
        return limiter
