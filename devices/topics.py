"""MQTT topics: which ones Hedgerow listens to, and what a topic says about its message."""

from __future__ import annotations

from enum import IntEnum
from itertools import chain
from typing import NamedTuple

from devices.model import normalise_uid
from devices.reasons import Reason

CHIRPSTACK_EVENTS = frozenset({"up", "join", "ack", "txack", "status", "log", "location", "integration"})
"""ChirpStack documentation, Integrations, Event types."""

THINGS_STACK_EVENTS = {
    "uplink_message": "up",
    "join_accept": "join",
    "location_solved": "location/solved",
    "service_data": "service/data",
    "downlink_queued": "down/queued",
    "downlink_sent": "down/sent",
    "downlink_ack": "down/ack",
    "downlink_nack": "down/nack",
    "downlink_failed": "down/failed",
}
"""How a topic ends, by the field of the message that holds the event (The Things Stack, MQTT Server and Data Formats)."""

SUBSCRIPTIONS_OF = {
    "hedgerow": ("hedgerow/v1/+/up", "hedgerow/v1/gw/+/up"),
    "chirpstack": ("application/+/device/+/event/+",),
    "things-stack": tuple(f"v3/+/devices/+/{end}" for end in THINGS_STACK_EVENTS.values()),
}
"""Topic filters by the kind of source that publishes on them."""

SUBSCRIPTIONS = tuple(chain.from_iterable(SUBSCRIPTIONS_OF.values()))
"""Topic filters of everything that is ingested."""

_THINGS_STACK_ENDS = frozenset(THINGS_STACK_EVENTS.values())


class Kind(IntEnum):
    """Whom a topic speaks for."""

    DEVICE = 0
    GATEWAY = 1
    UNKNOWN = 2
    CHIRPSTACK = 3
    THINGS_STACK = 4


class Source(NamedTuple):
    """What a topic says: its kind, the uid it names, why it is refused if it is, and a network server's event."""

    kind: Kind
    uid: str
    reason: Reason | None
    event: str = ""


def device_topic(uid: str) -> str:
    """Topic on which the device `uid` publishes."""
    return f"hedgerow/v1/{uid}/up"


def gateway_topic(uid: str) -> str:
    """Topic on which the gateway `uid` publishes packs of many devices."""
    return f"hedgerow/v1/gw/{uid}/up"


def chirpstack_topic(application: str, uid: str, event: str) -> str:
    """Topic on which ChirpStack v4 publishes an event of the device `uid`."""
    return f"application/{application}/device/{uid}/event/{event}"


def things_stack_topic(application: str, device_id: str, event: str) -> str:
    """Topic on which The Things Stack publishes an event, named as in `THINGS_STACK_EVENTS`, of its device `device_id`."""
    return f"v3/{application}/devices/{device_id}/{event}"


def parse_topic(topic: str) -> Source:
    """Tell what a topic says; never raises."""
    event = ""
    match topic.split("/"):
        case ["hedgerow", "v1", uid, "up"]:
            kind = Kind.DEVICE
        case ["hedgerow", "v1", "gw", uid, "up"]:
            kind = Kind.GATEWAY
        case ["application", _, "device", uid, "event", event] if event in CHIRPSTACK_EVENTS:
            kind = Kind.CHIRPSTACK
        case ["v3", _, "devices", uid, *end] if (event := "/".join(end)) in _THINGS_STACK_ENDS:
            kind = Kind.THINGS_STACK
        case _:
            return Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)
    try:
        return Source(kind, normalise_uid(uid), None, event)
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
