"""Packets a session begins and ends with, read back by the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mqtt5

from ingest.packets import disconnect_packet, subscription_packets
from ingest.session import Subscription

if TYPE_CHECKING:
    from mqtt5 import Packet

_BOTH = Subscription(("new/+", "new/#"), ("old/+",))


def _read_all(data: bytes) -> list[Packet]:
    packets = []
    while data:
        packet, used = mqtt5.read(memoryview(data))
        packets.append(packet)
        data = data[used:]
    return packets


def test_subscription_of_a_resumed_session_subscribes_before_it_unsubscribes() -> None:
    """In this order nothing falls between the two; retained messages are not asked for, and QoS 1 is."""
    subscribe, unsubscribe = _read_all(subscription_packets(_BOTH, resumed=True))

    assert isinstance(subscribe, mqtt5.SubscribePacket)
    assert [topic.pattern for topic in subscribe.topic_filters] == ["new/+", "new/#"]
    assert [topic.max_qos for topic in subscribe.topic_filters] == [mqtt5.QoS.AT_LEAST_ONCE] * 2
    assert [topic.retain_handling for topic in subscribe.topic_filters] == [mqtt5.RetainHandling.SEND_NEVER] * 2
    assert isinstance(unsubscribe, mqtt5.UnsubscribePacket)
    assert unsubscribe.patterns == ["old/+"]


def test_subscription_of_a_new_session_has_nothing_to_leave() -> None:
    """What never was is not left; a worker that wants nothing asks for nothing."""
    assert [type(packet) for packet in _read_all(subscription_packets(_BOTH, resumed=False))] == [mqtt5.SubscribePacket]
    assert subscription_packets(Subscription((), ("old/+",)), resumed=False) == b""


def test_disconnect_ends_the_session_only_when_told_to() -> None:
    """Without that word the session keeps to the expiry it began with."""
    (stays,), (ends,) = (_read_all(disconnect_packet(ends_session=ends)) for ends in (False, True))

    assert isinstance(stays, mqtt5.DisconnectPacket)
    assert stays.session_expiry_interval is None
    assert isinstance(ends, mqtt5.DisconnectPacket)
    assert ends.session_expiry_interval == 0
