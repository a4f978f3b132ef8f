"""People against a real database: the first administrator, logins, sessions and keys."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from api.people import (
    KEY_PREFIX,
    AdminSecrets,
    Person,
    add_api_key,
    add_person,
    ensure_admin,
    log_in,
    log_out,
    person_of_key,
    person_of_session,
    write_admin_file,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

Answer = TypeVar("Answer")
PASSWORD = "a long enough password"  # noqa: S105 - of a database that lives as long as a test


def ask(database: str, question: Callable[[psycopg.AsyncConnection], Awaitable[Answer]]) -> Answer:
    """Put a question to the database as the API does."""

    async def put() -> Answer:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            return await question(connection)

    return asyncio.run(put())


def make_person(database: str, name: str = "kim") -> int:
    """Make an engineer with a password."""
    with psycopg.connect(database) as connection:
        return add_person(connection, name, "engineer", PASSWORD)


def make_admin(database: str) -> AdminSecrets | None:
    """Make the first administrator if there is none."""
    with psycopg.connect(database) as connection:
        return ensure_admin(connection)


def whose(database: str, key: str) -> Person | None:
    """Ask whose key this is."""
    return ask(database, lambda connection: person_of_key(connection, key))


def test_first_admin_is_made_once_and_can_come_in_both_ways(database: str) -> None:
    """Where nobody is known an administrator is made, whose password and key both work; then never again."""
    admin = make_admin(database)

    assert admin is not None
    assert make_admin(database) is None
    person = whose(database, admin.api_key)
    assert person is not None
    assert (person.name, person.role) == (admin.user, "admin")
    assert ask(database, lambda connection: log_in(connection, admin.user, admin.password)) is not None
    assert len(admin.password) >= 20


def test_first_admin_made_at_once_is_one(database: str) -> None:
    """Of many that start at the same time one makes the administrator."""
    with ThreadPoolExecutor(6) as pool:
        made = [admin for admin in pool.map(make_admin, [database] * 6) if admin is not None]

    assert len(made) == 1


def test_first_admin_is_not_made_where_someone_is_known(plain_database: str) -> None:
    """Whoever has taken Hedgerow into use already decides who else is known."""
    make_person(plain_database)

    assert make_admin(plain_database) is None


def test_first_admin_secrets_are_nowhere_in_the_database(plain_database: str) -> None:
    """Only hashes are kept: neither password nor key nor session token can be read from any table."""
    admin = make_admin(plain_database)
    assert admin is not None
    token = ask(plain_database, lambda connection: log_in(connection, admin.user, admin.password))
    with psycopg.connect(plain_database) as connection:
        tables = (Identifier(name) for name in ("principal", "api_key", "session"))
        kept = str([connection.execute(SQL("SELECT * FROM {}").format(table)).fetchall() for table in tables])

    assert "$argon2id$" in kept
    for secret in (admin.password, admin.api_key, admin.api_key.removeprefix(KEY_PREFIX), str(token)):
        assert secret not in kept


def test_admin_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    """The file holds user, password and key as JSON, mode 0600, also where one was there before."""
    path = tmp_path / "admin.json"
    path.write_text("old")
    path.chmod(0o644)
    write_admin_file(path, AdminSecrets("admin", "secret", "hr_key"))

    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"user": "admin", "password": "secret", "api_key": "hr_key"}
    assert [found.name for found in tmp_path.iterdir()] == ["admin.json"]


def test_log_in_with_what_does_not_fit_gives_nothing(plain_database: str) -> None:
    """Neither a wrong password nor an unknown name opens a session."""
    make_person(plain_database)

    async def try_all(connection: psycopg.AsyncConnection) -> None:
        for name, password in (
            ("kim", "wrong"),
            ("kim", ""),
            ("nobody", PASSWORD),
            ("", ""),
            ("Kim", PASSWORD),
            ("ki\0m", PASSWORD),
            ("kim", "\ud800"),
        ):
            assert await log_in(connection, name, password) is None, name

    ask(plain_database, try_all)


def test_log_in_without_a_password_of_ones_own_is_impossible(plain_database: str) -> None:
    """Someone who has only keys cannot log in with any password."""
    with psycopg.connect(plain_database) as connection:
        add_person(connection, "grafana", "viewer")

    assert ask(plain_database, lambda connection: log_in(connection, "grafana", "")) is None


def test_log_in_takes_as_long_for_an_unknown_name(plain_database: str) -> None:
    """The time an answer takes does not tell whether a name is known."""
    make_person(plain_database)

    def seconds(name: str) -> float:
        started = time.perf_counter()
        ask(plain_database, lambda connection: log_in(connection, name, "wrong"))
        return time.perf_counter() - started

    seconds("nobody")
    # In turns, and the shortest of each: whatever else the machine does falls on both.
    turns = [(seconds("kim"), seconds("nobody")) for _ in range(9)]
    known, unknown = (min(times) for times in zip(*turns, strict=True))
    assert 0.7 < known / unknown < 1.4


def test_session_lasts_until_it_ends_or_is_ended(plain_database: str) -> None:
    """A session is its owner's until it runs out or is ended; another of the same person goes on."""
    principal_id = make_person(plain_database)

    async def story(connection: psycopg.AsyncConnection) -> None:
        first = await log_in(connection, "kim", PASSWORD)
        second = await log_in(connection, "kim", PASSWORD)
        brief = await log_in(connection, "kim", PASSWORD, timedelta(milliseconds=1))
        assert first is not None
        assert second is not None
        assert brief is not None
        assert len({first, second, brief}) == 3
        await asyncio.sleep(0.01)
        assert await person_of_session(connection, first) == Person(principal_id, "kim", "engineer")
        assert await person_of_session(connection, brief) is None
        await log_out(connection, first)
        assert await person_of_session(connection, first) is None
        assert await person_of_session(connection, second) is not None
        assert await person_of_session(connection, "") is None

    ask(plain_database, story)


def test_session_that_ran_out_is_swept_at_the_next_login(plain_database: str) -> None:
    """Old sessions do not pile up."""
    make_person(plain_database)
    for _ in range(3):
        ask(plain_database, lambda connection: log_in(connection, "kim", PASSWORD, timedelta(microseconds=1)))
    ask(plain_database, lambda connection: log_in(connection, "kim", PASSWORD))

    with psycopg.connect(plain_database) as connection:
        assert connection.execute("SELECT count(*) FROM session WHERE expires_at <= now()").fetchone() == (0,)


def test_key_is_its_owners_until_it_expires(plain_database: str) -> None:
    """A key works up to its end and not after; a name cannot be given twice."""
    principal_id = make_person(plain_database)
    now = datetime.now(UTC)
    with psycopg.connect(plain_database) as connection:
        for_ever = add_api_key(connection, principal_id, "a")
        valid = add_api_key(connection, principal_id, "b", now + timedelta(hours=1))
        expired = add_api_key(connection, principal_id, "c", now - timedelta(seconds=1))
        with pytest.raises(ValueError, match="taken"):
            add_person(connection, "kim", "viewer")

    for key, is_good in ((for_ever, True), (valid, True), (expired, False), ("", False), ("hr_\ud800", False)):
        assert (whose(plain_database, key) is not None) == is_good, key
