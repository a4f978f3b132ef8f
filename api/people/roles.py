"""Roles and scopes: what whoever asks may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "engineer", "manager", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
"""Every role, the least first; each may do all that those before it may."""

WRITERS: frozenset[Role] = frozenset({"engineer", "manager", "admin"})
"""Roles that may change the registry; a viewer only reads."""

Scope = Literal["read", "write", "admin"]

SCOPES: dict[Scope, Role] = {"read": "viewer", "write": "manager", "admin": "admin"}
"""What an API key may: the highest role it can have, whatever its owner's is."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. By an API key, `role` is what the key's scope leaves of its owner's."""

    principal_id: int
    name: str
    role: Role
    is_limited: bool = False
    """Whether only what lies in the person's areas is there for them."""
    password_is_due: bool = False
    """Whether the person came in with a one-time password and must choose another first."""
    scope: Scope = "admin"

    @property
    def may_write(self) -> bool:
        """Whether this person may change the registry."""
        return self.role in WRITERS

    @property
    def may_see_to_keys(self) -> bool:
        """Whether what the person came in with is good for making keys: a narrow key cannot make a wider one."""
        return self.scope == "admin"


def least(role: Role, scope: Scope) -> Role:
    """Give the role that a scope leaves of a role."""
    return min(role, SCOPES[scope], key=ROLES.index)
