"""API keys: random secrets that programs come in with, kept only as hashes."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from api.changes import changes
from api.database import rows_of, value_of
from api.people.roles import Person, Scope, least
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.people.roles import Role

KEY_PREFIX = "hr_"
"""Marks our API keys, so that one that leaked is recognised."""

KEY_LASTS = timedelta(days=365)
"""How long a key is good for, where nobody says otherwise."""

_SHOWN = 6  # characters of a key that lists show: 36 of its 256 bits


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as lists show it: never its secret."""

    id: int
    owner: str
    label: str
    scope: Scope
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    has_expired: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A good key and its owner."""

    api_key_id: int
    use_is_news: bool
    principal_id: int
    name: str
    role: Role
    is_limited: bool
    scope: Scope


async def person_of_key(connection: AsyncConnection, key: str) -> Person | None:
    """Tell whose API key this is, with the role its scope leaves; an expired one is nobody's."""
    # Looked up by the hash of a 256-bit random secret: the time it takes says nothing about the secret.
    async with connection.cursor(row_factory=class_row(_Found)) as cursor:
        await cursor.execute(query("find_person_of_key"), {"secret_hash": digest(key)})
        found = await cursor.fetchone()
    if found is None:
        return None
    if found.use_is_news:
        await connection.execute(query("note_use_of_key"), {"id": found.api_key_id})
    role = least(found.role, found.scope)
    return Person(found.principal_id, found.name, role, is_limited=found.is_limited, scope=found.scope)


async def make_key(
    connection: AsyncConnection, person: Person, owner_id: int, label: str, scope: Scope, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Make a key; give it as lists show it, and its secret, which cannot be read again."""
    key = new_key()
    async with changes(connection, person):
        made = await value_of(connection, "add_api_key", key_values(key, owner_id, label, scope, expires_at))
    [listed] = await list_keys(connection, api_key_id=made)
    return listed, key


async def list_keys(connection: AsyncConnection, owner_id: int | None = None, api_key_id: int | None = None) -> list[ApiKey]:
    """Give the keys of one owner, or of all, newest first."""
    return await rows_of(connection, ApiKey, "list_api_keys", {"principal_id": owner_id, "id": api_key_id})


async def revoke_key(connection: AsyncConnection, person: Person, api_key_id: int, owner_id: int | None) -> bool:
    """End a key at once; of one owner only where one is named. Tell whether there was one."""
    async with changes(connection, person):
        gone = await value_of(connection, "drop_api_key", {"id": api_key_id, "principal_id": owner_id})
    return gone is not None


def new_key() -> str:
    """Make the secret of a key: 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_values(key: str, principal_id: int, label: str, scope: Scope, expires_at: datetime | None) -> dict[str, object]:
    """Give what is kept of a key."""
    return {
        "principal_id": principal_id,
        "label": label,
        "secret_hash": digest(key),
        "expires_at": expires_at,
        "scope": scope,
        "prefix": key[: len(KEY_PREFIX) + _SHOWN],
    }


def digest(secret: str) -> bytes:
    """Hash a random secret: random input needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()
