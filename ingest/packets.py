"""Packets with which a session at an MQTT 5 broker begins: who we are, what we listen to and what no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mqtt5

if TYPE_CHECKING:
    from ingest.session import Subscription
    from ingest.settings import IngestSettings

KEEP_ALIVE_S = 30
_SUBSCRIBE_ID, _UNSUBSCRIBE_ID = 1, 2


def connect_packet(settings: IngestSettings) -> bytes:
    """Write CONNECT: our identity, a session that outlives us, and how much may be on the way to us."""
    return mqtt5.ConnectPacket(
        settings.mqtt_client_id,
        username=settings.mqtt_user or None,
        password=settings.mqtt_password.encode() or None,
        clean_start=False,
        keep_alive=KEEP_ALIVE_S,
        session_expiry_interval=settings.mqtt_session_expiry_s,
        receive_max=settings.receive_maximum,
    ).write()


def subscription_packets(subscription: Subscription, *, resumed: bool) -> bytes:
    """Write SUBSCRIBE, and behind it UNSUBSCRIBE of what a resumed session may have from before: nothing falls between."""
    packets = b""
    if subscription.wanted:
        packets += mqtt5.SubscribePacket(_SUBSCRIBE_ID, [_filter(topic) for topic in subscription.wanted]).write()
    if subscription.unwanted and resumed:
        packets += mqtt5.UnsubscribePacket(_UNSUBSCRIBE_ID, list(subscription.unwanted)).write()
    return packets


def disconnect_packet(*, ends_session: bool) -> bytes:
    """Write DISCONNECT; the session stays at the broker, or ends with it."""
    return mqtt5.DisconnectPacket(session_expiry_interval=0 if ends_session else None).write()


def _filter(topic: str) -> mqtt5.TopicFilter:
    return mqtt5.TopicFilter(
        topic,
        max_qos=mqtt5.QoS.AT_LEAST_ONCE,
        retain_handling=mqtt5.RetainHandling.SEND_NEVER,
        retain_as_published=False,
    )
