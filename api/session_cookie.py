"""The cookies of sessions: their names, how they are read and how they are set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.people.sessions import SESSION_COOKIE

if TYPE_CHECKING:
    from datetime import timedelta

    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from api.settings import ApiSettings

_OF_THIS_HOST = "__Host-"  # browsers take such a cookie only over https, from this very host, for all of its pages


def cookie_name(settings: ApiSettings, name: str = SESSION_COOKIE) -> str:
    """Give the name under which a cookie is kept: in production mode one that no other host can set."""
    return f"{_OF_THIS_HOST}{name}" if settings.production else name


def token_of(request: HTTPConnection, settings: ApiSettings, name: str = SESSION_COOKIE) -> str | None:
    """Read a cookie of ours."""
    return request.cookies.get(cookie_name(settings, name)) or None


def set_cookie(
    request: HTTPConnection, answer: Response, settings: ApiSettings, value: str, lasts: timedelta, name: str = SESSION_COOKIE
) -> None:
    """Set a cookie that scripts cannot read, other sites' forms do not carry, and in production mode only https does."""
    answer.set_cookie(
        cookie_name(settings, name),
        value,
        int(lasts.total_seconds()),
        httponly=True,
        secure=settings.production or request.url.scheme == "https",
        samesite="lax",
    )


def drop_cookie(answer: Response, settings: ApiSettings, name: str = SESSION_COOKIE) -> None:
    """Have the browser forget a cookie of ours."""
    answer.delete_cookie(cookie_name(settings, name), secure=settings.production, httponly=True, samesite="lax")
