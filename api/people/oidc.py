"""Single sign-on: OpenID Connect's authorization code flow with PKCE, state and nonce, and a checked id token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

if TYPE_CHECKING:
    from api.settings import ApiSettings

_ALGORITHMS = ("RS256", "PS256", "ES256")  # never `none`, never a secret shared with us
_LEEWAY_S = 60  # clocks of others
_TIMEOUT_S = 10
_DISCOVERY = "/.well-known/openid-configuration"


class SignOnFailed(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody could not come in by single sign-on; the text is for the log."""


class Provider(msgspec.Struct, frozen=True):
    """What the provider tells of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Started(msgspec.Struct, frozen=True):
    """What must be the same at the end as at the beginning; the browser keeps it meanwhile."""

    state: str
    nonce: str
    verifier: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked id token says of a person."""

    subject: str
    """Issuer and subject: nobody else has it."""
    name: str
    values: frozenset[str]
    """Of the claims `roles` and `groups`."""


class SignOn:
    """Our side of the flow; what the provider tells of itself and its keys are kept until they no longer fit."""

    def __init__(self, settings: ApiSettings) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._redirect_uri = f"{settings.public_url.rstrip('/')}/login/sso/callback"
        self._provider: Provider | None = None
        self._keys: KeySet | None = None

    async def start(self, wanted: str) -> tuple[str, Started]:
        """Give the provider's address to send the browser to, and what to keep until it comes back.

        Raises
        ------
        SignOnFailed
            When the provider cannot be reached.
        """
        provider = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        started = Started(state, nonce, verifier, wanted)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile email",
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": create_s256_code_challenge(started.verifier),
            "code_challenge_method": "S256",
        }
        return f"{provider.authorization_endpoint}?{urlencode(asked)}", started

    async def finish(self, started: Started, state: str, code: str) -> Claims:
        """Exchange the code the browser brought for an id token, and give what that says.

        Raises
        ------
        SignOnFailed
            When anything does not fit.
        """
        if not secrets.compare_digest(started.state.encode(), state.encode(errors="replace")):
            raise SignOnFailed("the state is not the one we gave")
        provider = await self._discovered()
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
            "client_secret": self._secret,
            "code_verifier": started.verifier,
        }
        token = (await _ask("POST", provider.token_endpoint, data=asked)).get("id_token")
        if not isinstance(token, str):
            raise SignOnFailed("the provider gave no id token")
        return _claims_of(await self._checked(provider, token, started.nonce))

    async def _checked(self, provider: Provider, token: str, nonce: str) -> CodeIDToken:
        """Check signature, issuer, audience, times and nonce."""
        try:
            decoded = await self._decoded(provider, token)
            options = {"iss": {"value": provider.issuer}, "aud": {"value": self._client_id}}
            claims = CodeIDToken(decoded.claims, decoded.header, options, {"nonce": nonce, "client_id": self._client_id})
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise SignOnFailed(f"the id token is not good: {error}") from error
        return claims

    async def _decoded(self, provider: Provider, token: str) -> jwt.Token:
        """Check the signature, with keys fetched anew where those we have do not fit: providers change theirs."""
        if self._keys is not None:
            try:
                return jwt.decode(token, self._keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                pass  # by keys of yesterday; the ones of today decide
        self._keys = await _keys_at(provider.jwks_uri)
        return jwt.decode(token, self._keys, algorithms=_ALGORITHMS)

    async def _discovered(self) -> Provider:
        if self._provider is None:
            told = await _ask("GET", self._issuer + _DISCOVERY)
            try:
                provider = msgspec.convert(told, Provider)
            except msgspec.ValidationError as error:
                raise SignOnFailed(f"the provider's description is not complete: {error}") from error
            if provider.issuer.rstrip("/") != self._issuer:
                raise SignOnFailed(f"the provider calls itself {provider.issuer!r}, not {self._issuer!r}")
            self._provider = provider
        return self._provider


async def _ask(method: str, address: str, **content: Any) -> dict[str, Any]:  # noqa: ANN401 - as httpx takes it
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            answer = await client.request(method, address, **content)
        told = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise SignOnFailed(f"the provider does not answer as it should at {address}: {error}") from error
    if not isinstance(told, dict):
        raise SignOnFailed(f"the provider's answer at {address} is no object")
    return told


async def _keys_at(address: str) -> KeySet:
    told = await _ask("GET", address)
    usable = [key for key in told.get("keys", []) if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError) as error:
        raise SignOnFailed(f"the provider's keys cannot be read: {error}") from error


def _claims_of(token: CodeIDToken) -> Claims:
    values = [value for claim in ("roles", "groups") for value in _list(token.get(claim)) if isinstance(value, str)]
    name = next((token[claim] for claim in ("preferred_username", "email", "name") if isinstance(token.get(claim), str)), "")
    return Claims(f"{token['iss']} {token['sub']}", name.strip()[:200] or str(token["sub"]), frozenset(values))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
