"""The page of one's own account: password and API keys."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Connection, Known, Lent, SessionToken, Settled
from api.errors import Refusal, Slip
from api.pages.forms import Problems
from api.pages.render import render, visitor_of
from api.pages.session import address_of
from api.people import Person, Scope
from api.people.accounts import find_account
from api.people.keys import KEY_LASTS, list_keys
from api.people.own_keys import make_key_for, revoke
from api.people.roles import SCOPES
from api.people.sign_in import TooManyAttempts
from api.people.sign_in import change_password as change

router = APIRouter(prefix="/account")

_ZONE = ZoneInfo("Europe/London")  # of the program, not of a site
_MOST_DAYS = 1096
Text = Annotated[str, Form(max_length=1000)]


@router.get("")
async def account_page(request: Request, person: Known, connection: Lent, done: str = "") -> Response:
    """Show one's own account."""
    return await _page(request, person, connection, done=done)


@router.post("/password")
async def change_password(
    request: Request, person: Known, connection: Lent, token: SessionToken, old: Text = "", new: Text = "", again: Text = ""
) -> Response:
    """Take the password a person chose."""
    problems = Problems()
    if not token:
        problems.add("old", "Sign in to change your password: an API key cannot")
    elif new != again:
        problems.add("again", "Enter the same new password twice")
    else:
        try:
            slip = await change(connection, request.app.state.throttle, person, token, old, new, address_of(request))
        except TooManyAttempts as error:
            problems.add("old", f"The present password was wrong too often. {error}")
        else:
            if slip:
                problems.add(slip.where, slip.what)
    if problems:
        return await _page(request, person, connection, problems)
    return RedirectResponse("/account?done=password", HTTPStatus.SEE_OTHER)


@router.post("/keys")
async def make_key(
    request: Request, person: Settled, connection: Connection, label: Text = "", scope: Text = "", days: Text = ""
) -> Response:
    """Make a key and show its secret, this once."""
    problems = key_slips(label, scope, days)
    if problems:
        return await _page(request, person, connection, problems, typed={"label": label, "scope": scope, "days": days})
    expires_at = datetime.now(UTC) + timedelta(days=int(days))
    try:
        _, secret = await make_key_for(connection, person, None, label.strip(), cast("Scope", scope), expires_at)
    except Refusal as refusal:
        return await _page(request, person, connection, Problems(Slip("label", refusal.detail)))
    return await _page(request, person, connection, secret=secret)


@router.post("/keys/{id}/revoke")
async def revoke_key(
    person: Settled,
    connection: Connection,
    id: Annotated[int, Path(ge=1, le=2**31 - 1)],  # noqa: A002
) -> Response:
    """End one of one's own keys."""
    await revoke(connection, person, id)
    return RedirectResponse("/account?done=key", HTTPStatus.SEE_OTHER)


def key_slips(label: str, scope: str, days: str) -> Problems:
    """Tell what is to mend in the form for a key."""
    problems = Problems()
    if not 1 <= len(label.strip()) <= 200 or not label.isprintable():
        problems.add("label", "Enter what the key is for, in 200 characters or fewer")
    if scope not in SCOPES:
        problems.add("scope", "Choose what the key may do")
    if not days.isdecimal() or not 1 <= int(days) <= _MOST_DAYS:
        problems.add("days", f"Enter for how many days the key is good, from 1 to {_MOST_DAYS:,}")
    return problems


async def _page(
    request: Request,
    person: Person,
    connection: Lent,
    problems: Problems | None = None,
    *,
    typed: dict[str, str] | None = None,
    secret: str = "",
    done: str = "",
) -> Response:
    slips = problems or Problems()
    return render(
        "account.html",
        visitor_of(request, person),
        slips.status,
        here="/account",
        account=await find_account(connection, person.principal_id),
        is_due=person.password_is_due,
        keys=await list_keys(connection, person.principal_id),
        problems=slips,
        typed=typed or {"scope": "read", "days": str(KEY_LASTS.days)},
        secret=secret,
        done=done,
        zone=_ZONE,
    )
