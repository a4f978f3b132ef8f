"""Register: the simulated devices, made known through the HTTP API as a field engineer would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_AT_ONCE = 4
_PATIENCE_S = 30.0


class RegistrationError(Exception):
    """The API refused to register something, or could not be reached."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, and the key to it."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class NewProfile:
    """A device profile to be made."""

    key: str
    name: str
    expected_interval_s: int


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device to be registered; its site is made from its name and position."""

    uid: str
    name: str
    latitude: float
    longitude: float
    profile: str
    domain: str | None


async def register(api: Api, profiles: Iterable[NewProfile], devices: Sequence[NewDevice]) -> int:
    """Register profiles and devices; what is there already stays as it is. Gives the number of new devices.

    Raises
    ------
    RegistrationError
        When the API refuses; the text says why.
    """
    headers = {"Authorization": f"Bearer {api.key}"}
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=_PATIENCE_S, trust_env=False) as client:
        for profile in profiles:
            await _post(client, "/api/v1/profiles", _fields(profile))
        turns = asyncio.Semaphore(_AT_ONCE)

        async def register_one(device: NewDevice) -> bool:
            async with turns:
                return await _post(client, "/api/v1/devices", _fields(device))

        return sum(await asyncio.gather(*map(register_one, devices)))


def _fields(wanted: NewProfile | NewDevice) -> dict[str, object]:
    return {name: getattr(wanted, name) for name in type(wanted).__slots__}


async def _post(client: httpx.AsyncClient, path: str, content: Mapping[str, object]) -> bool:
    """Ask for something to be made; tell whether it is new."""
    try:
        answer = await client.post(path, json=content)
    except httpx.HTTPError as error:
        raise RegistrationError(f"the API at {client.base_url} cannot be reached: {error!r}") from error
    # A conflict: it is there, and somebody has changed it since. That is theirs to decide.
    if answer.status_code not in (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.CONFLICT):
        raise RegistrationError(f"the API does not register {content}: {answer.status_code} {_detail(answer)}")
    return answer.status_code == httpx.codes.CREATED


def _detail(answer: httpx.Response) -> str:
    """Give the sentence of a problem document, or what stands in its place."""
    if "json" in answer.headers.get("content-type", ""):
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title") or problem)
    return answer.text[:200]
