"""The things of the field as plain values: metrics and the uid of a device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "state"]

_UID = re.compile(r"[a-z0-9][a-z0-9._:-]{0,127}")
_EUI64 = re.compile(r"(?:[0-9a-f]{2}[-: ]?){7}[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured; values are stored and shown in `unit`."""

    key: str
    aliases: tuple[str, ...]
    domain: str
    kind: Kind
    unit_senml: str
    unit: str
    valid_min: float | None
    valid_max: float | None
    max_step_per_min: float | None
    description: str
    states: tuple[tuple[int, str], ...] = ()
    """Code and label of each state."""


def normalise_uid(text: str) -> str:
    """Write a device uid the one way it is stored.

    An EUI-64 in any usual spelling (`00-11-…`, `00:11:…`, spaces, capitals) becomes 16 lower-case hex digits; any other
    name is lower-cased.

    Raises
    ------
    ValueError
        When the text is no possible uid.
    """
    uid = text.strip().lower()
    if _EUI64.fullmatch(uid):
        return re.sub("[-: ]", "", uid)
    if not _UID.fullmatch(uid):
        raise ValueError(
            f"{text[:60]!r} is no device uid: use letters, digits, '.', '_', ':' and '-', at most 128 of them,"
            " starting with a letter or digit"
        )
    return uid
