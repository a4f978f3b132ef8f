"""Invalidations: readings of a range are taken out of the statistics, those that come later too, until that is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotFound
from api.review.choosing import MOST_READINGS, begin, choose, finish, foresee, refuse_closed, refuse_too_many
from api.review.schemas import Invalidation, Reviewed, Undone
from devices.flags import Flag
from sql.queries import query

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import AsyncConnection

    from api.people import Person
    from api.review.schemas import Effect, NewInvalidation

_INVALID = int(Flag.MANUAL_INVALID)
_ANY = {"id": None, "after": None, "site": None, "metric": None, "series": None, "start": None, "end": None, "holds": None}


class _Freed(NamedTuple):
    """A range that only one invalidation covers."""

    start: datetime
    end: datetime


async def invalidate(connection: AsyncConnection, person: Person, wanted: NewInvalidation, *, dry_run: bool) -> Reviewed:
    """Take readings of a range out, or tell what that would change; within a transaction.

    Raises
    ------
    Unusable
        When a series is not there, or the range holds too many readings.
    Conflict
        When some of the range is closed.
    """
    lines = await choose(connection, wanted)
    series = [line.id for line in lines]
    await refuse_too_many(connection, lines, wanted)
    if not dry_run:
        await begin(connection)
        await refuse_too_many(connection, lines, wanted)
    await refuse_closed(connection, series, wanted.start, wanted.end)
    effects = await foresee(connection, lines, wanted, adding=Flag.MANUAL_INVALID)
    if not dry_run:
        effects = [await _take_out(connection, person, wanted, effect) for effect in effects]
        await finish(connection, series, wanted.start, wanted.end)
    return Reviewed(dry_run=dry_run, changed=sum(effect.changed for effect in effects), effects=effects)


async def _take_out(connection: AsyncConnection, person: Person, wanted: NewInvalidation, effect: Effect) -> Effect:
    values = {"series": effect.series, "start": wanted.start, "end": wanted.end, "invalid": _INVALID}
    changed = (await connection.execute(query("invalidate_readings"), values)).rowcount
    values |= {"reason": wanted.reason, "person": person.name, "readings": changed}
    made = await value_of(connection, "add_invalidation", values)
    return effect.model_copy(update={"id": made, "changed": changed})


async def undo_invalidation(connection: AsyncConnection, person: Person, number: int, *, dry_run: bool) -> Undone:
    """Let the readings of an invalidation count again, but for those that another one covers.

    A range that has gathered more readings than one transaction should change is undone in parts, each in a transaction of its
    own and an invalidation of its own: ingest waits for none for long, and what breaks off is gone on with by asking again.

    Raises
    ------
    NotFound
        When there is none of this id.
    Conflict
        When it was undone already, or some of its range is closed.
    """
    undone = Undone(id=number, dry_run=dry_run, changed=0)
    is_part = True
    while is_part:
        async with changes(connection, person, f"undo of invalidation {number}"):
            part = await _undo_part(connection, person, number, dry_run=dry_run)
        undone = undone.model_copy(update={"changed": undone.changed + part.changed, "kept": undone.kept + part.kept})
        is_part = part.id != number
    return undone


async def _undo_part(connection: AsyncConnection, person: Person, whole: int, *, dry_run: bool) -> Undone:
    """Undo the first part of an invalidation, whose id is another one then, or what is left of it."""
    if not dry_run:
        await begin(connection)
    old = await find_invalidation(connection, whole)
    if old.undone_at is not None:
        raise Conflict(f"The invalidation {whole} was undone already.")
    await refuse_closed(connection, [old.series], old.start, old.end)
    number = whole
    if not dry_run and (part := await value_of(connection, "split_invalidation", {"id": whole, "most": MOST_READINGS})):
        number, old = part, await find_invalidation(connection, part)
    freed = await rows_of(connection, _Freed, "list_freed_ranges", {"id": number})
    whole = await _count(connection, old.series, old.start, old.end)
    changed = sum([await _count(connection, old.series, *part) for part in freed])
    if not dry_run:
        for part in freed:
            values = {"series": old.series, **part._asdict(), "invalid": _INVALID}
            await connection.execute(query("validate_readings"), values)
        await connection.execute(query("end_invalidation"), {"id": number, "person": person.name})
        await finish(connection, [old.series], old.start, old.end)
    return Undone(id=number, dry_run=dry_run, changed=changed, kept=whole - changed)


async def find_invalidation(connection: AsyncConnection, number: int) -> Invalidation:
    """Find an invalidation by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    if found := await row_of(connection, Invalidation, "page_of_invalidations", _ANY | {"id": number, "limit": 1}):
        return found
    raise NotFound(f"There is no invalidation {number}. Those there are: /api/v1/invalidations")


async def find_invalidations(connection: AsyncConnection, **asked: object) -> list[Invalidation]:
    """Give invalidations, the last ones first; one more than `limit`."""
    return await rows_of(connection, Invalidation, "page_of_invalidations", _ANY | asked)


async def _count(connection: AsyncConnection, series: int, start: datetime, end: datetime) -> int:
    values = {"series": series, "start": start, "end": end, "invalid": _INVALID}
    return int(await value_of(connection, "count_invalid_readings", values))
