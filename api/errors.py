"""What goes wrong, as one table from exception to status, and the one shape in which it is told (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import msgspec
import psycopg
from fastapi.exceptions import RequestValidationError
from psycopg import errors as sqlstate
from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

    ErrorPage = Callable[[Request, "Problem"], Response | None]

_log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"


class Slip(msgspec.Struct, frozen=True):
    """One thing to mend in a request: where it stands and what is wrong with it."""

    where: str
    what: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer that is not what was asked for; `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: tuple[Slip, ...] = ()


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that cannot be answered as asked; its text says what to do."""

    def __init__(self, detail: str, *errors: Slip, on_page: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.on_page = on_page or detail  # the same in words for people who see forms, not addresses


class NotLoggedIn(Refusal):
    """Nobody known asks."""


class NotAllowed(Refusal):
    """The one who asks may not do this."""


class PasswordIsDue(NotAllowed):
    """The one who asks must choose a password first."""


class NotFound(Refusal):
    """There is no such thing."""


class Conflict(Refusal):
    """What is there already says otherwise."""


class Unusable(Refusal):
    """The request is well formed, but what it says cannot be used."""


class NotReady(Refusal):
    """A part that is needed is away; it is worth asking again."""


class _Kind(NamedTuple):
    """How an exception is told: its status, the last part of its `type`, and a text where it has none to show."""

    status: HTTPStatus
    name: str
    detail: str = ""


_BUSY = "Somebody else is changing the same things at this moment. Nothing of yours was changed: try again."
_AWAY = "The database does not answer at the moment. Nothing was changed; try again in a few seconds."
_TABLE: Mapping[type[Exception], _Kind] = {
    NotLoggedIn: _Kind(HTTPStatus.UNAUTHORIZED, "not-logged-in"),
    NotAllowed: _Kind(HTTPStatus.FORBIDDEN, "not-allowed"),
    PasswordIsDue: _Kind(HTTPStatus.FORBIDDEN, "password-is-due"),
    NotFound: _Kind(HTTPStatus.NOT_FOUND, "not-found"),
    Conflict: _Kind(HTTPStatus.CONFLICT, "conflict"),
    Unusable: _Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable"),
    NotReady: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready"),
    sqlstate.QueryCanceled: _Kind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "took-too-long",
        "The database needed too long for this. Ask for a shorter time range or for fewer series.",
    ),
    sqlstate.UndefinedTable: _Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "The database has no tables yet. Run: hedgerow migrate"
    ),
    sqlstate.DeadlockDetected: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "busy", _BUSY),
    sqlstate.LockNotAvailable: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "busy", _BUSY),
    psycopg.OperationalError: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", _AWAY),
    psycopg.InterfaceError: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", _AWAY),
    psycopg.DataError: _Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "unusable",
        "A value cannot be stored or looked up: it is too large, or a text holds a NUL character. Mend it and ask again.",
    ),
}

_MORE_HEADERS: Mapping[HTTPStatus, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="hedgerow"'},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {"Connection": "close"},
}


def problem(status: int, detail: str, name: str = "", *, errors: Sequence[Slip] = (), instance: str = "") -> Problem:
    """Build a problem; without a name its type says no more than its status."""
    kind = f"urn:hedgerow:problem:{name}" if name else "about:blank"
    return Problem(kind, HTTPStatus(status).phrase, status, detail, instance, tuple(errors))


def problem_of(error: Exception) -> Problem:
    """Look an exception up in the table, by its nearest class."""
    for parent in type(error).__mro__:
        if kind := _TABLE.get(parent):
            detail = kind.detail or str(error)
            return problem(kind.status, detail, kind.name, errors=getattr(error, "errors", ()))
    raise LookupError(f"{type(error).__name__} is not in the table of errors") from error


def problem_answer(told: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Make the HTTP answer that tells a problem."""
    more = _MORE_HEADERS.get(HTTPStatus(told.status), {}) | dict(headers or {})
    return Response(msgspec.json.encode(told), told.status, more, PROBLEM_JSON)


def add_error_handlers(app: FastAPI, page: ErrorPage) -> None:
    """Have every error told as a problem; where `page` gives one, a page for a person tells it instead."""

    def tell(request: Request, told: Problem, headers: Mapping[str, str] | None = None) -> Response:
        return page(request, told) or problem_answer(told, headers)

    async def on_known(request: Request, error: Exception) -> Response:
        return tell(request, problem_of(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        return tell(request, problem(error.status_code, _http_detail(request, error)), error.headers)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        return tell(request, invalid_request(error.errors()))

    async def on_fault(request: Request, error: Exception) -> Response:
        return tell(request, fault(error, f"{request.method} {request.url.path}"))

    for kind in _TABLE:
        app.add_exception_handler(kind, on_known)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_fault)


def fault(error: Exception, where: str) -> Problem:
    """Log a fault of ours and tell it under a number that the log has too."""
    number = uuid4()
    _log.error("fault %s in %s", number, where, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"This is a fault in Hedgerow, not in your request. It was logged; tell whoever runs Hedgerow its number: {number}",
        "fault",
        instance=f"urn:uuid:{number}",
    )


def invalid_request(found: Sequence[Mapping[str, Any]]) -> Problem:
    """Tell what of a request does not fit the API's description, one slip for each place."""
    slips = [Slip(".".join(map(str, slip["loc"])), _plain(slip)) for slip in found]
    listed = "; ".join(f"{slip.where}: {slip.what}" for slip in slips[:3])
    more = f" (and {len(slips) - 3} more, in `errors`)" if len(slips) > 3 else ""
    detail = f"Mend this and ask again: {listed}{more}."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "invalid-request", errors=slips)


_PLAIN_WORDS = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "json_invalid": "this is not valid JSON",
}


def _plain(slip: Mapping[str, Any]) -> str:
    if slip["type"] == "model_attributes_type":
        return "send a JSON object, with the header Content-Type: application/json"
    message = str(slip["msg"]).removeprefix("Value error, ")
    return _PLAIN_WORDS.get(slip["type"], message[:1].lower() + message[1:])


def _http_detail(request: Request, error: HTTPException) -> str:
    path = request.url.path
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return f"There is nothing at {path}. The addresses of the API are listed at /openapi.json."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = (error.headers or {}).get("Allow", "another method")
            return f"{request.method} is not possible at {path}; use {allowed}."
        case HTTPStatus.BAD_REQUEST:
            return "The request's body could not be read. Check that it is complete, and JSON not nested too deeply."
        case _:
            return error.detail
