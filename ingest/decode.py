"""Decode: takes a group of messages, gives columns of readings and what was refused; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices import flat, senml_columns
from devices.columns import Columns, Reject, concatenate
from devices.reasons import EXPLANATIONS, Reason
from devices.senml_columns import Messages

if TYPE_CHECKING:
    from ingest.message import Group

MOST_PAYLOAD_BYTES = 2**20
_OPENINGS = b" \t\r\n"


def decode(group: Group) -> Columns:
    """Decode a group, each format with one call for all its messages.

    Nothing is raised for bad data: it stands among the result's rejects, the whole message as item 0.
    """
    rejects: list[Reject] = []
    senml: list[int] = []
    objects: list[int] = []
    for i, (payload, source) in enumerate(zip(group.payloads, group.sources, strict=True)):
        reason = source.reason or _refusal(payload)
        if reason is not None:
            rejects.append(Reject(i, reason, EXPLANATIONS[reason]))
        elif _is_senml(payload):
            senml.append(i)
        else:
            objects.append(i)
    everything = Messages(np.arange(len(group), dtype=np.int32), group.payloads, group.sources, group.received_us)
    parts = []
    if senml:
        parts.append(senml_columns.decode(everything if len(senml) == len(group) else everything.take(senml)))
    if objects:
        parts.append(flat.decode(everything.take(objects)))
    columns = parts[0] if len(parts) == 1 else concatenate(parts)
    columns.rejects.extend(rejects)
    return columns


def _refusal(payload: bytes) -> Reason | None:
    if not payload.strip(_OPENINGS):
        return Reason.PAYLOAD_EMPTY
    return Reason.PAYLOAD_TOO_LARGE if len(payload) > MOST_PAYLOAD_BYTES else None


def _is_senml(payload: bytes) -> bool:
    """Tell a SenML pack from flat JSON: a list whose first record has no time key of flat JSON."""
    start = payload.lstrip(_OPENINGS) if payload[:1] != b"[" else payload
    if start[:1] != b"[":
        return False
    head = start[: start.find(b"}") + 1]
    return not any(b'"%s"' % key.encode() in head for key in flat.TIME_KEYS)
