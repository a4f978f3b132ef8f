"""The pages of areas: sets of sites that people can be limited to."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Connection, Manager
from api.errors import Refusal, Slip
from api.pages.forms import Problems
from api.pages.render import render, visitor_of
from api.people import Person
from api.people.areas import Area, change_area, find_area, list_areas, make_area, remove_area
from api.registration import slug_of

router = APIRouter(prefix="/areas")

Text = Annotated[str, Form(max_length=200)]
Lines = Annotated[str, Form(max_length=500_000)]


@router.get("")
async def areas_page(request: Request, person: Manager, connection: Connection) -> Response:
    """List areas, with a form for another."""
    return await _list(request, person, connection)


@router.post("")
async def add(request: Request, person: Manager, connection: Connection, name: Text = "") -> Response:
    """Make an area without sites, and go on to its page."""
    if not name.strip() or not name.isprintable():
        return await _list(request, person, connection, Problems(Slip("name", "Enter a name for the area")), name)
    try:
        area = await make_area(connection, person, slug_of(name), name.strip(), [])
    except Refusal as refusal:
        return await _list(request, person, connection, Problems(Slip("name", refusal.detail)), name)
    return RedirectResponse(f"/areas/{area.code}", HTTPStatus.SEE_OTHER)


@router.get("/{code}")
async def area_page(request: Request, person: Manager, connection: Connection, code: str, done: str = "") -> Response:
    """Show one area."""
    return _one(request, person, await find_area(connection, code), done=done)


@router.post("/{code}")
async def change(
    request: Request, person: Manager, connection: Connection, code: str, name: Text = "", sites: Lines = ""
) -> Response:
    """Give an area another name or other sites."""
    wanted = sites.replace(",", " ").lower().split()
    try:
        await change_area(connection, person, code, name.strip() or None, wanted)
    except Refusal as refusal:
        found = await find_area(connection, code)
        problems = Problems(Slip("sites", refusal.detail))
        return _one(request, person, Area(code, name, wanted, found.people), problems)
    return RedirectResponse(f"/areas/{code}?done=changed", HTTPStatus.SEE_OTHER)


@router.post("/{code}/remove")
async def remove(person: Manager, connection: Connection, code: str) -> Response:
    """Take an area away."""
    await remove_area(connection, person, code)
    return RedirectResponse("/areas", HTTPStatus.SEE_OTHER)


async def _list(
    request: Request, person: Person, connection: Connection, problems: Problems | None = None, name: str = ""
) -> Response:
    slips = problems or Problems()
    return render(
        "areas.html",
        visitor_of(request, person),
        slips.status,
        here="/areas",
        areas=await list_areas(connection),
        problems=slips,
        name=name,
    )


def _one(request: Request, person: Person, area: Area, problems: Problems | None = None, *, done: str = "") -> Response:
    slips = problems or Problems()
    return render("area.html", visitor_of(request, person), slips.status, here="/areas", area=area, problems=slips, done=done)
