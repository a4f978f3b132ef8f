"""The audit in words: what kinds of things there are, and what a change turned into what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "api_key": "API key",
    "area": "Area",
    "area_site": "Sites of an area",
    "deployment": "Deployment",
    "device": "Device",
    "device_credential": "Credential of a device",
    "device_profile": "Device profile",
    "invalidation": "Invalidation",
    "login": "Sign-in",
    "maintenance_window": "Maintenance window",
    "principal": "Person or service",
    "principal_area": "Areas of a person",
    "registry_action": "Action",
    "series_status": "Status of readings",
    "site": "Site",
    "value_adjustment": "Adjustment of values",
}
"""What the audit's kinds are called; others are called by their tables."""

_LONGEST = 200  # characters of a value


class Changed(NamedTuple):
    """One thing about a thing: what it was and what it became, in words."""

    what: str
    before: str
    after: str


def kind_words(kind: str) -> str:
    """Name a kind for a person."""
    return KINDS.get(kind) or kind.replace("_", " ").capitalize()


def changed_words(before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> list[Changed]:
    """Tell what of a row differs; of one that came or went all that it says, but for numbers of our own making."""
    old, new = before or {}, after or {}
    names = [name for name in {**old, **new} if not name.endswith("_id") or name == "request_id"]
    pairs = ((name, _words(old.get(name)), _words(new.get(name))) for name in names)
    return [Changed(_name_words(name), was, became) for name, was, became in pairs if was != became]


def _name_words(name: str) -> str:
    return name.removeprefix("is_").removesuffix("_at").replace("_", " ")


def _words(value: object) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
