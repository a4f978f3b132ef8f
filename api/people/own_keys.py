"""Who may make and revoke which keys: everyone their own, administrators those of services, and end anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.database import row_of
from api.errors import NotAllowed, NotFound, Slip, Unusable
from api.people.accounts import Account
from api.people.keys import make_key, revoke_key

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import AsyncConnection

    from api.people.keys import ApiKey
    from api.people.roles import Person, Scope


async def owner_id_of(connection: AsyncConnection, person: Person, owner: str | None) -> int:
    """Tell whose keys are meant: one's own, or those of someone an administrator names.

    Raises
    ------
    NotAllowed
        When somebody else's are meant and the person is no administrator.
    Unusable
        When nobody has that name.
    """
    if owner is None or owner == person.name:
        return person.principal_id
    return (await _other(connection, person, owner)).id


async def make_key_for(
    connection: AsyncConnection, person: Person, owner: str | None, label: str, scope: Scope, expires_at: datetime
) -> tuple[ApiKey, str]:
    """Make a key for oneself, or as an administrator for a service; give it and its secret.

    Raises
    ------
    NotAllowed
        When the person came in with a narrow key, or names another owner and is no administrator.
    Unusable
        When the owner named is not there, or is a person: only they themselves make their keys.
    """
    _refuse_narrow(person)
    owner_id = person.principal_id
    if owner is not None and owner != person.name:
        other = await _other(connection, person, owner)
        if other.kind != "service":
            text = "a person makes their own keys, on the page /account"
            raise Unusable(f"{owner} is no service: {text}.", Slip("body.owner", text))
        owner_id = other.id
    return await make_key(connection, person, owner_id, label, scope, expires_at)


async def revoke(connection: AsyncConnection, person: Person, api_key_id: int) -> None:
    """End a key at once.

    Raises
    ------
    NotAllowed
        When the person came in with a narrow key.
    NotFound
        When there is no such key, or it is not for this person to end.
    """
    _refuse_narrow(person)
    of = None if person.role == "admin" else person.principal_id
    if not await revoke_key(connection, person, api_key_id, of):
        raise NotFound(f"There is no key {api_key_id}. Yours are listed at /api/v1/keys")


def _refuse_narrow(person: Person) -> None:
    if not person.may_see_to_keys:
        raise NotAllowed("This API key may not see to keys. Sign in, or use a key with the scope admin.")


async def _other(connection: AsyncConnection, person: Person, owner: str) -> Account:
    if person.role != "admin":
        raise NotAllowed("Only administrators see to the keys of others.")
    values = {"name": owner}
    if account := await row_of(connection, Account, "find_account_by_name", values):
        return account
    raise Unusable(f"Nobody has the name {owner!r}.", Slip("owner", "nobody has this name"))
