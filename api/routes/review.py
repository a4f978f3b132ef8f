"""Review: taking readings out of the statistics, adjusting values, and saying how far a range is checked."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.changes import changes
from api.dependencies import Connection, Manager, Permitted
from api.description import problems
from api.review.adjustments import adjust, find_adjustments, undo_adjustment
from api.review.invalidations import find_invalidations, invalidate, undo_invalidation
from api.review.schemas import (
    Adjustment,
    Invalidation,
    NewAdjustment,
    NewInvalidation,
    NewStatus,
    Reviewed,
    ReviewsAsked,
    Status,
    StatusesAsked,
    Undone,
)
from api.review.statuses import find_statuses, set_status
from api.routes.actions import Trial
from api.schemas import Page

router = APIRouter(tags=["readings"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Tried = Annotated[Trial, Query()]

_TOLD: dict[int | str, dict[str, Any]] = {200: {"model": Reviewed, "description": "A dry run: this would happen"}}


@router.get("/invalidations", summary="List invalidations")
async def list_invalidations(connection: Connection, asked: Annotated[ReviewsAsked, Query()]) -> Page[Invalidation]:
    """Give ranges whose readings people took out of the statistics, the last ones first."""
    return Page[Invalidation].cut(await find_invalidations(connection, **asked.model_dump()), asked.limit, "id")


@router.post("/invalidations", status_code=201, summary="Invalidate a range", responses={**_TOLD, **problems(409)})
async def make_invalidation(
    connection: Connection, person: Permitted, wanted: NewInvalidation, trial: Tried, response: Response
) -> Reviewed:
    """Take the readings of a range out of aggregates, one invalidation a series. Values are kept, with the flag of bit 4096.

    Readings that come later into the range do not count either; the range may end in the future. Ratified ranges are closed.
    """
    async with changes(connection, person, wanted.reason):
        done = await invalidate(connection, person, wanted, dry_run=trial.dry_run)
    return _told(done, response)


@router.post("/invalidations/{number}/undo", summary="Undo an invalidation", responses=problems(404, 409))
async def take_invalidation_back(connection: Connection, person: Permitted, number: Number, trial: Tried) -> Undone:
    """Let the readings of the range count again, but for those that another invalidation covers.

    A range that has gathered more than a million readings is undone in parts, each listed as an invalidation of its own.
    """
    return await undo_invalidation(connection, person, number, dry_run=trial.dry_run)


@router.get("/adjustments", summary="List adjustments")
async def list_adjustments(connection: Connection, asked: Annotated[ReviewsAsked, Query()]) -> Page[Adjustment]:
    """Give ranges whose values were adjusted, the last ones first."""
    return Page[Adjustment].cut(await find_adjustments(connection, **asked.model_dump()), asked.limit, "id")


@router.post("/adjustments", status_code=201, summary="Adjust the values of a range", responses={**_TOLD, **problems(409)})
async def make_adjustment(
    connection: Connection, person: Manager, wanted: NewAdjustment, trial: Tried, response: Response
) -> Reviewed:
    """Make value * scale + offset of every reading stored by now in a range that has passed; what they were is kept.

    Readings that come later into the range stay as they come. Whether a value is out of range is judged anew. Decoding messages
    again leaves adjusted readings alone. Ratified ranges are closed.
    """
    async with changes(connection, person, wanted.reason):
        done = await adjust(connection, person, wanted, dry_run=trial.dry_run)
    return _told(done, response)


@router.post("/adjustments/{number}/undo", summary="Undo an adjustment", responses=problems(404, 409))
async def take_adjustment_back(connection: Connection, person: Manager, number: Number, trial: Tried) -> Undone:
    """Give readings back exactly the values they had; of adjustments that overlap the last one first."""
    return await undo_adjustment(connection, person, number, dry_run=trial.dry_run)


@router.get("/statuses", summary="List statuses")
async def list_statuses(connection: Connection, asked: Annotated[StatusesAsked, Query()]) -> Page[Status]:
    """Give ranges that are verified or ratified, the last ones first. What none covers is provisional."""
    return Page[Status].cut([*await find_statuses(connection, **asked.model_dump())], asked.limit, "id")


@router.post("/statuses", status_code=201, summary="Set the status of a range", responses={**_TOLD, **problems(409)})
async def make_status(connection: Connection, person: Manager, wanted: NewStatus, trial: Tried, response: Response) -> Reviewed:
    """Say how far a range is checked: provisional, then verified, then ratified. It takes the place of what was said before.

    A ratified range is closed to invalidations, adjustments and their undoing, to redecodes, and to actions that would move its
    readings. To open it, set it back. Late readings are stored there all the same, with the flag of bit 128.
    """
    async with changes(connection, person, wanted.reason):
        done = await set_status(connection, person, wanted, dry_run=trial.dry_run)
    return _told(done, response)


def _told(done: Reviewed, response: Response) -> Reviewed:
    if done.dry_run:
        response.status_code = 200
    return done
