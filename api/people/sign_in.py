"""Signing in with name and password: slowed down for those who guess, and written down."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from api.people.accounts import choose_password
from api.people.sessions import log_in
from sql.queries import query

if TYPE_CHECKING:
    from datetime import timedelta

    from psycopg import AsyncConnection

    from api.errors import Slip
    from api.people.roles import Person
    from api.people.throttle import Throttle

_LONGEST_NAME = 100  # in the audit: what a stranger typed is kept no longer


class TooManyAttempts(Exception):  # noqa: N818 - an answer, not a fault
    """The name or the address must rest; `wait_s` says how long [s]."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s

    def __str__(self) -> str:
        """Say what to do."""
        minutes = ceil(self.wait_s / 60)
        return f"Wait {minutes} {'minute' if minutes == 1 else 'minutes'} and try again"


async def sign_in(
    connection: AsyncConnection, throttle: Throttle, name: str, password: str, address: str, lasts: timedelta
) -> str | None:
    """Open a session and give its token; nothing where name and password do not fit together.

    Raises
    ------
    TooManyAttempts
        When too many attempts of this name, or from this address, have failed lately.
    """
    wait_s = throttle.wait_s(name, address)
    if wait_s > 0:
        raise TooManyAttempts(wait_s)
    throttle.note(name, address)
    token = await log_in(connection, name, password, lasts)
    if token is not None:
        throttle.succeeded(name, address)
    await write_login(connection, name, f"password, from {address}", succeeded=token is not None)
    return token


async def change_password(
    connection: AsyncConnection, throttle: Throttle, person: Person, token: str, old: str, new: str, address: str
) -> Slip | None:
    """Give a person the password of their choice; tell what is to mend, if anything.

    Whoever finds a session open guesses the present password no faster than at the login, and it is written down.

    Raises
    ------
    TooManyAttempts
        When the present password was wrong too often lately.
    """
    name = f"{person.name}, who is signed in"
    wait_s = throttle.wait_s(name, address)
    if wait_s > 0:
        raise TooManyAttempts(wait_s)
    throttle.note(name, address)
    slip = await choose_password(connection, person, token, old, new)
    if slip is None or slip.where != "old":
        throttle.succeeded(name, address)
    else:
        await write_login(connection, person.name, f"present password, from {address}", succeeded=False)
    return slip


async def write_login(connection: AsyncConnection, name: str, told: str, *, succeeded: bool) -> None:
    """Note in the audit who came in or was turned away."""
    plain = name.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:_LONGEST_NAME]
    await connection.execute(query("write_login"), {"name": plain, "succeeded": succeeded, "told": told})
