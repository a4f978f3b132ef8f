"""MQTT topics: which ones Hedgerow listens to, and what a topic says about its message."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from devices.model import normalise_uid
from devices.reasons import Reason

SUBSCRIPTIONS = ("hedgerow/v1/+/up", "hedgerow/v1/gw/+/up")
"""Topic filters of everything that is ingested."""


class Kind(IntEnum):
    """Whom a topic speaks for."""

    DEVICE = 0
    GATEWAY = 1
    UNKNOWN = 2
    CHIRPSTACK = 3
    THINGS_STACK = 4


class Source(NamedTuple):
    """What a topic says: its kind, the uid it names, and why it is refused if it is."""

    kind: Kind
    uid: str
    reason: Reason | None


def device_topic(uid: str) -> str:
    """Topic on which the device `uid` publishes."""
    return f"hedgerow/v1/{uid}/up"


def gateway_topic(uid: str) -> str:
    """Topic on which the gateway `uid` publishes packs of many devices."""
    return f"hedgerow/v1/gw/{uid}/up"


def parse_topic(topic: str) -> Source:
    """Tell what a topic says; never raises."""
    parts = topic.split("/")
    match parts:
        case ["hedgerow", "v1", uid, "up"]:
            kind = Kind.DEVICE
        case ["hedgerow", "v1", "gw", uid, "up"]:
            kind = Kind.GATEWAY
        case _:
            return Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)
    try:
        return Source(kind, normalise_uid(uid), None)
    except ValueError:
        return Source(Kind.UNKNOWN, "", Reason.UID_INVALID)


class Sources(dict[bytes, Source]):
    """What each topic says, parsed once; forgets all when it grows large, for topics may be guessed by anybody."""

    MOST = 200_000
    """About 60 MB."""
    LONGEST = 200
    """Topics beyond this many bytes are parsed each time: they are nobody's, and would fill the memory."""

    def __missing__(self, topic: bytes) -> Source:
        """Parse a topic that has not been seen."""
        if len(self) >= self.MOST:
            self.clear()
        source = parse_topic(topic.decode("utf-8", "replace"))
        if len(topic) <= self.LONGEST:
            self[topic] = source
        return source


SOURCES = Sources()
