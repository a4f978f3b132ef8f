"""Device profiles: what devices of one vendor and model have in common."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.database import row_of, rows_of
from api.dependencies import Connection, OnePage
from api.description import already_there, problems
from api.errors import Conflict, NotFound
from api.schemas import Code, NewProfile, Page, Profile

router = APIRouter(prefix="/profiles", tags=["registry"])


@router.get("", summary="List device profiles")
async def list_profiles(connection: Connection, asked: OnePage) -> Page[Profile]:
    """Give device profiles in the order of their keys."""
    rows = await rows_of(connection, Profile, "page_of_profiles", asked.model_dump())
    return Page[Profile].cut(rows, asked.limit, "key")


@router.get("/{key}", summary="Read one device profile", responses=problems(404))
async def read_profile(connection: Connection, key: Annotated[Code, Path()]) -> Profile:
    """Give one device profile by its key."""
    if profile := await row_of(connection, Profile, "find_profile", {"key": key}):
        return profile
    raise NotFound(f"There is no device profile {key}. Those there are: /api/v1/profiles")


@router.post("", status_code=201, summary="Make a device profile", responses={**already_there(Profile), **problems(409)})
async def make_profile(connection: Connection, wanted: NewProfile, response: Response) -> Profile:
    """Make a device profile. Asking again with the same content changes nothing and answers 200."""
    profile = await row_of(connection, Profile, "add_profile", wanted.model_dump())
    if profile is None:
        profile = await read_profile(connection, wanted.key)
        if any(getattr(profile, field) != value for field, value in wanted.model_dump().items()):
            raise Conflict(f"The key {wanted.key} belongs to another profile: see /api/v1/profiles/{wanted.key}.")
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/profiles/{profile.key}"
    return profile
