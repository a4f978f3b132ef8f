"""Maintenance windows: when a site is being worked at, and silence is no fault."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.action_schemas import NewWindow, Window, WindowChange
from api.changes import changes
from api.database import value_of
from api.dependencies import Connection, PagingById, Permitted
from api.description import problems
from api.maintenance import add_window, change_window, find_window, find_windows
from api.schemas import Code, Page
from api.times import Time

router = APIRouter(prefix="/maintenance", tags=["registry"])

WindowId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class WindowsAsked(PagingById):
    """Which windows."""

    site: Code | None = Field(None, description="Code of a site")
    at: Time | None = Field(None, description="Those that hold at this time")


@router.get("", summary="List maintenance windows")
async def list_windows(connection: Connection, asked: Annotated[WindowsAsked, Query()]) -> Page[Window]:
    """Give maintenance windows in the order in which they were made."""
    return Page[Window].cut(await find_windows(connection, **asked.model_dump()), asked.limit, "id")


@router.post("", status_code=201, summary="Begin a maintenance window")
async def make_window(connection: Connection, person: Permitted, wanted: NewWindow) -> Window:
    """Say that a site is being worked at; without an end until it is ended."""
    async with changes(connection, person, wanted.note):
        return await add_window(connection, person, wanted)


@router.patch("/{window_id}", summary="End a maintenance window, or change it", responses=problems(404))
async def mend_window(connection: Connection, person: Permitted, window_id: WindowId, wanted: WindowChange) -> Window:
    """Give a window another end or note; what is not named stays."""
    async with changes(connection, person):
        return await change_window(connection, window_id, wanted)


@router.delete("/{window_id}", status_code=204, summary="Take a maintenance window back", responses=problems(404))
async def drop_window(connection: Connection, person: Permitted, window_id: WindowId) -> None:
    """Take back a window that was a mistake."""
    async with changes(connection, person):
        await find_window(connection, window_id)
        await value_of(connection, "remove_window", {"id": window_id})
