"""What a topic says about its message."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.reasons import Reason
from devices.topics import SUBSCRIPTIONS, Kind, Source, device_topic, gateway_topic, parse_topic
from tests.unit.devices.examples import DETERMINISTIC


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
    ],
)
def test_parse_topic_known_and_unknown_forms_are_told_apart(topic: str, source: Source) -> None:
    """Two forms are known; a name that is no uid is another reason than a form that is unknown."""
    assert parse_topic(topic) == source


@pytest.mark.parametrize("uid", ["gully-7", "gw", "00112233aabbccdd", "a" * 128])
def test_parse_topic_of_our_own_topics_gives_the_uid_back(uid: str) -> None:
    """What we publish on is what we listen to."""
    assert parse_topic(device_topic(uid)) == Source(Kind.DEVICE, uid, None)
    assert parse_topic(gateway_topic(uid)) == Source(Kind.GATEWAY, uid, None)
    assert is_subscribed(device_topic(uid))
    assert is_subscribed(gateway_topic(uid))


@DETERMINISTIC
@given(st.text(max_size=40) | st.from_regex(r"\Ahedgerow/v1/(gw/)?[^/]{0,20}/up\Z"))
@example("hedgerow/v1/\ud800/up")
def test_parse_topic_any_text_gives_a_source_only_for_subscribed_topics(topic: str) -> None:
    """No topic raises; what is understood is also subscribed to, and what is refused has a reason."""
    source = parse_topic(topic)

    assert (source.reason is None) == (source.kind is not Kind.UNKNOWN)
    assert (source.uid == "") == (source.kind is Kind.UNKNOWN)
    assert source.kind is Kind.UNKNOWN or is_subscribed(topic)
