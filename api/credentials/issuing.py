"""Issuing and revoking device credentials: the broker and the database at once, or neither."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from psycopg.errors import UniqueViolation
from psycopg_pool import PoolTimeout

from api.changes import changes
from api.credentials.access import Access, grant, is_device
from api.credentials.control import BrokerAddress, BrokerAway, control
from api.credentials.keeping import withdraw_revoked
from api.credentials.models import Credential, IssuedCredential
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotAllowed, NotFound, NotReady, Slip, Unusable
from api.registration import find_device
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    from api.credentials.models import NewCredential
    from api.people import Person
    from api.settings import ApiSettings

_PASSWORD_BYTES = 32
_TLS_PORT, _PLAIN_PORT = 8883, 1883


@dataclass(frozen=True, slots=True)
class _Device:
    device_id: int
    is_retired: bool


def broker_of(settings: ApiSettings) -> BrokerAddress | None:
    """Give the broker whose dynamic security is ours to keep; nothing where none is set."""
    if not settings.dynsec_url:
        return None
    return BrokerAddress(settings.dynsec_url, settings.dynsec_user, settings.dynsec_password, settings.dynsec_ca_file)


def broker_for_devices(settings: ApiSettings, kind: str) -> str:
    """Give the address that devices with a kind of credential use; empty where they cannot come in with it."""
    if kind == "certificate":
        return settings.device_certificate_url
    return settings.device_mqtt_url or settings.dynsec_url


async def list_credentials(connection: AsyncConnection, uid: str) -> list[Credential]:
    """List what a device was given, the newest first.

    Raises
    ------
    NotFound
        When the device is not registered.
    """
    device = await find_device(connection, uid)
    return await rows_of(connection, Credential, "list_device_credentials", {"uid": device.uid, "id": None})


async def issue_credential(
    connection: AsyncConnection, settings: ApiSettings, person: Person, uid: str, wanted: NewCredential
) -> IssuedCredential:
    """Let a device in at the broker, and give what must be typed into it.

    Raises
    ------
    NotFound
        When the device is not registered.
    Conflict
        When credentials are not kept here, the device is retired, or its name at the broker is taken.
    NotReady
        When the broker is away: nothing was issued.
    """
    address, url = broker_of(settings), broker_for_devices(settings, wanted.kind)
    if address is None:
        raise Conflict("Hedgerow does not keep this broker's credentials: set HEDGEROW_DYNSEC_URL (docs/operations.md).")
    if not url:
        text = "this broker takes no client certificates: HEDGEROW_DEVICE_CERTIFICATE_URL is not set"
        raise Unusable(f"{text[0].upper()}{text[1:]} (docs/operations.md).", Slip("body.kind", text))
    await find_device(connection, uid)
    if wanted.is_gateway and person.is_limited:
        raise NotAllowed("A gateway speaks for devices of every area: ask somebody who is not limited to areas.")
    access = Access(wanted.certificate_name or uid, uid, wanted.is_gateway, wanted.kind == "password")
    password = secrets.token_urlsafe(_PASSWORD_BYTES) if access.has_password else None
    async with changes(connection, person):
        await connection.execute(query("lock_credentials_until_commit"))
        credential_id = await _add(connection, person, access)
        await _let_in(address, access, password)
    credential = await row_of(connection, Credential, "list_device_credentials", {"uid": uid, "id": credential_id})
    if credential is None:
        raise LookupError(f"credential {credential_id} is gone")
    return IssuedCredential(**credential.model_dump(), password=password, **_place(url), topics=access.topics)


async def revoke_credential(
    connection: AsyncConnection, pool: AsyncConnectionPool, settings: ApiSettings, person: Person, uid: str, credential_id: int
) -> Credential:
    """End a credential, and the session of whoever uses it; where the broker is away, as soon as it is back.

    Raises
    ------
    NotFound
        When the device has no such credential.
    """
    values = {"uid": uid, "id": credential_id}
    await find_credential(connection, uid, credential_id)
    async with changes(connection, person):
        await connection.execute(query("revoke_device_credential"), values | {"person": person.name})
    if (address := broker_of(settings)) is not None:
        # What cannot be done now is noted with the credential, and the keeper tries on.
        with suppress(BrokerAway, PoolTimeout):
            async with pool.connection() as all_seeing:
                await withdraw_revoked(all_seeing, address)
    return await find_credential(connection, uid, credential_id)


async def find_credential(connection: AsyncConnection, uid: str, credential_id: int) -> Credential:
    """Find a credential of a device.

    Raises
    ------
    NotFound
        When the device is not registered or has no such credential.
    """
    await find_device(connection, uid)
    found = await row_of(connection, Credential, "list_device_credentials", {"uid": uid, "id": credential_id})
    if found is None:
        raise NotFound(f"The device {uid} has no credential {credential_id}: see /api/v1/devices/{uid}/credentials.")
    return found


async def _add(connection: AsyncConnection, person: Person, access: Access) -> int:
    device = await row_of(connection, _Device, "lock_device_for_credential", {"uid": access.uid})
    if device is None or device.is_retired:
        raise Conflict(f"The device {access.uid} is retired: nothing it sends is wanted.")
    if holder := await value_of(connection, "find_credential_in_force", {"username": access.username}):
        raise Conflict(
            f"The device {holder} comes in as {access.username!r} already. Revoke that credential first:"
            f" see /api/v1/devices/{holder}/credentials."
        )
    values = {
        "device_id": device.device_id,
        "kind": "password" if access.has_password else "certificate",
        "username": access.username,
        "is_gateway": access.is_gateway,
        "person": person.name,
    }
    try:
        return int(await value_of(connection, "add_device_credential", values))
    except UniqueViolation as error:
        raise Conflict(f"The name {access.username!r} was given away a moment ago. Look again.") from error


async def _let_in(address: BrokerAddress, access: Access, password: str | None) -> None:
    try:
        async with control(address) as broker:
            holder = await broker.find_client(access.username)
            if holder is not None and not is_device(holder):
                raise Conflict(
                    f"The name {access.username!r} belongs to a program at the broker. Take another certificate's name,"
                    " or rename that program (docs/operations.md)."
                )
            await broker.carry_out(grant(access, password))
    except BrokerAway as error:
        raise NotReady(f"Nothing was issued, for {error}. Try again when the broker is back.") from error


def _place(url: str) -> dict[str, str | int | bool]:
    parts = urlsplit(url)
    is_tls = parts.scheme == "mqtts"
    return {"host": parts.hostname or "", "port": parts.port or (_TLS_PORT if is_tls else _PLAIN_PORT), "tls": is_tls}
