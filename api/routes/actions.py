"""Actions: what was done to devices, and doing it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.action_schemas import Action, ActionDone, NewAction
from api.changes import changes
from api.dependencies import Connection, PagingById, Permitted
from api.description import problems
from api.registry_actions import act, find_actions, undo
from api.schemas import Code, Page, Uid

router = APIRouter(prefix="/actions", tags=["registry"])

ActionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ActionsAsked(PagingById):
    """Which actions."""

    device: Uid | None = Field(None, description="Uid of a device, also of one that was swapped")
    site: Code | None = Field(None, description="Code of a site, where to or where from")


class Trial(BaseModel):
    """Whether to do it."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(False, description="Only tell what it would do, and answer 200")


_TOLD: dict[int | str, dict[str, Any]] = {200: {"model": ActionDone, "description": "A dry run: this would happen"}}


@router.get("", summary="List actions")
async def list_actions(connection: Connection, asked: Annotated[ActionsAsked, Query()]) -> Page[Action]:
    """Give actions, the last written down first."""
    return Page[Action].cut(await find_actions(connection, **asked.model_dump()), asked.limit, "id")


@router.post(
    "", status_code=201, summary="Install, move, swap, co-locate, recall or retire", responses={**_TOLD, **problems(409)}
)
async def make_action(
    connection: Connection, person: Permitted, wanted: NewAction, trial: Annotated[Trial, Query()], response: Response
) -> ActionDone:
    """Write an action down, at the time it happened: deployments change, and stored readings move to the lines they belong to.

    Readings of a device that was at no site are kept aside and come back when an action gives them a place. Those that may be
    another device's stay where they are, and are counted.
    """
    async with changes(connection, person, wanted.note):
        done = await act(connection, person, wanted, dry_run=trial.dry_run)
    if trial.dry_run:
        response.status_code = 200
    return done


@router.post("/{action_id}/undo", summary="Undo an action", responses=problems(404, 409))
async def undo_action(
    connection: Connection, person: Permitted, action_id: ActionId, trial: Annotated[Trial, Query()]
) -> ActionDone:
    """Take back an action that was a mistake, the readings too, as long as it is the last one of its devices."""
    async with changes(connection, person, f"undo of action {action_id}"):
        return await undo(connection, person, action_id, dry_run=trial.dry_run)
