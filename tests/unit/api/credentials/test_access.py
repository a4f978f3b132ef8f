"""What a device may do, as commands, and what mends a broker that was altered."""

from __future__ import annotations

from typing import Any

import pytest

from api.credentials.access import Access, grant, repairs, withdraw

_DEVICE = Access("a840", "a840", is_gateway=False, has_password=True)
_BY_CERTIFICATE = Access("sensor-7", "b950", is_gateway=True, has_password=False)


def client(username: str, *roles: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Make a client as `listClients` tells of it."""
    return {"username": username, "roles": [{"rolename": role} for role in roles], "groups": [], **more}


def role(name: str, *topics: str) -> dict[str, Any]:
    """Make a role as `listRoles` tells of it."""
    return {
        "rolename": name,
        "acls": [{"acltype": "publishClientSend", "topic": topic, "priority": 0, "allow": True} for topic in topics],
    }


_RIGHT_CLIENTS = [client("a840", "device:a840"), client("sensor-7", "device:sensor-7"), client("ingest", "program:ingest")]
_RIGHT_ROLES = [
    role("device:a840", "hedgerow/v1/a840/up"),
    role("device:sensor-7", "hedgerow/v1/gw/b950/up", "hedgerow/v1/b950/up"),
    role("program:ingest"),
]


def commands(clients: list[dict[str, Any]], roles: list[dict[str, Any]]) -> list[str]:
    """Give what would mend a broker, a word each."""
    found = repairs([_DEVICE, _BY_CERTIFICATE], clients, roles)
    return [f"{one['command']} {one.get('username') or one['rolename']}" for one in found.commands]


def test_grant_replaces_whoever_had_the_name_and_allows_one_topic() -> None:
    """Letting in begins with taking out, so that nothing of an earlier credential is left."""
    *taken_out, made, let_in = grant(_DEVICE, "secret")

    assert taken_out == withdraw("a840")
    assert made["acls"] == [{"acltype": "publishClientSend", "topic": "hedgerow/v1/a840/up", "priority": 0, "allow": True}]
    assert let_in == {
        "command": "createClient",
        "username": "a840",
        "password": "secret",
        "roles": [{"rolename": "device:a840"}],
    }


def test_grant_by_certificate_gives_no_password_and_topics_of_the_device() -> None:
    """The name is the certificate's, the topics are the device's."""
    *_, made, let_in = grant(_BY_CERTIFICATE, None)

    assert "password" not in let_in
    assert [rule["topic"] for rule in made["acls"]] == ["hedgerow/v1/b950/up", "hedgerow/v1/gw/b950/up"]


def test_repairs_of_what_is_right_are_none() -> None:
    """A broker as it should be is left alone, in whatever order it tells of its rules."""
    assert commands(_RIGHT_CLIENTS, _RIGHT_ROLES) == []


@pytest.mark.parametrize(
    ("clients", "roles", "mends"),
    [
        ([client("a840", "device:a840", disabled=True)], [], ["enableClient a840"]),
        ([client("a840", "device:a840", "program:ingest")], [], ["modifyClient a840"]),
        ([client("a840")], [], ["modifyClient a840"]),
        ([client("a840", "device:a840") | {"groups": [{"groupname": "all"}]}], [], ["modifyClient a840"]),
        ([client("x", "device:x")], [role("device:x")], ["deleteClient x", "deleteRole device:x"]),
        ([client("y", "device:other")], [], ["deleteClient y", "deleteRole device:y"]),
        ([], [role("device:left")], ["deleteRole device:left"]),
        ([], [role("device:a840", "#")], ["modifyRole device:a840"]),
        ([client("chirpstack", "network-server")], [role("network-server", "application/#")], []),
    ],
)
def test_repairs_mend_what_was_altered_and_leave_programs_alone(
    clients: list[dict[str, Any]], roles: list[dict[str, Any]], mends: list[str]
) -> None:
    """Each alteration of a device has its mending; who is no device is none of our business."""
    told = {one["username"]: one for one in (*_RIGHT_CLIENTS, *clients)}
    rules = {one["rolename"]: one for one in (*_RIGHT_ROLES, *roles)}

    assert commands(list(told.values()), list(rules.values())) == mends


def test_repairs_make_a_lost_certificate_known_again_and_tell_of_lost_passwords() -> None:
    """Of the two only the certificate can be put back."""
    found = repairs([_DEVICE, _BY_CERTIFICATE], [], [])

    assert found.lost == ["a840"]
    assert [one["username"] for one in found.commands if one["command"] == "createClient"] == ["sensor-7"]


def test_repairs_make_a_role_that_is_gone() -> None:
    """A device whose role was deleted may do nothing until it is back."""
    assert commands(_RIGHT_CLIENTS, _RIGHT_ROLES[1:]) == ["createRole device:a840"]
