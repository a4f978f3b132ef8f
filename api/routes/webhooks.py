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
from api.dependencies import Bearer, permitted, pool_of
from api.description import problems
from api.errors import NotReady, Slip, Unusable
from api.people import Person, person_of_key
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
_JSON = {"application/json": {"schema": {"type": "object"}}}
_PROTOBUF = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


async def sender(request: Request, bearer: Bearer) -> None:
    """Let a network server pass that has an API key with which one may write; quick to say that it cannot tell."""
    person = await _in_time(_person(pool_of(request), bearer.credentials)) if bearer else None
    await permitted(request, person, bearer, None, None)


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
    openapi_extra={"requestBody": {"required": True, "content": {**_JSON, **_PROTOBUF}}},
)
async def take_chirpstack(
    request: Request, event: Annotated[str, Query(description="As ChirpStack adds it to the address: up, join, status, …")] = ""
) -> Taken:
    """Take a request of ChirpStack v4's HTTP integration, in JSON or protobuf; answered with 200 once it is committed."""
    return await _take(request, lambda body: webhooks.of_chirpstack(event, body), f"webhooks/chirpstack?event={event}")


@router.post(
    "/things-stack",
    summary="Take a message of The Things Stack",
    openapi_extra={"requestBody": {"required": True, "content": _JSON}},
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


async def _person(pool: AsyncConnectionPool, key: str) -> Person | None:
    async with pool.connection(timeout=_CONNECTION_WAIT_S) as connection:
        return await person_of_key(connection, key)


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
