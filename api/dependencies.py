"""What routes ask for by type: a connection, who asks, a page of a list, series and times in a question."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Self, cast

from fastapi import Depends, Query, Request
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from api.errors import NotAllowed, NotLoggedIn, PasswordIsDue
from api.people import ROLES, SESSION_COOKIE, Person, Role, is_csrf_token, person_of_key, person_of_session
from api.people.areas import as_seen_by
from api.schemas import Code, Domain, MetricKey, Tag, Uid
from api.session_cookie import token_of
from api.settings import ApiSettings
from api.times import Time

_CSRF_HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="An API key: `hr_…`")
_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="Session", description="Login to the console")
_csrf = APIKeyHeader(name=_CSRF_HEADER, auto_error=False, scheme_name="CSRF token", description="For writes in a session")


Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
CsrfToken = Annotated[str | None, Depends(_csrf)]


def settings_of(request: Request) -> ApiSettings:
    """Give the settings the application was made with."""
    return cast("ApiSettings", request.app.state.settings)


def pool_of(request: Request) -> AsyncConnectionPool:
    """Give the application's connection pool."""
    return cast("AsyncConnectionPool", request.app.state.pool)


async def lent(request: Request) -> AsyncIterator[AsyncConnection]:
    """Lend a connection in autocommit mode until the route's function has returned; it sees everything."""
    async with pool_of(request).connection() as connection:
        yield connection


# Sees everything: for what tells nothing of sites and devices, such as who asks.
# Scope "function": given back, and all committed, before the answer is sent.
Lent = Annotated[AsyncConnection, Depends(lent, scope="function")]
Settings = Annotated[ApiSettings, Depends(settings_of)]


async def session_token(
    request: Request, settings: Settings, _described: Annotated[str | None, Depends(_cookie)]
) -> str | None:
    """Give the session's token; in production mode only from the cookie that no other host can set."""
    return token_of(request, settings)


SessionToken = Annotated[str | None, Depends(session_token)]


async def person_asking(connection: Lent, bearer: Bearer, token: SessionToken) -> Person | None:
    """Tell who asks, by API key or else by session; nobody where neither is there or good."""
    if bearer is not None:
        return await person_of_key(connection, bearer.credentials)
    return await person_of_session(connection, token) if token else None


Asking = Annotated[Person | None, Depends(person_asking)]


async def connection(lent: Lent, person: Asking) -> AsyncIterator[AsyncConnection]:
    """Lend a connection that sees what the person asking may see: all of it, or their areas; nobody's sees no area."""
    async with as_seen_by(lent, person):
        yield lent


Connection = Annotated[AsyncConnection, Depends(connection, scope="function")]


async def known(request: Request, person: Asking, bearer: Bearer, token: SessionToken, csrf: CsrfToken) -> Person:
    """Let anyone known pass, to what is their own; a session's writes need its token.

    Raises
    ------
    NotLoggedIn
        When nobody known asks.
    NotAllowed
        When a write may have come from another site's page.
    """
    if person is None:
        raise NotLoggedIn("Send a valid API key: Authorization: Bearer hr_… Whoever runs Hedgerow can give you one.")
    is_write = request.method not in _SAFE_METHODS
    if is_write and bearer is None and token and not is_csrf_token(token, csrf or await _csrf_of_form(request)):
        raise NotAllowed(
            f"This page was open too long: go back, reload it and try again. Programs send the header {_CSRF_HEADER} with"
            " the token of their session, or use an API key."
        )
    return person


Known = Annotated[Person, Depends(known)]


async def settled(person: Known) -> Person:
    """Let anyone known pass whose password is their own.

    Raises
    ------
    PasswordIsDue
        When the one who asks came in with a one-time password.
    """
    if person.password_is_due:
        raise PasswordIsDue("Your password is good for once only. Choose one of your own first: /account")
    return person


Settled = Annotated[Person, Depends(settled)]


async def permitted(request: Request, person: Settled) -> Person:
    """Let a request pass: anyone known may read, engineers and above may write.

    Raises
    ------
    NotAllowed
        When the one who asks may not write.
    """
    if request.method not in _SAFE_METHODS and not person.may_write:
        raise NotAllowed(f"Your role ({person.role}) may only read. Ask an administrator for the role of engineer.")
    return person


async def _csrf_of_form(request: Request) -> str:
    """Give the token that a page's form carries in its field `csrf`."""
    if not request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return ""
    return str((await request.form()).get("csrf", ""))


Permitted = Annotated[Person, Depends(permitted)]


def at_least(role: Role) -> Callable[[Person], Person]:
    """Make a dependency that lets only this role and those above it pass.

    A page or route says so with `dependencies=[Depends(at_least("manager"))]`, or takes `Manager` or `Admin` as a parameter.
    """

    def allowed(person: Permitted) -> Person:
        if ROLES.index(person.role) < ROLES.index(role):
            raise NotAllowed(f"This needs the role of {role}; yours is {person.role}. Ask an administrator.")
        return person

    return allowed


Engineer = Annotated[Person, Depends(at_least("engineer"))]
Manager = Annotated[Person, Depends(at_least("manager"))]
Admin = Annotated[Person, Depends(at_least("admin"))]


SeriesId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Paging(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000, description="Most items in the page")
    after: str | None = Field(None, max_length=200, description="`next` of the page before")


class PagingById(BaseModel):
    """Which page of a list that is in the order of a number."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000, description="Most items in the page")
    after: int | None = Field(None, ge=0, le=2**63 - 1, description="`next` of the page before")


def _fits_none(value: Any, check: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - whatever is asked
    """Let an empty value pass: a dashboard in which nothing is chosen sends it, and is to see nothing."""
    return value if value == "" else check(value)


_OrEmpty = WrapValidator(_fits_none)


class SeriesFilter(BaseModel):
    """Which series: those that fit one of the values of every filter given. An empty value fits none."""

    model_config = ConfigDict(extra="forbid")

    devices: list[Annotated[Uid, _OrEmpty]] = Field(
        [], alias="device", max_length=1000, description="Uid of a device: the series of its sites, while it is there"
    )
    sites: list[Annotated[Code, _OrEmpty]] = Field([], alias="site", max_length=1000, description="Code of a site")
    series: list[SeriesId] = Field([], max_length=10_000, description="Id of a series")
    metrics: list[Annotated[MetricKey, _OrEmpty]] = Field(
        [], alias="metric", max_length=1000, description="Metric key or alias"
    )
    domains: list[Annotated[Domain, _OrEmpty]] = Field([], alias="domain", max_length=100, description="Domain of the metric")
    areas: list[Annotated[Code, _OrEmpty]] = Field(
        [], alias="area", max_length=100, description="Code of an area: the series of its sites"
    )
    tags: list[Annotated[Tag, _OrEmpty]] = Field([], alias="tag", max_length=100, description="Tag of a site")


class SeriesAndTimes(SeriesFilter):
    """Which series, and from when to when."""

    start: Time | None = Field(None, alias="from", description="Start, included; default: since ever")
    end: Time | None = Field(None, alias="to", description="End, not included; default: until ever")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


OnePage = Annotated[Paging, Query()]
