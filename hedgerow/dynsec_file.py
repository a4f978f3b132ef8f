"""The file Mosquitto's dynamic security starts from: Hedgerow's own programs, each with its role, and nobody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from api.credentials.access import NOTHING_BY_DEFAULT, rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    Content = dict[str, Any]
    """The file as JSON: `defaultACLAccess`, `clients`, `groups`, `roles`."""

_READ = ("hedgerow/v1/#", "application/#", "v3/#", "$SYS/broker/#")
_CONTROL = "$CONTROL/dynamic-security/#"
_ITERATIONS = 101  # Mosquitto's own number; the passwords are random and long, so that none need be slow
_SALT_BYTES = 12


def _may(topic: str, *kinds: str) -> list[dict[str, Any]]:
    return [rule(kind, topic) for kind in kinds]


def _reading(topic: str) -> list[dict[str, Any]]:
    """Allow to read a topic, alone or, as workers do, sharing it."""
    shared = _may(f"$share/hedgerow/{topic}", "subscribePattern", "unsubscribePattern")
    return [*_may(topic, "publishClientReceive", "subscribePattern", "unsubscribePattern"), *shared]


PROGRAMS: Mapping[str, list[dict[str, Any]]] = MappingProxyType(
    {
        "hedgerow-api": _may(_CONTROL, "publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern"),
        "ingest": [one for topic in _READ for one in _reading(topic)],
        "simulator": _may("hedgerow/v1/#", "publishClientSend"),
    }
)
"""Rules of each program's role, by the name it has at the broker."""


def empty() -> Content:
    """Give the content of a broker that lets nobody in."""
    return {"defaultACLAccess": dict.fromkeys(NOTHING_BY_DEFAULT, False), "clients": [], "groups": [], "roles": []}


def with_programs(content: Content, passwords: Mapping[str, str]) -> Content:
    """Put programs in, or right; whoever else is in the content stays as he is.

    Parameters
    ----------
    passwords
        Of each program that may come in, by its name.
    """
    made = deepcopy(content)
    clients = {client["username"]: client for client in made["clients"]}
    roles = {role["rolename"]: role for role in made["roles"]}
    for name, password in passwords.items():
        role = f"program:{name}"
        roles[role] = {"rolename": role, "acls": PROGRAMS[name]}
        right = {"username": name, "textname": f"Hedgerow's {name}", "roles": [{"rolename": role}]}
        clients[name] = right | _kept_secret(clients.get(name, {}), password)
    return made | {"clients": list(clients.values()), "roles": list(roles.values())}


def _kept_secret(client: Mapping[str, Any], password: str) -> dict[str, Any]:
    """Keep a hash that fits the password, so that nothing changes; else make one."""
    old = {name: client[name] for name in ("password", "salt", "iterations", "encoded_password") if name in client}
    if "encoded_password" in old:  # as Mosquitto 2.1 writes it: $7$iterations$salt$hash
        _, _, iterations, salt, digest = [*str(old["encoded_password"]).split("$"), "", "", "", ""][:5]
    else:
        iterations, salt, digest = str(old.get("iterations", "")), old.get("salt", ""), old.get("password", "")
    if iterations.isdecimal() and hmac.compare_digest(_hash(password, salt, int(iterations)), digest):
        return old
    salt = base64.b64encode(secrets.token_bytes(_SALT_BYTES)).decode()
    return {"password": _hash(password, salt, _ITERATIONS), "salt": salt, "iterations": _ITERATIONS}


def _hash(password: str, salt: str, iterations: int) -> str:
    """Hash a password as Mosquitto does: PBKDF2 with SHA-512, 64 bytes, in base64."""
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), iterations)).decode()
