"""Maintenance windows: when a site is being worked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.action_schemas import Window
from api.database import row_of, rows_of, value_of
from api.errors import NotFound, Slip, Unusable
from api.registration import unknown
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.action_schemas import NewWindow, WindowChange
    from api.people import Person

_ANY = {"id": None, "after": None, "site": None, "at": None, "limit": 100}


async def add_window(connection: AsyncConnection, person: Person, wanted: NewWindow) -> Window:
    """Begin a window.

    Raises
    ------
    Unusable
        When the site is not there, or the end lies before the start.
    """
    site_id = await value_of(connection, "find_site_id", {"code": wanted.site})
    if site_id is None:
        raise unknown("body.site", "site", wanted.site, "/api/v1/sites")
    starts_at = wanted.starts_at or datetime.now(UTC)
    _refuse_backwards(starts_at, wanted.ends_at)
    values = {**wanted.model_dump(), "starts_at": starts_at, "site_id": site_id, "person": person.name}
    return await find_window(connection, await value_of(connection, "add_window", values))


async def change_window(connection: AsyncConnection, window_id: int, wanted: WindowChange) -> Window:
    """Give a window another end or note.

    Raises
    ------
    NotFound
        When there is no such window.
    Unusable
        When the end lies before the start.
    """
    old = await find_window(connection, window_id)
    values = old.model_dump() | wanted.model_dump(exclude_unset=True)
    _refuse_backwards(old.starts_at, values["ends_at"])
    await connection.execute(query("change_window"), values)
    return await find_window(connection, window_id)


async def find_window(connection: AsyncConnection, window_id: int) -> Window:
    """Find a window by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    if window := await row_of(connection, Window, "page_of_windows", _ANY | {"id": window_id}):
        return window
    raise NotFound(f"There is no maintenance window {window_id}. Those there are: /api/v1/maintenance")


async def find_windows(connection: AsyncConnection, **asked: object) -> list[Window]:
    """Give windows in the order in which they were made; one more than `limit`."""
    return await rows_of(connection, Window, "page_of_windows", _ANY | asked)


def _refuse_backwards(starts_at: datetime, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= starts_at:
        text = "the end must be later than the start"
        raise Unusable(f"Mend ends_at: {text}.", Slip("body.ends_at", text))
