"""States in words: how well a device is, as a list and a sentence say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.pages.words import duration_text
from devices.silence import RECOVERY_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES = {
    "ok": "OK",
    "late": "Late",
    "stale": "Stale",
    "offline": "Offline",
    "waiting": "Waiting",
    "maintenance": "Maintenance",
    "retired": "Retired",
}
"""Every state as a person reads it."""

_SENTENCES = {
    "ok": "It sends as often as expected.",
    "late": "A message is overdue. One may have been lost on the way.",
    "stale": "So many messages are missing that chance does not explain it.",
    "offline": "It has been silent for long. Somebody should see to it.",
    "waiting": "Nothing has come since it was put where it is.",
    "maintenance": "Its site is being worked at: silence is no alarm.",
    "retired": "It is out of use.",
}


def state_sentence(device: Mapping[str, Any]) -> str:
    """Say what a device's state means; `device` is a row of the query `find_device_here`."""
    said = [_SENTENCES[device["state"]]]
    if device["state"] not in ("maintenance", "retired"):
        said.append(f"A message is expected every {duration_text(device['interval_s'])}.")
    if device["suppressed_by"]:
        said.append(f"Its gateway {device['suppressed_by']} is silent: see to that first.")
    elif device["state"] in ("late", "stale", "offline") and 0 < (device["messages_since"] or 0) < RECOVERY_MESSAGES:
        said.append("One message has come since: with the next one it is OK again.")
    return " ".join(said)
