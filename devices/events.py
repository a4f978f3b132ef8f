"""Events: what a network server tells of a device that is no reading: joined, downlink acknowledged, something went wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["INFO", "WARNING", "ERROR"]

LONGEST_DETAIL = 500
_LONGEST_WORD = 60


class Event(NamedTuple):
    """One event of one device."""

    message: int
    """Index of the message within its group."""
    uid: str
    time_us: int
    """When the network server had it [µs since 1970]."""
    kind: str
    """The network server's own word for it: join, ack, txack, log, down/failed."""
    level: Level = "INFO"
    code: str = ""
    """Of a log: what went wrong, in the network server's word."""
    detail: str = ""


def clean(text: str, most: int = _LONGEST_WORD) -> str:
    """Cut a text of somebody else to a length, without what a PostgreSQL text cannot hold: NUL and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text[:most]
    return text[:most].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
