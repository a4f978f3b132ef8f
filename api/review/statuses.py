"""Statuses: how far a range is checked, provisional, verified or ratified; a ratified range is closed until it is set back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.database import row_of, rows_of
from api.errors import Conflict
from api.review.choosing import choose, look, refuse_future
from api.review.schemas import Reviewed, Status
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

    from api.people import Person
    from api.review.schemas import NewStatus

_ANY = {"after": None, "site": None, "metric": None, "series": None, "start": None, "end": None}


async def set_status(connection: AsyncConnection, person: Person, wanted: NewStatus, *, dry_run: bool) -> Reviewed:
    """Say how far a range of some series is checked, or look at what it holds; within a transaction.

    Raises
    ------
    Unusable
        When a series is not there, or the range has not passed.
    Conflict
        When what is to be ratified is not verified.
    """
    if wanted.status != "provisional":
        refuse_future(wanted, "what has not been measured yet is provisional")
    lines = await choose(connection, wanted)
    effects = await look(connection, lines, wanted)
    if not dry_run:
        await connection.execute(query("hold_statuses"))
    values = {"series": [line.id for line in lines], "start": wanted.start, "end": wanted.end}
    if wanted.status == "ratified":
        await _refuse_unverified(connection, values)
    if not dry_run:
        await connection.execute(query("clear_status"), values)
        if wanted.status != "provisional":
            said = {"status": wanted.status, "note": wanted.reason, "person": person.name}
            await connection.execute(query("add_status"), values | said)
    return Reviewed(dry_run=dry_run, changed=0, effects=effects)


async def _refuse_unverified(connection: AsyncConnection, values: dict[str, object]) -> None:
    if row := await row_of(connection, dict[str, str], "find_unverified", values):
        raise Conflict(f"{row['metric']} at {row['site']} is not verified all through this range. Set it to verified first.")


async def find_statuses(connection: AsyncConnection, **asked: object) -> Sequence[Status]:
    """Give ranges that are verified or ratified, the last ones first; one more than `limit`."""
    return await rows_of(connection, Status, "page_of_statuses", _ANY | asked)
