"""What a device may do at the broker, as commands of Mosquitto's dynamic security, and how to mend what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devices.topics import device_topic, gateway_topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Command = dict[str, Any]
    """One command, as https://mosquitto.org/documentation/dynamic-security/ describes them."""

_ROLE_PREFIX = "device:"

NOTHING_BY_DEFAULT = ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe")
"""Kinds of access; whoever is not allowed one by a role is refused it."""


@dataclass(frozen=True, slots=True)
class Access:
    """A device's way in, as it should be."""

    username: str
    uid: str
    is_gateway: bool
    has_password: bool
    """Else it shows a certificate, which the broker has checked before it asks for a name."""

    @property
    def topics(self) -> list[str]:
        """Where it may publish: its own topics, nowhere else."""
        return [device_topic(self.uid), *([gateway_topic(self.uid)] if self.is_gateway else [])]

    @property
    def rules(self) -> list[Command]:
        """Rules of its role: it may publish to its topics; it may not subscribe."""
        return [rule("publishClientSend", topic) for topic in self.topics]


@dataclass(frozen=True, slots=True)
class Repairs:
    """What brings the broker to what is wanted."""

    commands: list[Command]
    lost: list[str]
    """Names whose passwords the broker has forgotten; nobody else knows them."""


def rule(kind: str, topic: str) -> Command:
    """Allow one kind of access to a topic."""
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}


def role_of(username: str) -> str:
    """Name the role of a device's name at the broker: each has its own, for Mosquitto 2.0 fills in no names."""
    return f"{_ROLE_PREFIX}{username}"


def is_device(client: Mapping[str, Any]) -> bool:
    """Tell whether a client the broker knows is one of our devices, by its role."""
    return any(str(role["rolename"]).startswith(_ROLE_PREFIX) for role in client.get("roles", ()))


def grant(access: Access, password: str | None) -> list[Command]:
    """Let a device in, in the place of whoever had its name."""
    client = {"command": "createClient", "username": access.username, "roles": [{"rolename": role_of(access.username)}]}
    if password is not None:
        client["password"] = password
    return [*withdraw(access.username), _make_role(access), client]


def withdraw(username: str) -> list[Command]:
    """Let a device in no more: Mosquitto ends its session when it deletes the client."""
    return [
        {"command": "deleteClient", "username": username},
        {"command": "deleteRole", "rolename": role_of(username)},
    ]


def deny_by_default() -> Command:
    """Refuse what no role allows."""
    return {"command": "setDefaultACLAccess", "acls": [{"acltype": kind, "allow": False} for kind in NOTHING_BY_DEFAULT]}


def repairs(
    wanted: Iterable[Access],
    clients: Sequence[Mapping[str, Any]],
    roles: Sequence[Mapping[str, Any]],
) -> Repairs:
    """Compare what is wanted with what the broker has; clients that are no devices are left alone.

    Parameters
    ----------
    clients, roles
        As `listClients` and `listRoles` give them when they are to be verbose.
    """
    by_name = {access.username: access for access in wanted}
    ours = {client["username"]: client for client in clients if client["username"] in by_name or is_device(client)}
    role_rules = {str(role["rolename"]): role["acls"] for role in roles if str(role["rolename"]).startswith(_ROLE_PREFIX)}
    commands: list[Command] = []
    for name in sorted(ours.keys() - by_name.keys()):
        commands += withdraw(name)
    for role in sorted(role_rules.keys() - {role_of(name) for name in {*by_name, *ours}}):
        commands.append({"command": "deleteRole", "rolename": role})
    for access in by_name.values():
        commands += _mend(access, ours.get(access.username), role_rules.get(role_of(access.username)))
    return Repairs(commands, [name for name, access in by_name.items() if access.has_password and name not in ours])


def _mend(access: Access, client: Mapping[str, Any] | None, rules: list[Command] | None) -> list[Command]:
    """Mend one device's role and client; a password that is gone cannot be made again."""
    if client is None:
        return [] if access.has_password else grant(access, None)
    commands = []
    if rules is None:
        commands.append(_make_role(access))
    elif _sorted(rules) != _sorted(access.rules):
        commands.append(_make_role(access) | {"command": "modifyRole"})
    if [role["rolename"] for role in client.get("roles", ())] != [role_of(access.username)] or client.get("groups"):
        roles = [{"rolename": role_of(access.username)}]
        commands.append({"command": "modifyClient", "username": access.username, "roles": roles, "groups": []})
    if client.get("disabled"):
        commands.append({"command": "enableClient", "username": access.username})
    return commands


def _make_role(access: Access) -> Command:
    return {"command": "createRole", "rolename": role_of(access.username), "acls": access.rules}


def _sorted(rules: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    return sorted((str(one["acltype"]), str(one["topic"]), bool(one["allow"])) for one in rules)
