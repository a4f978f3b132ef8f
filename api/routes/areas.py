"""Areas: sets of sites that people can be limited to."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Connection, Manager, OnePage
from api.description import example, problems
from api.people.areas import Area, change_area, find_area, list_areas, make_area, remove_area
from api.schemas import Code, Name, Page

router = APIRouter(prefix="/areas", tags=["people"])

AreaCode = Annotated[Code, Path()]
Sites = Annotated[list[Code], Field(max_length=20_000, description="Codes of sites")]


class NewArea(BaseModel):
    """A set of sites."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(code="west", name="West", sites=["high-street"]))

    code: Code
    name: Name
    sites: Sites = []


class AreaChange(BaseModel):
    """What is to become of an area; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(name="West", sites=["high-street", "west-bay"]))

    name: Name | None = None
    sites: Sites | None = None


class KnownArea(BaseModel):
    """An area."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    sites: list[str] = Field(description="Codes of its sites")
    people: list[str] = Field(description="Names of those whose areas it is among")


@router.get("", summary="List areas")
async def read_areas(connection: Connection, _person: Manager, asked: OnePage) -> Page[KnownArea]:
    """Give areas in the order of their codes."""
    rows = [_known(area) for area in await list_areas(connection, asked.after, asked.limit)]
    return Page[KnownArea].cut(rows, asked.limit, "code")


@router.get("/{code}", summary="Read one area", responses=problems(404))
async def read_area(connection: Connection, _person: Manager, code: AreaCode) -> KnownArea:
    """Give one area by its code."""
    return _known(await find_area(connection, code))


@router.post("", status_code=201, summary="Make an area", responses=problems(409))
async def add_area(connection: Connection, person: Manager, wanted: NewArea) -> KnownArea:
    """Make an area. A site may lie in several."""
    return _known(await make_area(connection, person, wanted.code, wanted.name, wanted.sites))


@router.patch("/{code}", summary="Change an area", responses=problems(404))
async def alter_area(connection: Connection, person: Manager, code: AreaCode, wanted: AreaChange) -> KnownArea:
    """Rename an area, or give it other sites."""
    return _known(await change_area(connection, person, code, wanted.name, wanted.sites))


@router.delete("/{code}", status_code=204, summary="Take an area away", responses=problems(404))
async def drop_area(connection: Connection, person: Manager, code: AreaCode) -> None:
    """Take an area away. Its sites stay; who was limited to it sees less."""
    await remove_area(connection, person, code)


def _known(area: Area) -> KnownArea:
    return KnownArea.model_validate(area)
