"""What a topic says about its message."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.reasons import Reason
from devices.topics import (
    CHIRPSTACK_EVENTS,
    SUBSCRIPTIONS,
    SUBSCRIPTIONS_OF,
    THINGS_STACK_EVENTS,
    Kind,
    Source,
    chirpstack_topic,
    device_topic,
    gateway_topic,
    parse_topic,
    things_stack_topic,
)
from tests.unit.devices.examples import DETERMINISTIC

_APPLICATION = "5c56ac47-4bcc-4c0f-9bd1-f80bb6a4b0d5"


def _chirpstack(event: str) -> Source:
    return Source(Kind.CHIRPSTACK, "0011223344aabbcc", None, event)


def is_subscribed(topic: str) -> bool:
    """Match a topic against the filters level by level, as a broker does."""
    levels = topic.split("/")
    for topic_filter in SUBSCRIPTIONS:
        wanted = topic_filter.split("/")
        if len(wanted) == len(levels) and all(want in {"+", level} for want, level in zip(wanted, levels, strict=True)):
            return True
    return False


@pytest.mark.parametrize(
    ("topic", "source"),
    [
        ("hedgerow/v1/gully-7/up", Source(Kind.DEVICE, "gully-7", None)),
        ("hedgerow/v1/Gully-7/up", Source(Kind.DEVICE, "gully-7", None)),
        ("hedgerow/v1/00-11-22-33-AA-BB-CC-DD/up", Source(Kind.DEVICE, "00112233aabbccdd", None)),
        ("hedgerow/v1/gw/up", Source(Kind.DEVICE, "gw", None)),
        ("hedgerow/v1/gw/Gate-1/up", Source(Kind.GATEWAY, "gate-1", None)),
        ("hedgerow/v1/gw/gw/up", Source(Kind.GATEWAY, "gw", None)),
        ("hedgerow/v1/-x/up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
        ("hedgerow/v1//up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
        ("hedgerow/v1/gw//up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
        ("hedgerow/v1/gw/a b/up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
        ("hedgerow/v1/x/down", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("hedgerow/v2/x/up", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("hedgerow/v1/gw/x/down", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("hedgerow/v1/gw/x/up/more", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("hedgerow/v1/x/up/", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("/hedgerow/v1/x/up", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("hedgerow/v1/other/x/up", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("Hedgerow/v1/x/up", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        (f"application/{_APPLICATION}/device/0011223344AABBCC/event/up", _chirpstack("up")),
        (f"application/{_APPLICATION}/device/0011223344aabbcc/event/txack", _chirpstack("txack")),
        ("application/7/device/0011223344aabbcc/event/integration", _chirpstack("integration")),
        (f"application/{_APPLICATION}/device/0011223344aabbcc/event/dance", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        (f"application/{_APPLICATION}/device/0011223344aabbcc/state/join", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        (f"application/{_APPLICATION}/device/0011223344aabbcc/command/down", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        (f"application/{_APPLICATION}/device//event/up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
        ("v3/gullies@county/devices/gully-7/up", Source(Kind.THINGS_STACK, "gully-7", None, "up")),
        ("v3/gullies/devices/gully-7/location/solved", Source(Kind.THINGS_STACK, "gully-7", None, "location/solved")),
        ("v3/gullies/devices/gully-7/down/ack", Source(Kind.THINGS_STACK, "gully-7", None, "down/ack")),
        ("v3/gullies/devices/gully-7/down/push", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("v3/gullies/devices/gully-7", Source(Kind.UNKNOWN, "", Reason.TOPIC_UNKNOWN)),
        ("v3/gullies/devices//up", Source(Kind.UNKNOWN, "", Reason.UID_INVALID)),
    ],
)
def test_parse_topic_known_and_unknown_forms_are_told_apart(topic: str, source: Source) -> None:
    """Known forms give whom they speak for and the event; a name that is no uid is not an unknown form."""
    assert parse_topic(topic) == source


@pytest.mark.parametrize("uid", ["gully-7", "gw", "00112233aabbccdd", "a" * 128])
def test_parse_topic_of_our_own_topics_gives_the_uid_back(uid: str) -> None:
    """What we publish on is what we listen to."""
    assert parse_topic(device_topic(uid)) == Source(Kind.DEVICE, uid, None)
    assert parse_topic(gateway_topic(uid)) == Source(Kind.GATEWAY, uid, None)
    assert is_subscribed(device_topic(uid))
    assert is_subscribed(gateway_topic(uid))


@DETERMINISTIC
@given(
    st.text(max_size=40)
    | st.from_regex(
        r"\A(hedgerow/v1/(gw/)?[^/]{0,20}/up|application/[^/]?/device/[^/]{0,20}/event/[a-z]{2,8}|v3/[^/]?/devices/[^/]{0,20}/(up|join))\Z"
    )
)
@example("hedgerow/v1/\ud800/up")
def test_parse_topic_any_text_gives_a_source_only_for_subscribed_topics(topic: str) -> None:
    """No topic raises; what is understood is also subscribed to, and what is refused has a reason."""
    source = parse_topic(topic)

    assert (source.reason is None) == (source.kind is not Kind.UNKNOWN)
    assert (source.uid == "") == (source.kind is Kind.UNKNOWN)
    assert source.kind is Kind.UNKNOWN or is_subscribed(topic)


@pytest.mark.parametrize("event", sorted(CHIRPSTACK_EVENTS))
def test_parse_topic_of_chirpstack_gives_device_and_event_back(event: str) -> None:
    """Every documented event is understood on the topic a webhook stands for, and subscribed to."""
    topic = chirpstack_topic(_APPLICATION, "0011223344aabbcc", event)

    assert parse_topic(topic) == _chirpstack(event)
    assert is_subscribed(topic)


@pytest.mark.parametrize("event", sorted(THINGS_STACK_EVENTS.values()))
def test_parse_topic_of_the_things_stack_gives_device_and_event_back(event: str) -> None:
    """Every documented event is understood on the topic a webhook stands for, and subscribed to."""
    topic = things_stack_topic("gullies@county", "gully-7", event)

    assert parse_topic(topic) == Source(Kind.THINGS_STACK, "gully-7", None, event)
    assert is_subscribed(topic)


def test_subscriptions_by_source_are_together_all_there_are() -> None:
    """A broker of one kind is asked for its own topics, a shared one for all."""
    assert set(SUBSCRIPTIONS_OF) == {"hedgerow", "chirpstack", "things-stack"}
    assert sorted(SUBSCRIPTIONS) == sorted(topic for topics in SUBSCRIPTIONS_OF.values() for topic in topics)
