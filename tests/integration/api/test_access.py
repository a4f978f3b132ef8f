"""Who may ask what: every route of the API's description against everyone who could ask."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from api.people import SESSION_COOKIE, Role, add_api_key, add_person, csrf_token, log_in
from tests.integration.api.access_matrix import LEAST_ROLE

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.access_matrix import Least
    from tests.integration.api.conftest import Api

ROLES = get_args(Role)
_HERE = "tests/integration/api/access_matrix.py"


def routes(api: Api) -> list[str]:
    """Give every method and address the application knows, pages included."""
    return [
        f"{method} {context.path}"
        for context in iter_route_contexts(api.app.routes)
        for method in sorted(context.methods or {"GET"})
        if method != "HEAD"
    ]


def told(api: Api) -> list[tuple[str, Least]]:
    """Give every route that has a line in the matrix, with its least role; a test of its own finds those without."""
    return [(route, LEAST_ROLE[route]) for route in routes(api) if route in LEAST_ROLE]


def no_line(route: str) -> str:
    """Say what is to be done about a route without a line."""
    return (
        f"{route} has no line in the access matrix. Add one to LEAST_ROLE in {_HERE}: the least role that may use it"
        " (open, viewer, engineer, manager, admin), and see that the route asks for it: reads are open to every role and"
        " writes to engineers by themselves; for more take Manager or Admin of api/dependencies.py as a parameter."
    )


def ask(client: httpx.Client, route: str, **headers: str) -> httpx.Response:
    """Ask for something that is not there, and wait only for the head of the answer unless it is a problem."""
    method, path = route.split(" ", 1)
    request = client.build_request(method, re.sub(r"\{\w+(:\w+)?\}", "not-there", path), headers=headers)
    answer = client.send(request, stream=True)
    try:
        if answer.status_code >= 400:
            answer.read()
        return answer
    finally:
        answer.close()


def assert_problem(answer: httpx.Response, status: int) -> None:
    """Check that an answer is a problem of this status, and gives nothing away."""
    assert answer.status_code == status, f"{answer.request.method} {answer.url}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail"}


def test_access_matrix_has_a_line_for_every_route_and_no_other(shared_api: Api) -> None:
    """A new route is tested from its first day; a line whose route is gone goes too."""
    known = routes(shared_api)

    assert len(known) > 40
    assert [no_line(route) for route in known if route not in LEAST_ROLE] == []
    gone = sorted(set(LEAST_ROLE) - set(known))
    assert gone == [], f"these lines of {_HERE} have no route any more: take them out"


def test_access_without_a_good_key_only_open_routes_answer(plain_api: Api) -> None:
    """No key, a wrong key, an expired key, another scheme and a made-up session get nothing but what is open."""
    with psycopg.connect(plain_api.database) as connection:
        expired = add_api_key(connection, add_person(connection, "someone", "admin"), "old")
        connection.execute("UPDATE api_key SET expires_at = now() - interval '1 second'")
    strangers = (
        plain_api.client(),
        plain_api.client(Authorization="Bearer hr_wrong"),
        plain_api.client(Authorization=f"Bearer {expired}"),
        plain_api.client(Authorization=f"Basic {expired}"),
        plain_api.client(Cookie=f"{SESSION_COOKIE}=made-up"),
    )

    for route, least in told(plain_api):
        for stranger in strangers:
            answer = ask(stranger, route)
            if least == "open":
                # The made-up session may not be ended: its form lacks the session's token.
                assert answer.status_code != 401, route
            else:
                assert_problem(answer, 401)
                assert answer.headers["www-authenticate"] == 'Bearer realm="hedgerow"'


@pytest.mark.parametrize("role", ROLES)
def test_access_by_role_is_what_the_matrix_says(shared_api: Api, role: Role) -> None:
    """Every route lets the least role of the matrix and those above it pass, and nobody below."""
    client = shared_api.of(role)

    for route, least in told(shared_api):
        answer = ask(client, route)
        if least != "open" and ROLES.index(role) < ROLES.index(least):
            assert_problem(answer, 403)
        else:
            assert answer.status_code not in (401, 403, 405), f"{route}: {role} gets {answer.status_code}"
            assert answer.status_code < 500, f"{route}: {answer.status_code}"


def test_access_by_session_writes_with_its_token_only(plain_api: Api) -> None:
    """A session reads as a key does; it writes only with the token that other sites' pages cannot know."""
    with psycopg.connect(plain_api.database) as connection:
        add_person(connection, "kim", "admin", "a long enough password")
    token = sign_in(plain_api, "kim", "a long enough password")
    session = plain_api.client(Cookie=f"{SESSION_COOKIE}={token}")

    for route, least in told(plain_api):
        if least == "open":
            continue
        if route.startswith("GET "):
            assert ask(session, route).status_code not in (401, 403), route
            continue
        for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": csrf_token("another")}):
            assert_problem(ask(session, route, **headers), 403)
        assert ask(session, route, **{"X-CSRF-Token": csrf_token(token)}).status_code not in (401, 403), route


def test_access_by_wrong_key_beside_a_session_is_refused(plain_api: Api) -> None:
    """Who sends a key is judged by the key: a session cannot make good for it."""
    with psycopg.connect(plain_api.database) as connection:
        add_person(connection, "kim", "admin", "a long enough password")
    token = sign_in(plain_api, "kim", "a long enough password")
    both = plain_api.client(Cookie=f"{SESSION_COOKIE}={token}", Authorization="Bearer hr_wrong")

    assert_problem(both.get("/api/v1/sites"), 401)


@pytest.mark.parametrize("header", [b"Bearer hr_\xff\x80", b"Bearer", b"Bearer a b", b"\xff"])
def test_access_by_garbage_is_refused_as_any_wrong_key(shared_api: Api, header: bytes) -> None:
    """What is no key at all is a wrong key, not a fault."""
    assert_problem(shared_api.client().get("/api/v1/sites", headers=[(b"Authorization", header)]), 401)


def sign_in(api: Api, name: str, password: str) -> str:
    """Open a session as the login page does and give its token."""

    async def open_session() -> str | None:
        async with await psycopg.AsyncConnection.connect(api.database, autocommit=True) as connection:
            return await log_in(connection, name, password)

    token = asyncio.run(open_session())
    assert token is not None
    return token
