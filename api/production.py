"""Production mode: what the service refuses to start with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from api.settings import ApiSettings

_LEAST_SECRET = 16  # characters
_KINDS = 6  # different characters at least: `aaaaaaaaaaaaaaaa` is long and no secret
_WELL_KNOWN = ("hedgerow", "postgres", "password", "secret", "admin", "changeme", "change-me", "example", "default", "12345678")


def weaknesses(settings: ApiSettings) -> list[str]:
    """Tell what of the settings is too weak for production, each with the name of the setting to mend."""
    found = [_of_address(settings.public_url), _of_secret("HEDGEROW_DATABASE_URL", _database_password(settings.database_url))]
    if settings.oidc_issuer:
        found.append(_of_secret("HEDGEROW_OIDC_CLIENT_SECRET", settings.oidc_client_secret))
        if urlsplit(settings.oidc_issuer).scheme != "https":
            found.append("HEDGEROW_OIDC_ISSUER must be an https address")
    if settings.dynsec_url:
        found.append(_of_secret("HEDGEROW_DYNSEC_PASSWORD", settings.dynsec_password))
    if settings.session_hours > 24:
        found.append("HEDGEROW_SESSION_HOURS must be 24 or less: a login that is forgotten must end by itself")
    return [weakness for weakness in found if weakness]


def _of_address(public_url: str) -> str:
    if urlsplit(public_url).scheme == "https" and urlsplit(public_url).hostname:
        return ""
    return "HEDGEROW_PUBLIC_URL must be the https address under which people reach the console, such as https://hedgerow.example.org"


def _of_secret(setting: str, secret: str | None) -> str:
    """Tell what is wrong with a secret, never the secret itself; where there is none, another way of proof replaces it."""
    if secret is None:
        return ""
    if len(secret) < _LEAST_SECRET or len(set(secret)) < _KINDS:
        return f"{setting}: its password or secret must have {_LEAST_SECRET} or more characters, chosen at random"
    if any(word * (len(secret) // len(word)) == secret or secret.lower().startswith(word) for word in _WELL_KNOWN):
        return f"{setting}: its password or secret is a well-known one; take one chosen at random"
    return ""


def _database_password(database_url: str) -> str | None:
    """Give the password in a connection string; None where there is none: a socket, a certificate or a password file."""
    password = conninfo_to_dict(database_url).get("password")
    return None if password is None else str(password)
