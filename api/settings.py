"""Settings of the API program, from `HEDGEROW_*` variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.production import weaknesses


class ApiSettings(BaseSettings):
    """What the API needs to know; docs/settings.md has the same list."""

    model_config = SettingsConfigDict(env_prefix="HEDGEROW_", extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(description="PostgreSQL connection string")
    http: str = Field("127.0.0.1:8080", description="Where the API and the console listen: HOST:PORT")
    admin_file: Path | None = Field(
        None, description="Where the first administrator's user, password and API key are written; default: nowhere"
    )
    status_fresh_s: float = Field(
        60, gt=0, description="An ingest worker that has said nothing for longer is shown as silent [s]"
    )
    api_connections: int = Field(8, ge=1, description="Most database connections of the API")
    query_timeout_s: float = Field(30, gt=0, description="Longest the database may work on one question [s]")
    max_points: int = Field(100_000, ge=1, description="Most points in one answer")
    max_body_bytes: int = Field(2**20, ge=1024, description="Largest request body that is read")
    session_hours: float = Field(12, gt=0, description="How long a login to the console lasts")
    map_tiles: str = Field(
        "",
        description="Raster tiles for the maps: https://HOST/{z}/{x}/{y}.png; default: a plain ground with a grid",
    )
    map_attribution: str = Field("", description="What the tiles' owner wants to be said on the map")
    dynsec_url: str = Field(
        "",
        description="Mosquitto whose dynamic security keeps the devices' credentials: mqtt://HOST:PORT, or mqtts://; "
        "default: none are kept",
    )
    dynsec_user: str = Field("hedgerow-api", description="User name there, with the role to control dynamic security")
    dynsec_password: str = Field("", description="Password there")
    dynsec_ca_file: Path | None = Field(None, description="CA certificates for mqtts:// there; default: the system's")
    device_mqtt_url: str = Field(
        "", description="That broker as devices reach it, shown with a new password; default: HEDGEROW_DYNSEC_URL"
    )
    device_certificate_url: str = Field(
        "", description="Its listener for devices with client certificates; default: none, and no such device is let in"
    )

    production: bool = Field(
        default=False, description="Refuse to start with weak secrets or without https; cookies go over https only"
    )
    public_url: str = Field(
        "",
        description="Where people reach the console: https://HOST; needed for single sign-on and in production mode",
    )
    oidc_issuer: str = Field("", description="Single sign-on by OpenID Connect: the provider's issuer address; empty: none")
    oidc_client_id: str = Field("", description="Our client id at the provider")
    oidc_client_secret: str = Field("", description="Our client secret at the provider")
    oidc_roles: str = Field(
        "",
        description="Who may come in, as what: value=role pairs, comma-separated, for values of the claim `roles` or `groups`",
    )
    oidc_name: str = Field("your organisation", description="What the login page calls the provider: Sign in with …")

    @field_validator("map_tiles")
    @classmethod
    def _is_template(cls, value: str) -> str:
        parts = urlsplit(value)
        is_whole = all(mark in parts.path + parts.query for mark in ("{z}", "{x}", "{y}"))
        if value and not (
            parts.scheme in ("https", "http") and parts.hostname and is_whole and not re.search(r"[\s;,'\"]", value)
        ):
            raise ValueError("give an address such as https://HOST/{z}/{x}/{y}.png")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _is_roles(cls, value: str) -> str:
        role_values(value)
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.oidc_issuer:
            needed = ("public_url", "oidc_client_id", "oidc_client_secret", "oidc_roles")
            missing = [f"HEDGEROW_{name.upper()}" for name in needed if not getattr(self, name)]
            if missing:
                raise ValueError(f"single sign-on (HEDGEROW_OIDC_ISSUER) also needs {', '.join(missing)}")
        if self.production and (found := weaknesses(self)):
            raise ValueError(f"not safe for production (HEDGEROW_PRODUCTION): {'; '.join(found)}")
        return self

    @field_validator("http")
    @classmethod
    def _is_address(cls, value: str) -> str:
        split_address(value)
        return value

    @field_validator("dynsec_url", "device_mqtt_url", "device_certificate_url")
    @classmethod
    def _is_broker(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("mqtt", "mqtts") or not urlsplit(value).hostname):
            raise ValueError(f"{value!r} is no mqtt://HOST:PORT or mqtts://HOST:PORT")
        return value


def split_address(address: str) -> tuple[str, int]:
    """Split `HOST:PORT` or `[IPV6]:PORT`; port 0 stands for any free port.

    Raises
    ------
    ValueError
        When host or port is missing or no port number.
    """
    parts = urlsplit(f"//{address}")
    if not parts.hostname or parts.port is None or parts.path:
        raise ValueError(f"{address!r} is no HOST:PORT")
    return parts.hostname, parts.port


def role_values(text: str) -> dict[str, str]:
    """Read the setting `HEDGEROW_OIDC_ROLES`: a role for each value.

    Raises
    ------
    ValueError
        When it is not made of value=role pairs.
    """
    pairs = [pair.strip().rpartition("=") for pair in text.split(",") if pair.strip()]
    if any(not value or role not in ("viewer", "engineer", "manager", "admin") for value, _, role in pairs):
        raise ValueError("give value=role pairs, comma-separated, the role being viewer, engineer, manager or admin")
    return {value: role for value, _, role in pairs}
