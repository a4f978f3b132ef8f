"""Who may ask what: every route of the API's description against everyone who could ask."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from api.people import SESSION_COOKIE, Role, add_api_key, add_person, csrf_token, log_in

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
ROLES = get_args(Role)
WRITERS = {"engineer", "manager", "admin"}


def operations(api: Api) -> list[tuple[str, str]]:
    """Give every method and address of the description."""
    described = api.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in described.items() for method in methods]


def address(path: str) -> str:
    """Fill an address with something that is not there."""
    return re.sub(r"\{\w+\}", "not-there", path)


def assert_problem(answer: httpx.Response, status: int) -> None:
    """Check that an answer is a problem of this status, and gives nothing away."""
    assert answer.status_code == status, f"{answer.request.method} {answer.url}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail"}


def test_access_without_a_good_key_only_health_is_open(plain_api: Api) -> None:
    """No key, a wrong key, an expired key, another scheme and a made-up session all get nothing but health."""
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

    assert len(operations(plain_api)) > 20
    for method, path in [*operations(plain_api), ("GET", "/openapi.json")]:
        for stranger in strangers:
            answer = stranger.request(method, address(path))
            if (method, path) in OPEN:
                assert answer.status_code == 200, path
            else:
                assert_problem(answer, 401)
                assert answer.headers["www-authenticate"] == 'Bearer realm="hedgerow"'


@pytest.mark.parametrize("role", ROLES)
def test_access_by_role_viewers_read_and_others_write_too(shared_api: Api, role: Role) -> None:
    """Every route lets every role read; none lets a viewer write."""
    client = shared_api.of(role)

    for method, path in operations(shared_api):
        answer = client.request(method, address(path))
        if method != "GET" and role not in WRITERS:
            assert_problem(answer, 403)
        else:
            assert answer.status_code in ({200, 404} if method == "GET" else {422}), f"{method} {path}: {answer.text}"


def test_access_by_session_reads_and_writes_with_its_token_only(plain_api: Api) -> None:
    """A session reads as a key does; it writes only with the token that other sites' pages cannot know."""
    with psycopg.connect(plain_api.database) as connection:
        add_person(connection, "kim", "engineer", "a long enough password")
    token = sign_in(plain_api, "kim", "a long enough password")
    session = plain_api.client(Cookie=f"{SESSION_COOKIE}={token}")

    for method, path in operations(plain_api):
        if method == "GET":
            assert session.get(address(path)).status_code in (200, 404), path
            continue
        for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": csrf_token("another")}):
            assert_problem(session.request(method, path, headers=headers), 403)
        answer = session.request(method, path, headers={"X-CSRF-Token": csrf_token(token)})
        assert answer.status_code == 422, path


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


def test_access_console_shows_a_stranger_only_the_way_in(shared_api: Api) -> None:
    """Every route that is not in the description is the console's: open are only the login page and static files."""
    described = set(operations(shared_api))
    stranger = shared_api.client()

    console = [(method, path) for method, path in routes(shared_api) if (method, path) not in described]
    assert ("GET", "/login") in console
    for method, path in console:
        status = stranger.request(method, address(path)).status_code
        is_open = path.startswith("/static") or path in {"/login", "/logout"}
        assert (status != 401) == is_open, f"{method} {path} answers a stranger with {status}"


def routes(api: Api) -> list[tuple[str, str]]:
    """Give every method and address the application knows."""
    return [
        (method, context.path or "")
        for context in iter_route_contexts(api.app.routes)
        for method in context.methods or {"GET"}
        if method != "HEAD"
    ]


def sign_in(api: Api, name: str, password: str) -> str:
    """Open a session as the login page does and give its token."""

    async def open_session() -> str | None:
        async with await psycopg.AsyncConnection.connect(api.database, autocommit=True) as connection:
            return await log_in(connection, name, password)

    token = asyncio.run(open_session())
    assert token is not None
    return token
