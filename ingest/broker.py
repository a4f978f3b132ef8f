"""Listens to what the broker says of itself: how many messages it has dropped. Mosquitto tells that; others say nothing.

On a connection of its own: a broker that does not allow the question must not cost us the session that readings come through.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

TOPIC = "$SYS/broker/publish/messages/dropped"
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 10, 600


class BrokerDrops:
    """How many messages the broker has dropped since it was started."""

    def __init__(self, settings: IngestSettings) -> None:
        self.dropped: int | None = None
        """None: the broker does not say."""
        url = urlsplit(settings.mqtt_url)
        is_tls = url.scheme == "mqtts"
        self._address = url.hostname or "127.0.0.1", url.port or (8883 if is_tls else 1883)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        if is_tls:
            ca_file = settings.mqtt_ca_file
            self._client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
        self._client.reconnect_delay_set(_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Begin to listen, and go on trying with growing pauses until `stop`."""
        self._client.connect_async(*self._address)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker; nobody waits for that."""
        if self._client.is_connected():
            self._client.disconnect()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:  # noqa: ANN401 - paho's types
        client.subscribe(TOPIC)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if not message.payload.isdigit():
            log.warning("the broker says it has dropped %r messages, which is no number", message.payload[:40])
            return
        dropped = int(message.payload)
        if dropped > (self.dropped or 0):
            log.error("the broker has dropped messages: %d since it was started", dropped)
        self.dropped = dropped
