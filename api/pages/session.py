"""Signing in and out: the only pages that need no session."""

from datetime import timedelta
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Asking, Connection, Settings
from api.errors import NotAllowed
from api.pages.render import render
from api.people import SESSION_COOKIE, csrf_token, is_csrf_token, log_in, log_out

router = APIRouter()

_FORM_COOKIE = "hedgerow_login"  # ties the form to this browser, so that nobody signs a person in as someone else
_SLIPS = {
    "user": "Enter your user name",
    "password": "Enter your password",
    "pair": "This user name and password do not fit together",
    "form": "The page was open too long. Sign in again",
}

FormCookie = Annotated[str, Cookie(alias=_FORM_COOKIE)]


@router.get("/login")
async def login_page(request: Request, person: Asking, next: str = "/") -> Response:  # noqa: A002 - the address's word
    """Show the form, or go on where someone is signed in already."""
    if person is not None:
        return RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    return _form(request, next)


@router.post("/login")
async def login(
    request: Request,
    connection: Connection,
    settings: Settings,
    user: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    csrf: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the address's word
    form_token: FormCookie = "",
) -> Response:
    """Open a session where name and password fit together."""
    if not form_token or not is_csrf_token(form_token, csrf):
        return _form(request, next, user, "form")
    if not user or not password:
        return _form(request, next, user, *(slip for slip, text in (("user", user), ("password", password)) if not text))
    lasts = timedelta(hours=settings.session_hours)
    token = await log_in(connection, user, password, lasts)
    if token is None:
        return _form(request, next, user, "pair")
    answer = RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    _set_cookie(request, answer, SESSION_COOKIE, token, lasts)
    answer.delete_cookie(_FORM_COOKIE)
    return answer


@router.post("/logout")
async def logout(request: Request, connection: Connection, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session.

    Raises
    ------
    NotAllowed
        When the form does not come from one of this session's pages.
    """
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        if not is_csrf_token(token, csrf):
            raise NotAllowed("This page was open too long. Go back, reload it and sign out again.")
        await log_out(connection, token)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def _form(request: Request, wanted: str, user: str = "", *slips: str) -> Response:
    token = request.cookies.get(_FORM_COOKIE) or token_urlsafe(32)
    errors = [{"text": _SLIPS[slip], "href": "#password" if slip == "password" else "#user"} for slip in slips]
    answer = render(
        "login.html",
        None,
        HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK,
        csrf=csrf_token(token),
        next=_local(wanted),
        user=user,
        errors=errors,
        user_error=next((_SLIPS[slip] for slip in slips if slip != "password"), None),
        password_error=_SLIPS["password"] if "password" in slips else None,
    )
    _set_cookie(request, answer, _FORM_COOKIE, token, timedelta(hours=1))
    return answer


def _local(address: str) -> str:
    """Go on within the console only: never to another host."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\", "/login")) else "/"


def _set_cookie(request: Request, answer: Response, name: str, value: str, lasts: timedelta) -> None:
    seconds = int(lasts.total_seconds())
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, seconds, httponly=True, secure=secure, samesite="lax")
