"""The pages of people and services: who may come in, as what, and where."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Admin, Connection
from api.errors import Refusal, Slip
from api.pages.account import key_slips
from api.pages.forms import Problems
from api.pages.render import render, visitor_of
from api.people import ROLES, Person, Role, Scope
from api.people.accounts import Change, Kind, change_account, find_account, list_accounts, make_account, reset_password
from api.people.areas import list_areas
from api.people.keys import KEY_LASTS, list_keys
from api.people.own_keys import make_key_for, revoke

router = APIRouter(prefix="/people")

_ZONE = ZoneInfo("Europe/London")
_MOST = 1000  # people in the list; a county has fewer
Text = Annotated[str, Form(max_length=1000)]
Texts = Annotated[list[str], Form()]
AccountId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("")
async def people_page(request: Request, person: Admin, connection: Connection) -> Response:
    """List people and services, with a form for another."""
    return await _list(request, person, connection)


@router.post("")
async def add(
    request: Request, person: Admin, connection: Connection, name: Text = "", kind: Text = "person", role: Text = ""
) -> Response:
    """Make a person or service known, and show a person's one-time password, this once."""
    typed = {"name": name, "kind": kind, "role": role}
    problems = Problems()
    if not 1 <= len(name.strip()) <= 200 or not name.isprintable():
        problems.add("name", "Enter a user name, in 200 characters or fewer")
    if role not in ROLES:
        problems.add("role", "Choose a role")
    if kind not in ("person", "service"):
        problems.add("kind", "Choose a person or a service")
    if problems:
        return await _list(request, person, connection, problems, typed)
    try:
        account, password = await make_account(
            connection,
            person,
            name.strip(),
            cast("Kind", kind),
            cast("Role", role),
            limited=False,
            areas=[],
        )
    except Refusal as refusal:
        return await _list(request, person, connection, _problems_of(refusal, "name"), typed)
    return await _one(request, person, connection, account.id, password=password, done="made")


@router.get("/{id}")
async def person_page(request: Request, person: Admin, connection: Connection, id: AccountId, done: str = "") -> Response:  # noqa: A002
    """Show one person or service."""
    return await _one(request, person, connection, id, done=done)


@router.post("/{id}")
async def change(
    request: Request,
    person: Admin,
    connection: Connection,
    id: AccountId,  # noqa: A002
    role: Text = "",
    sees: Text = "all",
    areas: Texts = [],  # noqa: B006 - FastAPI copies it
    disabled: Text = "",
) -> Response:
    """Change role, areas, or whether they may come in."""
    if role not in ROLES:
        return await _one(request, person, connection, id, Problems(Slip("role", "Choose a role")))
    try:
        wanted = Change(role, sees == "areas", areas, bool(disabled))
        await change_account(connection, person, id, wanted)
    except Refusal as refusal:
        return await _one(request, person, connection, id, _problems_of(refusal, "role"))
    return RedirectResponse(f"/people/{id}?done=changed", HTTPStatus.SEE_OTHER)


@router.post("/{id}/password")
async def give_password(request: Request, person: Admin, connection: Connection, id: AccountId) -> Response:  # noqa: A002
    """Give a person a one-time password and show it, this once."""
    try:
        password = await reset_password(connection, person, id)
    except Refusal as refusal:
        return await _one(request, person, connection, id, _problems_of(refusal, "role"))
    return await _one(request, person, connection, id, password=password)


@router.post("/{id}/keys")
async def make_key(
    request: Request,
    person: Admin,
    connection: Connection,
    id: AccountId,  # noqa: A002
    label: Text = "",
    scope: Text = "",
    days: Text = "",
) -> Response:
    """Make a key of a service and show its secret, this once."""
    problems = key_slips(label, scope, days)
    if problems:
        return await _one(request, person, connection, id, problems)
    account = await find_account(connection, id)
    expires_at = datetime.now(UTC) + timedelta(days=int(days))
    try:
        _, secret = await make_key_for(connection, person, account.name, label.strip(), cast("Scope", scope), expires_at)
    except Refusal as refusal:
        return await _one(request, person, connection, id, _problems_of(refusal, "label"))
    return await _one(request, person, connection, id, secret=secret)


@router.post("/{id}/keys/{key}/revoke")
async def revoke_key(
    person: Admin,
    connection: Connection,
    id: AccountId,  # noqa: A002
    key: Annotated[int, Path(ge=1, le=2**31 - 1)],
) -> Response:
    """End a key."""
    await revoke(connection, person, key)
    return RedirectResponse(f"/people/{id}?done=key", HTTPStatus.SEE_OTHER)


def _problems_of(refusal: Refusal, field: str) -> Problems:
    return Problems(Slip(field, refusal.detail))


async def _list(
    request: Request,
    person: Person,
    connection: Connection,
    problems: Problems | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    slips = problems or Problems()
    return render(
        "people.html",
        visitor_of(request, person),
        slips.status,
        here="/people",
        accounts=(await list_accounts(connection, limit=_MOST))[:_MOST],
        problems=slips,
        typed=typed or {"kind": "person", "role": "viewer"},
        roles=ROLES,
        zone=_ZONE,
    )


async def _one(
    request: Request,
    person: Person,
    connection: Connection,
    account_id: int,
    problems: Problems | None = None,
    *,
    password: str | None = None,
    secret: str = "",
    done: str = "",
) -> Response:
    slips = problems or Problems()
    return render(
        "person.html",
        visitor_of(request, person),
        slips.status,
        here="/people",
        account=await find_account(connection, account_id),
        areas=await list_areas(connection),
        keys=await list_keys(connection, account_id),
        problems=slips,
        password=password,
        secret=secret,
        done=done,
        days=KEY_LASTS.days,
        roles=ROLES,
        zone=_ZONE,
    )
