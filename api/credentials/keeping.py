"""Keeping the broker as the database says: ends are enforced at once, what was altered is mended every minute."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg_pool import PoolTimeout

from api.credentials.access import Access, deny_by_default, repairs, withdraw
from api.credentials.control import BrokerAway, control
from api.database import rows_of, value_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    from api.credentials.control import BrokerAddress

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
"""How often ends are looked for that others wrote into the database, or that the broker could not be told."""

COMPARE_EVERY_S = 60.0
"""How often everything is compared with the broker."""

_COMPARISON_S = 120.0
_LOST = "The broker no longer knows this password. Revoke it and issue a new one."


@dataclass(frozen=True, slots=True)
class _Name:
    username: str


@asynccontextmanager
async def keeping(pool: AsyncConnectionPool, address: BrokerAddress | None) -> AsyncIterator[None]:
    """Keep the broker as the database says, as long as the block lasts; nothing where no broker is named."""
    keeper = asyncio.create_task(_keep(pool, address)) if address is not None else None
    try:
        yield
    finally:
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])


async def _keep(pool: AsyncConnectionPool, address: BrokerAddress) -> None:
    """Keep the broker as the database says until cancelled; what fails is tried again, and told once in the log."""
    compare_at, told = 0.0, ""
    while True:
        try:
            async with pool.connection() as connection:
                await withdraw_revoked(connection, address)
                if time.monotonic() >= compare_at:
                    await compare(connection, address)
                    compare_at = time.monotonic() + COMPARE_EVERY_S
            told = ""
        except (BrokerAway, psycopg.Error, PoolTimeout) as error:
            if told != str(error):
                told = str(error)
                _log.warning("device credentials are not compared with the broker: %s", told)
            compare_at = 0.0  # whatever happened meanwhile is seen as soon as it is back
        except Exception:  # noqa: BLE001 - whatever a broker answers, ends are enforced for as long as the API runs
            _log.exception("comparing device credentials with the broker failed")
            compare_at = time.monotonic() + COMPARE_EVERY_S
        await asyncio.sleep(LOOK_EVERY_S)


async def withdraw_revoked(connection: AsyncConnection, address: BrokerAddress) -> None:
    """Let those in no more whose credentials have ended, and end their sessions.

    Parameters
    ----------
    connection
        One that sees the devices of all areas: a name that ended in one may be in force in another.

    Raises
    ------
    BrokerAway
        When the broker could not be told; that is noted with the credentials.
    """
    async with _alone(connection):
        await connection.execute(query("mark_credentials_replaced"))
        ended = [name.username for name in await rows_of(connection, _Name, "list_credentials_to_withdraw")]
        if not ended:
            return
        try:
            async with control(address) as broker:
                await broker.carry_out([command for name in ended for command in withdraw(name)])
        except BrokerAway as error:
            await connection.execute(query("note_vain_withdrawal"), {"trouble": f"Not at the broker yet: {error}."})
            raise
        await connection.execute(query("mark_credentials_withdrawn"), {"usernames": ended})


async def compare(connection: AsyncConnection, address: BrokerAddress) -> None:
    """Compare everything with the broker and mend what differs.

    Raises
    ------
    BrokerAway
        When the broker is away or refuses.
    """
    async with _alone(connection):
        wanted = await rows_of(connection, Access, "list_credentials_in_force")
        async with control(address, _COMPARISON_S) as broker:
            found = repairs(wanted, await broker.list_clients(), await broker.list_roles())
            commands = [*([] if await broker.denies_by_default() else [deny_by_default()]), *found.commands]
            if commands and not wanted and not await value_of(connection, "has_credentials", {}):
                _log.error("the broker knows devices, but this database never gave any a credential: is it the right one?")
            elif commands:
                _log.warning(
                    "device credentials at the broker were not as they should be: %d commands mend them", len(commands)
                )
                await broker.carry_out(commands)
        await connection.execute(query("note_lost_credentials"), {"usernames": found.lost, "trouble": _LOST})


@asynccontextmanager
async def _alone(connection: AsyncConnection) -> AsyncIterator[None]:
    """Keep others from adding credentials meanwhile: what the broker has and the database not would be taken for a stranger."""
    await connection.execute(query("lock_credentials"))
    try:
        yield
    finally:
        await connection.execute(query("unlock_credentials"))
