"""Adjustments: values of a range that has passed get a scale and an offset; what they were is kept, and comes back exactly.

One that lies over another is undone first: only the last one knows what stood there before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotFound, Unusable
from api.review.choosing import begin, choose, finish, foresee, refuse_closed, refuse_future, refuse_too_many
from api.review.schemas import Adjustment, Reviewed, Undone
from devices.flags import Flag
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.people import Person
    from api.review.schemas import Effect, NewAdjustment

_OUT_OF_RANGE = int(Flag.OUT_OF_RANGE)
_ANY = {"id": None, "after": None, "site": None, "metric": None, "series": None, "start": None, "end": None, "holds": None}


async def adjust(connection: AsyncConnection, person: Person, wanted: NewAdjustment, *, dry_run: bool) -> Reviewed:
    """Adjust the values of a range, or tell what that would change; within a transaction.

    Raises
    ------
    Unusable
        When a series is not there or has states for values, the range has not passed, or it holds too many readings.
    Conflict
        When some of the range is closed.
    """
    refuse_future(wanted, "only values that are stored by now are adjusted")
    lines = await choose(connection, wanted)
    if state := next((line for line in lines if line.kind == "state"), None):
        why = f"{state.metric} at {state.site} has states for values: they are right or wrong."
        raise Unusable(f"{why} Invalidate the range.", on_page=f"{why} Take the readings out instead.")
    series = [line.id for line in lines]
    await refuse_too_many(connection, lines, wanted)
    if not dry_run:
        await begin(connection)
        await refuse_too_many(connection, lines, wanted)
    await refuse_closed(connection, series, wanted.start, wanted.end)
    effects = await foresee(connection, lines, wanted, scale=wanted.scale, shift=wanted.offset)
    if not dry_run:
        effects = [await _adjust_one(connection, person, wanted, effect) for effect in effects]
        await finish(connection, series, wanted.start, wanted.end)
    return Reviewed(dry_run=dry_run, changed=sum(effect.changed for effect in effects), effects=effects)


async def _adjust_one(connection: AsyncConnection, person: Person, wanted: NewAdjustment, effect: Effect) -> Effect:
    values = {
        "series": effect.series,
        "start": wanted.start,
        "end": wanted.end,
        "scale": wanted.scale,
        "shift": wanted.offset,
        "reason": wanted.reason,
        "person": person.name,
        "readings": effect.readings,
        "out_of_range": _OUT_OF_RANGE,
    }
    made = await value_of(connection, "add_adjustment", values)
    await connection.execute(query("adjust_readings"), values | {"id": made})
    return effect.model_copy(update={"id": made})


async def undo_adjustment(connection: AsyncConnection, person: Person, number: int, *, dry_run: bool) -> Undone:
    """Give the readings of an adjustment the values back that they had before it.

    Raises
    ------
    NotFound
        When there is none of this id.
    Conflict
        When it was undone already, a later one lies over it, or some of its range is closed.
    """
    async with changes(connection, person, f"undo of adjustment {number}"):
        return await _undo(connection, person, number, dry_run=dry_run)


async def _undo(connection: AsyncConnection, person: Person, number: int, *, dry_run: bool) -> Undone:
    if not dry_run:
        await begin(connection)
    old = await find_adjustment(connection, number)
    if old.undone_at is not None:
        raise Conflict(f"The adjustment {number} was undone already.")
    if later := await value_of(connection, "find_later_adjustment", {"id": number}):
        raise Conflict(f"The adjustment {later} was made after this one and lies over it. Undo {later} first.")
    await refuse_closed(connection, [old.series], old.start, old.end)
    if not dry_run:
        values = {"id": number, "series": old.series, "start": old.start, "end": old.end, "out_of_range": _OUT_OF_RANGE}
        await connection.execute(query("take_adjustment_back"), values)
        await connection.execute(query("end_adjustment"), {"id": number, "person": person.name})
        await finish(connection, [old.series], old.start, old.end)
    return Undone(id=number, dry_run=dry_run, changed=old.readings)


async def find_adjustment(connection: AsyncConnection, number: int) -> Adjustment:
    """Find an adjustment by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    if found := await row_of(connection, Adjustment, "page_of_adjustments", _ANY | {"id": number, "limit": 1}):
        return found
    raise NotFound(f"There is no adjustment {number}. Those there are: /api/v1/adjustments")


async def find_adjustments(connection: AsyncConnection, **asked: object) -> list[Adjustment]:
    """Give adjustments, the last ones first; one more than `limit`."""
    return await rows_of(connection, Adjustment, "page_of_adjustments", _ANY | asked)
