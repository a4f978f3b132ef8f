"""Webhooks: messages of network servers over HTTP, answered only once they are committed.

A message is kept as one of a device not registered yet, under the topic it would have come by over MQTT; ingest is told and
releases it at once if the device is registered. So it takes the one path that all messages take.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field

from api.database import value_of
from api.dependencies import Bearer, CsrfToken, SessionToken, known, permitted, person_asking, pool_of, settled
from api.description import problems
from api.errors import NotAllowed, NotReady, Slip, Unusable
from api.people import Person
from devices import webhooks
from devices.digest import digest_of
from devices.events import LONGEST_DETAIL, clean
from devices.network_message import BadMessage
from devices.webhooks import Webhook

Result = TypeVar("Result")

_CONNECTION_WAIT_S = 0.8
_PATIENCE_S = 1.5
"""The Things Stack gives up after 5 s, and rests a webhook that fails too often: it must have its answer before."""
_AWAY = "The database does not answer at the moment. Send the same again: it is stored once."
_EVENT = {
    "type": "object",
    "properties": {
        "deviceInfo": {"type": "object", "description": "Which device it is of"},
        "time": {"type": "string", "format": "date-time"},
        "object": {"type": "object", "description": "What the codec made of the payload"},
    },
    "examples": [
        {"deviceInfo": {"devEui": "0011223344556677"}, "time": "2026-11-21T08:30:00Z", "object": {"temperature": 11.2}}
    ],
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "end_device_ids": {"type": "object", "description": "Which device it is of"},
        "uplink_message": {"type": "object", "description": "An uplink; for other events their own field"},
    },
    "examples": [
        {
            "end_device_ids": {"device_id": "gully-7", "dev_eui": "0011223344556677"},
            "uplink_message": {"received_at": "2026-11-21T08:30:00Z", "decoded_payload": {"temperature": 11.2}},
        }
    ],
}
_JSON, _BINARY = "application/json", "application/octet-stream"


def _body(schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe a body that the route reads by itself, by its media types."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind, schema in schemas.items()}}}


async def sender(request: Request, bearer: Bearer, token: SessionToken, csrf: CsrfToken) -> None:
    """Let pass who may write, as everywhere, but be quick to say so when the database does not answer."""
    person = await _in_time(_person(pool_of(request), bearer, token))
    allowed = await permitted(request, await settled(await known(request, person, bearer, token, csrf)))
    if allowed.is_limited:
        raise NotAllowed("A network server speaks for devices of every area: use the key of a service that is not limited.")


router = APIRouter(
    prefix="/api/v1/webhooks",
    tags=["webhooks"],
    dependencies=[Depends(sender)],
    responses=problems(401, 403, 413, 422, 500, 503),
)


class Taken(BaseModel):
    """A message that is committed: it will be stored, or held until its device is registered."""

    device: str = Field(description="Uid of the device")
    repeated: bool = Field(description="Whether just this message had been taken before; then nothing was changed")


@router.post(
    "/chirpstack",
    summary="Take an event of ChirpStack",
    openapi_extra=_body({_JSON: _EVENT, _BINARY: {"type": "string", "format": "binary"}}),
)
async def take_chirpstack(
    request: Request, event: Annotated[str, Query(description="As ChirpStack adds it to the address: up, join, status, …")] = ""
) -> Taken:
    """Take a request of ChirpStack v4's HTTP integration, in JSON or protobuf; answered with 200 once it is committed."""
    return await _take(request, lambda body: webhooks.of_chirpstack(event, body), f"webhooks/chirpstack?event={event}")


@router.post(
    "/things-stack",
    summary="Take a message of The Things Stack",
    openapi_extra=_body({_JSON: _MESSAGE}),
)
async def take_things_stack(request: Request) -> Taken:
    """Take a request of a webhook of The Things Stack v3, of any kind; answered with 200 once it is committed."""
    return await _take(request, webhooks.of_things_stack, "webhooks/things-stack")


async def _take(request: Request, read: Callable[[bytes], Webhook], address: str) -> Taken:
    body = await request.body()
    try:
        webhook = read(body)
    except BadMessage as error:
        topic = clean(address)
        await _store(
            request, "quarantine_webhook", topic, body, reason=error.reason.value, detail=clean(str(error), LONGEST_DETAIL)
        )
        raise Unusable(
            f"The body cannot be read as a message of a device: {error}. It was set aside in quarantine with the reason"
            f" {error.reason}; sending it again changes nothing.",
            Slip("body", str(error)),
        ) from error
    is_new = await _store(request, "hold_webhook", webhook.topic, body, device_uid=webhook.uid)
    return Taken(device=webhook.uid, repeated=not is_new)


async def _store(request: Request, name: str, topic: str, body: bytes, **values: str) -> bool:
    """Commit what a request brought, once; tell whether it is new."""
    stored = {"digest": digest_of(topic, body), "topic": topic, "payload": body, **values}
    return await _in_time(_value(pool_of(request), name, stored)) is not None


async def _person(pool: AsyncConnectionPool, bearer: Bearer, token: SessionToken) -> Person | None:
    async with pool.connection(timeout=_CONNECTION_WAIT_S) as connection:
        return await person_asking(connection, bearer, token)


async def _value(pool: AsyncConnectionPool, name: str, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - any column
    async with pool.connection(timeout=_CONNECTION_WAIT_S) as connection:
        return await value_of(connection, name, values)


async def _in_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for work no longer than whoever asks does; what hangs may still be done, and sending again is harmless."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=_PATIENCE_S)
    if not done:
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise NotReady(_AWAY)
    return task.result()
