"""Sessions: signing in and out, the cookie's token, and what a write in a session must carry."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from api.people.keys import digest
from api.people.passwords import fits
from api.people.roles import Person
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

SESSION_COOKIE = "hedgerow_session"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a person who may have a password."""

    principal_id: int
    password_hash: str | None
    is_disabled: bool


async def person_of_session(connection: AsyncConnection, token: str) -> Person | None:
    """Tell whose login this is; one that has run out is nobody's."""
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(query("find_person_of_session"), {"token_hash": digest(token)})
        return await cursor.fetchone()


async def log_in(connection: AsyncConnection, name: str, password: str, lasts: timedelta = timedelta(hours=12)) -> str | None:
    """Open a session and give its token; nothing where name and password do not fit together.

    An unknown name, and one that may not come in any more, take as long as a wrong password.
    """
    async with connection.cursor(row_factory=class_row(_Kept)) as cursor:
        # PostgreSQL takes no NUL in a text; no name has one.
        await cursor.execute(query("find_password"), {"name": name.replace("\0", "\N{REPLACEMENT CHARACTER}")})
        kept = await cursor.fetchone()
    is_right = await fits(kept.password_hash if kept else None, password)
    if kept is None or not is_right or kept.is_disabled:
        return None
    return await open_session(connection, kept.principal_id, lasts)


async def open_session(connection: AsyncConnection, principal_id: int, lasts: timedelta) -> str:
    """Open a session for someone who has proved to be themselves, and give its token."""
    token = secrets.token_urlsafe(32)
    await connection.execute(query("drop_expired_sessions"))
    values = {"token_hash": digest(token), "principal_id": principal_id, "lasts": lasts}
    await connection.execute(query("add_session"), values)
    return token


async def log_out(connection: AsyncConnection, token: str) -> None:
    """End a session."""
    await connection.execute(query("drop_session"), {"token_hash": digest(token)})


def csrf_token(token: str) -> str:
    """Derive what a write in a session must carry, which another site's page cannot know."""
    return hmac.new(token.encode(), b"hedgerow csrf", hashlib.sha256).hexdigest()


def is_csrf_token(token: str, given: str) -> bool:
    """Compare what a write carries with what its session's token asks for, in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode(errors="replace"))
