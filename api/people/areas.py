"""Areas: sets of sites, and connections that see no more than somebody's areas."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotAllowed, NotFound, Slip, Unusable
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

    from api.people.roles import Person

_NOBODY = 0  # ids of principals begin at 1


@dataclass(frozen=True, slots=True)
class Area:
    """A set of sites, and who is limited to it."""

    code: str
    name: str
    sites: list[str]
    people: list[str]


@asynccontextmanager
async def as_seen_by(connection: AsyncConnection, person: Person | None) -> AsyncIterator[None]:
    """Let a connection see only what this person may see, as long as the block lasts.

    Whoever is not limited pays nothing. A connection whose limit cannot be lifted again is closed: the pool makes a new one.
    """
    if person is not None and not person.is_limited:
        yield
        return
    whose = person.principal_id if person is not None else _NOBODY
    try:
        await connection.execute(query("limit_connection"), {"principal_id": str(whose)})
        yield
    finally:
        await _lift(connection)


async def _lift(connection: AsyncConnection) -> None:
    try:
        await connection.execute(query("lift_limit"))
    except BaseException:
        await connection.close()
        raise


async def list_areas(connection: AsyncConnection, after: str | None = None, limit: int = 1000) -> list[Area]:
    """Give areas by code: one more than `limit`, where there are more."""
    return await rows_of(connection, Area, "page_of_areas", {"after": after, "code": None, "limit": limit})


async def find_area(connection: AsyncConnection, code: str) -> Area:
    """Find an area by its code.

    Raises
    ------
    NotFound
        When there is none.
    """
    if area := await row_of(connection, Area, "page_of_areas", {"after": None, "code": code, "limit": 1}):
        return area
    raise NotFound(f"There is no area {code}. Those there are: /api/v1/areas")


async def make_area(connection: AsyncConnection, person: Person, code: str, name: str, sites: list[str]) -> Area:
    """Make an area of sites.

    Raises
    ------
    Conflict
        When the code is taken.
    Unusable
        When a site is not there.
    NotAllowed
        When the person is limited to areas.
    """
    _refuse_limited(person)
    async with changes(connection, person):
        area_id = await value_of(connection, "add_area", {"code": code, "name": name})
        if area_id is None:
            raise Conflict(f"The code {code} belongs to another area. Choose another.", Slip("body.code", "it is taken"))
        await _set_sites(connection, area_id, sites)
    return await find_area(connection, code)


async def change_area(
    connection: AsyncConnection, person: Person, code: str, name: str | None, sites: list[str] | None
) -> Area:
    """Rename an area or give it other sites; None leaves a thing as it is.

    Raises
    ------
    NotFound
        When there is no such area.
    Unusable
        When a site is not there.
    NotAllowed
        When the person is limited to areas.
    """
    _refuse_limited(person)
    async with changes(connection, person):
        area_id = await value_of(connection, "rename_area", {"code": code, "name": name})
        if area_id is not None and sites is not None:
            await _set_sites(connection, area_id, sites)
    return await find_area(connection, code)


async def remove_area(connection: AsyncConnection, person: Person, code: str) -> None:
    """Take an area away; its sites stay, and whoever was limited to it sees less.

    Raises
    ------
    NotFound
        When there is no such area.
    NotAllowed
        When the person is limited to areas.
    """
    _refuse_limited(person)
    async with changes(connection, person):
        gone = await value_of(connection, "drop_area", {"code": code})
    if gone is None:
        raise NotFound(f"There is no area {code}. Those there are: /api/v1/areas")


async def _set_sites(connection: AsyncConnection, area_id: int, sites: list[str]) -> None:
    if missing := await value_of(connection, "find_missing_sites", {"sites": sites}):
        raise Unusable(
            f"There is no site {missing!r}. Those there are: /api/v1/sites", Slip("body.sites", f"no site {missing!r}")
        )
    await connection.execute(query("take_sites_out"), {"area_id": area_id, "sites": sites})
    await connection.execute(query("put_sites_in"), {"area_id": area_id, "sites": sites})


def _refuse_limited(person: Person) -> None:
    if person.is_limited:
        raise NotAllowed("You are limited to areas yourself, so you cannot change them. Ask an administrator.")
