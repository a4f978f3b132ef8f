"""Redecodes: messages of the past through a mended codec, asked for over HTTP and done by ingest."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.dependencies import Connection, Manager, PagingById
from api.description import problems
from api.errands import NewRedecode, Redecode, ask_redecode, find_redecode, list_redecodes
from api.schemas import Code, Page

router = APIRouter(prefix="/redecodes", tags=["registry"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class RedecodesAsked(PagingById):
    """Which redecodes."""

    profile: Code | None = Field(None, description="Key of the device profile")


@router.post("", status_code=202, summary="Decode messages again", responses=problems(404))
async def make_redecode(connection: Connection, person: Manager, wanted: NewRedecode, response: Response) -> Redecode:
    """Ask ingest to decode the messages of a range of time again, or with `dry_run` to tell what that would change.

    It is done one after the other, beside the path; ask for it by its id to see how far it is.
    """
    made = await ask_redecode(connection, person, wanted)
    response.headers["Location"] = f"/api/v1/redecodes/{made.id}"
    return made


@router.get("", summary="List redecodes")
async def read_redecodes(connection: Connection, asked: Annotated[RedecodesAsked, Query()]) -> Page[Redecode]:
    """Give what was asked to be decoded again, the last ones first."""
    rows = await list_redecodes(connection, profile=asked.profile, after=asked.after, limit=asked.limit)
    return Page[Redecode].cut(rows, asked.limit, "id")


@router.get("/{number}", summary="Read one redecode", responses=problems(404))
async def read_redecode(connection: Connection, number: Number) -> Redecode:
    """Give one redecode: how far it is, and what came of it."""
    return await find_redecode(connection, number)
