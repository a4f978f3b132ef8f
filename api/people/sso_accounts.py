"""Accounts of single sign-on: made at the first login, kept as the provider says, closed when it gives no role any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from api.changes import changes
from api.database import row_of, value_of
from api.people.accounts import LAST_ADMIN
from api.people.roles import ROLES, Person
from api.people.sessions import open_session
from api.people.sign_in import write_login
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from psycopg import AsyncConnection

    from api.people.oidc import Claims

_HOW = "single sign-on"
_PROVIDER = Person(0, _HOW, "admin")  # under whose name the audit has what the provider decides


class TurnedAway(Exception):  # noqa: N818 - an answer, not a fault
    """The provider knows the person, and Hedgerow does not let them in; the text says what to do."""


@dataclass(frozen=True, slots=True)
class _Kept:
    principal_id: int
    is_disabled: bool


async def come_in(connection: AsyncConnection, claims: Claims, roles: Mapping[str, str], lasts: timedelta) -> str:
    """Open a session for whoever the provider vouches for, and give its token.

    Raises
    ------
    TurnedAway
        When the provider gives them no role of ours, their account was closed, or their name is somebody else's here.
    """
    try:
        principal_id = await _kept_as_told(connection, claims, roles)
    except TurnedAway as error:
        await write_login(connection, claims.name, f"{_HOW}: {error}", succeeded=False)
        raise
    await write_login(connection, claims.name, _HOW, succeeded=True)
    return await open_session(connection, principal_id, lasts)


def role_of(claims: Claims, roles: Mapping[str, str]) -> str | None:
    """Give the highest role that the values of somebody's claims stand for; None: no value stands for any."""
    held = {roles[value] for value in claims.values if value in roles}
    return next((role for role in reversed(ROLES) if role in held), None)


async def _kept_as_told(connection: AsyncConnection, claims: Claims, roles: Mapping[str, str]) -> int:
    role = role_of(claims, roles)
    kept = await row_of(connection, _Kept, "find_sso_account", {"subject": claims.subject})
    if role is None:
        if kept is not None:
            await _close(connection, kept.principal_id)
        raise TurnedAway("You have no role in Hedgerow. Ask whoever looks after it in your organisation for one")
    if kept is None:
        return await _made(connection, claims, role)
    if kept.is_disabled:
        raise TurnedAway("Your account in Hedgerow is closed. Ask an administrator of Hedgerow to open it")
    await _change(connection, "set_sso_role", {"id": kept.principal_id, "role": role})
    return kept.principal_id


async def _made(connection: AsyncConnection, claims: Claims, role: str) -> int:
    values = {"name": claims.name, "role": role, "subject": claims.subject}
    async with changes(connection, _PROVIDER):
        made = await value_of(connection, "add_sso_account", values)
    if made is None:
        raise TurnedAway(f"Somebody else has the name {claims.name} in Hedgerow. Ask an administrator of Hedgerow")
    return int(made)


async def _close(connection: AsyncConnection, principal_id: int) -> None:
    await _change(connection, "change_account", {"id": principal_id, "role": None, "limited": None, "disabled": True})
    await connection.execute(query("drop_sessions"), {"id": principal_id, "but": None})


async def _change(connection: AsyncConnection, name: str, values: dict[str, object]) -> None:
    try:
        async with changes(connection, _PROVIDER):
            await connection.execute(query(name), values)
    except psycopg.Error as error:
        if error.sqlstate != LAST_ADMIN:
            raise
        raise TurnedAway("You are the only administrator of Hedgerow. Make somebody else one first") from None
