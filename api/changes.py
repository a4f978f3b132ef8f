"""Changes: a transaction whose every change of the registry or of people is written down under the name of who makes it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

    from api.people import Person


@asynccontextmanager
async def changes(connection: AsyncConnection, person: Person, note: str = "") -> AsyncIterator[None]:
    """Make the changes within one transaction; triggers write them into `audit_entry` under the person's name.

    Parameters
    ----------
    note
        Why, in the person's own words.
    """
    values = {"person": person.name, "note": note, "principal_id": str(person.principal_id)}
    async with connection.transaction():
        await connection.execute(query("name_changer"), values)
        yield
