"""Errors as pages, for a person with a browser; programs get the same told as a problem."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi.responses import RedirectResponse

from api.pages.render import Visitor, render
from api.people import csrf_token
from api.session_cookie import token_of

if TYPE_CHECKING:
    from fastapi import Request, Response

    from api.errors import Problem

_FOR_PROGRAMS = ("/api/", "/static/", "/healthz", "/readyz", "/metrics", "/openapi.json")

_HEADINGS = {
    HTTPStatus.FORBIDDEN: "You may not do this",
    HTTPStatus.NOT_FOUND: "Page not found",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Sorry, there is a fault in Hedgerow",
    HTTPStatus.SERVICE_UNAVAILABLE: "Hedgerow is not ready",
}
_NOT_FOUND = ("If you typed the address, check that it is right.", "The site may have another code by now.")


def error_page(request: Request, told: Problem) -> Response | None:
    """Tell a problem as a page, or send a person who is not signed in to do so; nothing where a program asks."""
    if request.url.path.startswith(_FOR_PROGRAMS) or "text/html" not in request.headers.get("accept", ""):
        return None
    if told.status == HTTPStatus.UNAUTHORIZED:
        return RedirectResponse(f"/login?{urlencode({'next': _wanted(request)})}", HTTPStatus.SEE_OTHER)
    if told.type.endswith(":password-is-due"):
        return RedirectResponse("/account", HTTPStatus.SEE_OTHER)
    heading = _HEADINGS.get(HTTPStatus(told.status), told.title)
    lines = _NOT_FOUND if told.status == HTTPStatus.NOT_FOUND else (told.detail,)
    return render("error.html", _visitor(request), told.status, heading=heading, lines=lines)


def _wanted(request: Request) -> str:
    """Where to go once signed in: what was asked for, unless it was a form's target."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _visitor(request: Request) -> Visitor | None:
    """Keep the header of someone with a session without asking the database, which may be what fails."""
    token = token_of(request, request.app.state.settings)
    return Visitor("", "viewer", csrf_token(token)) if token else None
