"""Signing in by way of the organisation's own provider."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Lent, Settings
from api.errors import NotFound
from api.pages.session import local_address, login_form, signed_in
from api.people.oidc import SignOn, SignOnFailed, Started
from api.people.sso_accounts import TurnedAway, come_in
from api.session_cookie import drop_cookie, set_cookie, token_of
from api.settings import role_values

router = APIRouter(prefix="/login/sso")

_COOKIE = "hedgerow_sso"  # ties the way back to the browser that went
_LASTS = timedelta(minutes=10)
_FAILED = "Signing in there did not succeed. Try again, or sign in with a user name and password"

_log = logging.getLogger(__name__)

Part = Annotated[str, Query(max_length=4000)]


@router.get("")
async def go(request: Request, settings: Settings, next: Part = "/") -> Response:  # noqa: A002 - the address's word
    """Send the browser to the provider."""
    try:
        address, started = await _sign_on(request, settings).start(local_address(next))
    except SignOnFailed as error:
        return _failed(request, settings, error)
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    kept = urlsafe_b64encode(msgspec.json.encode(started)).decode()
    set_cookie(request, answer, settings, kept, _LASTS, _COOKIE)
    return answer


@router.get("/callback")
async def come_back(
    request: Request, connection: Lent, settings: Settings, state: Part = "", code: Part = "", error: Part = ""
) -> Response:
    """Let in whoever the provider sends back."""
    sign_on = _sign_on(request, settings)
    try:
        started = _kept(token_of(request, settings, _COOKIE), error)
        claims = await sign_on.finish(started, state, code)
        lasts = timedelta(hours=settings.session_hours)
        token = await come_in(connection, claims, role_values(settings.oidc_roles), lasts)
    except SignOnFailed as failure:
        return _failed(request, settings, failure)
    except TurnedAway as refusal:
        return login_form(request, settings, "/", "", str(refusal), status=HTTPStatus.FORBIDDEN)
    answer = signed_in(request, settings, token, started.wanted)
    drop_cookie(answer, settings, _COOKIE)
    return answer


def _sign_on(request: Request, settings: Settings) -> SignOn:
    if not settings.oidc_issuer:
        raise NotFound("Single sign-on is not set up here. Sign in at /login.")
    if not hasattr(request.app.state, "sign_on"):
        request.app.state.sign_on = SignOn(settings)
    sign_on: SignOn = request.app.state.sign_on
    return sign_on


def _kept(cookie: str | None, error: str) -> Started:
    if error:
        raise SignOnFailed(f"the provider says {error!r}")
    if cookie is None:
        raise SignOnFailed("the browser that comes back is not the one that went, or took too long")
    try:
        return msgspec.json.decode(urlsafe_b64decode(cookie), type=Started)
    except (ValueError, msgspec.MsgspecError) as problem:
        raise SignOnFailed("what the browser kept is not what we gave it") from problem


def _failed(request: Request, settings: Settings, failure: SignOnFailed) -> Response:
    _log.warning("single sign-on: %s", failure)
    return login_form(request, settings, "/", "", _FAILED, status=HTTPStatus.FORBIDDEN)
