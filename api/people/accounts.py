"""Accounts: people and services, their roles and areas, one-time passwords, and passwords of one's own choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import psycopg

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotFound, Slip, Unusable
from api.people.keys import digest
from api.people.passwords import fits, hashed, one_time_password, slip_of
from sql.queries import query

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import AsyncConnection

    from api.people.roles import Person, Role

Kind = Literal["person", "service"]

LAST_ADMIN = "HR001"
"""State with which the database refuses to be without an administrator (migration 0014_access, keep_an_admin)."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person or service as lists show it."""

    id: int
    name: str
    kind: Kind
    role: Role
    disabled: bool
    single_sign_on: bool
    limited: bool
    areas: list[str]
    keys: int
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of an account; None leaves a thing as it is."""

    role: Role | None = None
    limited: bool | None = None
    areas: list[str] | None = None
    disabled: bool | None = None


async def list_accounts(connection: AsyncConnection, after: str | None = None, limit: int = 1000) -> list[Account]:
    """Give accounts by name: one more than `limit`, where there are more."""
    return await rows_of(connection, Account, "page_of_people", {"after": after, "id": None, "limit": limit})


async def find_account(connection: AsyncConnection, account_id: int) -> Account:
    """Find an account by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    values = {"after": None, "id": account_id, "limit": 1}
    if account := await row_of(connection, Account, "page_of_people", values):
        return account
    raise NotFound(f"There is no person or service with the id {account_id}. Those there are: /api/v1/people")


async def make_account(
    connection: AsyncConnection, person: Person, name: str, kind: Kind, role: Role, *, limited: bool, areas: list[str]
) -> tuple[Account, str | None]:
    """Make an account; give it and, of a person, the one-time password, which cannot be read again.

    Raises
    ------
    Conflict
        When the name is taken.
    Unusable
        When an area is not there, or an administrator or a service's role makes no sense so.
    """
    _refuse_nonsense(kind, role, limited=limited)
    password = one_time_password() if kind == "person" else None
    password_hash = await hashed(password) if password else None
    values = {"name": name, "kind": kind, "role": role, "limited": limited, "password_hash": password_hash}
    async with changes(connection, person):
        made = await value_of(connection, "add_account", values)
        if made is None:
            raise Conflict(f"The name {name!r} is taken. Choose another.", Slip("body.name", "it is taken"))
        await _set_areas(connection, made, areas)
    return await find_account(connection, made), password


async def change_account(connection: AsyncConnection, person: Person, account_id: int, change: Change) -> Account:
    """Change an account; who may not come in any more is out at once.

    Raises
    ------
    NotFound
        When there is no such account.
    Conflict
        When no administrator would remain.
    Unusable
        When an area is not there, or an administrator would be limited.
    """
    account = await find_account(connection, account_id)
    limited = account.limited if change.limited is None else change.limited
    _refuse_nonsense(account.kind, change.role or account.role, limited=limited)
    values = {"id": account_id, "role": change.role, "limited": change.limited, "disabled": change.disabled}
    try:
        async with changes(connection, person):
            await connection.execute(query("change_account"), values)
            if change.areas is not None:
                await _set_areas(connection, account_id, change.areas)
            if change.disabled:
                await connection.execute(query("drop_sessions"), {"id": account_id, "but": None})
    except psycopg.Error as error:
        if error.sqlstate != LAST_ADMIN:
            raise
        raise Conflict(f"{account.name} is the only administrator. Make somebody else one first.") from None
    return await find_account(connection, account_id)


async def reset_password(connection: AsyncConnection, person: Person, account_id: int) -> str:
    """Give a person a one-time password in the place of the old one, and end their sessions.

    Raises
    ------
    NotFound
        When there is no such account.
    Unusable
        When it has no password: a service, or somebody who comes by single sign-on.
    """
    account = await find_account(connection, account_id)
    password = one_time_password()
    if not await _set_password(connection, person, account_id, password, is_due=True, but=None):
        raise Unusable(f"{account.name} has no password: services use keys, and who comes by single sign-on has it elsewhere.")
    return password


async def choose_password(connection: AsyncConnection, person: Person, token: str, old: str, new: str) -> Slip | None:
    """Give a person the password of their choice and end their other sessions; tell what is to mend, if anything."""
    kept = await value_of(connection, "find_password_of", {"id": person.principal_id})
    if not await fits(kept, old):
        return Slip("old", "This is not your present password")
    if slip := slip_of(new, person.name):
        return Slip("new", slip)
    if new == old:
        return Slip("new", "The new password must differ from the present one")
    await _set_password(connection, person, person.principal_id, new, is_due=False, but=digest(token))
    return None


async def _set_password(
    connection: AsyncConnection, person: Person, account_id: int, password: str, *, is_due: bool, but: bytes | None
) -> bool:
    values = {"id": account_id, "password_hash": await hashed(password), "is_due": is_due}
    async with changes(connection, person):
        is_set = await value_of(connection, "set_password", values) is not None
        if is_set:
            await connection.execute(query("drop_sessions"), {"id": account_id, "but": but})
    return is_set


async def _set_areas(connection: AsyncConnection, account_id: int, areas: list[str]) -> None:
    if missing := await value_of(connection, "find_missing_areas", {"areas": areas}):
        raise Unusable(
            f"There is no area {missing!r}. Those there are: /api/v1/areas", Slip("body.areas", f"no area {missing!r}")
        )
    await connection.execute(query("leave_areas"), {"id": account_id, "areas": areas})
    await connection.execute(query("join_areas"), {"id": account_id, "areas": areas})


def _refuse_nonsense(kind: Kind, role: Role, *, limited: bool) -> None:
    if role == "admin" and limited:
        text = "administrators see everything; choose another role, or no limit"
        raise Unusable(f"An administrator cannot be limited to areas: {text}.", Slip("body.limited", text))
    if role == "admin" and kind == "service":
        text = "a service can be a viewer, an engineer or a manager"
        raise Unusable(f"A service cannot be an administrator: {text}.", Slip("body.role", text))
