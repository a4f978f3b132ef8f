"""Conversation with the dynamic security of a Mosquitto broker, over MQTT 5 on its `$CONTROL` topics."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiomqtt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from api.credentials.access import Command

REQUESTS = "$CONTROL/dynamic-security/v1"
RESPONSES = "$CONTROL/dynamic-security/v1/response"

_ANSWERS_WITHIN_S = 4.0
_CONVERSATION_S = 8.0  # under the 10 s after which the database ends a transaction that waits for us
_COMMANDS_AT_ONCE = 100
_ITEMS_AT_ONCE = 500
_ALREADY_SO = {"deleteClient": "Client not found", "deleteRole": "Role not found"}


class BrokerAway(Exception):  # noqa: N818 - a state, not a fault
    """The broker cannot be told anything at the moment; the text says why."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, and who we are there."""

    url: str
    user: str
    password: str
    ca_file: Path | None = None


class Control:
    """An open conversation."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def ask(self, *commands: Command) -> list[dict[str, Any]]:
        """Send commands and give their answers, in their order; an `error` of an answer is the caller's to judge.

        Raises
        ------
        BrokerAway
            When no answer comes.
        """
        mark = secrets.token_hex(8)
        request = {"commands": [command | {"correlationData": mark} for command in commands]}
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await self._client.publish(REQUESTS, json.dumps(request), qos=1)
                async for message in self._client.messages:
                    answers: list[dict[str, Any]] = json.loads(bytes(message.payload))["responses"]
                    if answers and answers[0].get("correlationData") == mark:
                        return answers
        except TimeoutError as error:
            raise BrokerAway("the broker's dynamic security does not answer: is its plugin loaded?") from error
        raise BrokerAway("the broker closed the connection")

    async def carry_out(self, commands: Sequence[Command]) -> None:
        """Have commands carried out; to delete what is gone already is no mistake.

        Raises
        ------
        BrokerAway
            When the broker refuses one.
        """
        for start in range(0, len(commands), _COMMANDS_AT_ONCE):
            for answer in await self.ask(*commands[start : start + _COMMANDS_AT_ONCE]):
                trouble = answer.get("error")
                if trouble and trouble != _ALREADY_SO.get(answer["command"]):
                    raise BrokerAway(f"the broker refuses {answer['command']}: {trouble}")

    async def find_client(self, username: str) -> dict[str, Any] | None:
        """Give what the broker knows of a client."""
        (answer,) = await self.ask({"command": "getClient", "username": username})
        if "error" in answer:
            return None
        client: dict[str, Any] = answer["data"]["client"]
        return client

    async def denies_by_default(self) -> bool:
        """Tell whether what no role allows is refused."""
        (answer,) = await self.ask({"command": "getDefaultACLAccess"})
        return not any(rule["allow"] for rule in answer["data"]["acls"])

    async def list_clients(self) -> list[dict[str, Any]]:
        """Give all clients with their roles and groups."""
        return await self._list("listClients", "clients")

    async def list_roles(self) -> list[dict[str, Any]]:
        """Give all roles with their rules."""
        return await self._list("listRoles", "roles")

    async def _list(self, command: str, what: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            asked = {"command": command, "verbose": True, "count": _ITEMS_AT_ONCE, "offset": len(items)}
            (answer,) = await self.ask(asked)
            if "error" in answer:
                raise BrokerAway(f"the broker refuses {command}: {answer['error']}")
            page = answer["data"][what]
            items += page
            if not page or len(items) >= answer["data"]["totalCount"]:
                return items


@asynccontextmanager
async def control(address: BrokerAddress, within_s: float = _CONVERSATION_S) -> AsyncIterator[Control]:
    """Open a conversation that ends within some seconds.

    Raises
    ------
    BrokerAway
        When the broker is away, does not know us, or breaks off.
    """
    try:
        async with asyncio.timeout(within_s), _client(address) as client:
            # aiomqtt gives a reason for each topic: 128 and above are refusals (MQTT 5, section 3.9.3).
            if any(getattr(code, "value", code) >= 128 for code in await client.subscribe(RESPONSES, qos=1)):
                raise BrokerAway(f"the broker does not let {address.user!r} control it")
            yield Control(client)
    except (aiomqtt.MqttError, OSError) as error:
        raise BrokerAway(f"the broker at {address.url} cannot be reached: {str(error) or 'it takes too long'}") from error


def _client(address: BrokerAddress) -> aiomqtt.Client:
    parts = urlsplit(address.url)
    is_tls = parts.scheme == "mqtts"
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or (8883 if is_tls else 1883),
        username=address.user,
        password=address.password,
        identifier=f"hedgerow-credentials-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        timeout=_ANSWERS_WITHIN_S,
        tls_context=ssl.create_default_context(cafile=address.ca_file) if is_tls else None,
    )
