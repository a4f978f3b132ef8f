"""Signing in and out: the only pages that need no session."""

from datetime import timedelta
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Asking, Lent, SessionToken, Settings
from api.errors import NotAllowed
from api.pages.render import render
from api.people import csrf_token, is_csrf_token, log_out
from api.people.sign_in import TooManyAttempts, sign_in
from api.session_cookie import drop_cookie, set_cookie, token_of

router = APIRouter()

_FORM_COOKIE = "hedgerow_login"  # ties the form to this browser, so that nobody signs a person in as someone else
_SLIPS = {
    "user": "Enter your user name",
    "password": "Enter your password",
    "pair": "This user name and password do not fit together",
    "form": "The page was open too long. Sign in again",
}


@router.get("/login")
async def login_page(
    request: Request,
    person: Asking,
    settings: Settings,
    next: str = "/",  # noqa: A002 - the address's word
) -> Response:
    """Show the form, or go on where someone is signed in already."""
    if person is not None:
        return RedirectResponse(local_address(next), HTTPStatus.SEE_OTHER)
    return login_form(request, settings, next)


@router.post("/login")
async def login(
    request: Request,
    connection: Lent,
    settings: Settings,
    user: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    csrf: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the address's word
) -> Response:
    """Open a session where name and password fit together."""
    form_token = token_of(request, settings, _FORM_COOKIE)
    if not form_token or not is_csrf_token(form_token, csrf):
        return login_form(request, settings, next, user, _SLIPS["form"])
    missing = [_SLIPS[slip] for slip, text in (("user", user), ("password", password)) if not text]
    if missing:
        return login_form(request, settings, next, user, *missing)
    lasts = timedelta(hours=settings.session_hours)
    try:
        token = await sign_in(connection, request.app.state.throttle, user, password, address_of(request), lasts)
    except TooManyAttempts as error:
        text = f"Too many failed attempts to sign in. {error}"
        return login_form(request, settings, next, user, text, status=HTTPStatus.TOO_MANY_REQUESTS)
    if token is None:
        return login_form(request, settings, next, user, _SLIPS["pair"])
    return signed_in(request, settings, token, next)


@router.post("/logout")
async def logout(connection: Lent, token: SessionToken, settings: Settings, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session.

    Raises
    ------
    NotAllowed
        When the form does not come from one of this session's pages.
    """
    if token:
        if not is_csrf_token(token, csrf):
            raise NotAllowed("This page was open too long. Go back, reload it and sign out again.")
        await log_out(connection, token)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    drop_cookie(answer, settings)
    return answer


def login_form(
    request: Request,
    settings: Settings,
    wanted: str = "/",
    user: str = "",
    *slips: str,
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Response:
    """Show the form, with what went wrong."""
    token = token_of(request, settings, _FORM_COOKIE) or token_urlsafe(32)
    of_password = _SLIPS["password"]
    answer = render(
        "login.html",
        None,
        status if slips else HTTPStatus.OK,
        csrf=csrf_token(token),
        next=local_address(wanted),
        user=user,
        errors=[{"text": slip, "href": "#password" if slip == of_password else "#user"} for slip in slips],
        user_error=next((slip for slip in slips if slip != of_password), None),
        password_error=of_password if of_password in slips else None,
        sso_name=settings.oidc_name if settings.oidc_issuer else None,
    )
    set_cookie(request, answer, settings, token, timedelta(hours=1), _FORM_COOKIE)
    return answer


def signed_in(request: Request, settings: Settings, token: str, wanted: str) -> Response:
    """Go on with a session just opened."""
    answer = RedirectResponse(local_address(wanted), HTTPStatus.SEE_OTHER)
    set_cookie(request, answer, settings, token, timedelta(hours=settings.session_hours))
    drop_cookie(answer, settings, _FORM_COOKIE)
    return answer


def local_address(address: str) -> str:
    """Go on within the console only: never to another host."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\", "/login")) else "/"


def address_of(request: Request) -> str:
    """Tell where a request comes from, as the server or the proxy it trusts says."""
    return request.client.host if request.client else "nowhere"
