"""Receive: the persistent session at the broker. Takes PUBLISHes, gives messages; the only importer of an MQTT client.

QoS 1, manual acknowledgement, a fixed identity and a session that outlives us: what is not acknowledged comes again. The
callback only enqueues; the broker sends no more than `receive_maximum` unacknowledged messages, which bounds our memory.
"""

from __future__ import annotations

import logging
import queue
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.topics import SUBSCRIPTIONS
from ingest.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_KEEPALIVE_S = 30


class PahoSession:
    """A session kept with paho-mqtt, whose network thread calls the `_on_…` methods."""

    def __init__(self, settings: IngestSettings) -> None:
        self.arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.connected = False
        self.connections = 0
        self.sessions_lost = 0
        self._settings = settings
        self._epoch = 0
        self._lock = threading.Lock()  # an acknowledgement never slips over a change of connection
        self._in_epoch = 0
        self._resumed = False
        self._known_session = False
        self._last_us = 0
        self._client = self._make_client()

    def open(self) -> None:
        """Begin to connect, and go on trying with growing pauses until `close`."""
        url = urlsplit(self._settings.mqtt_url)
        default_port = 8883 if url.scheme == "mqtts" else 1883
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._settings.mqtt_session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        self._client.connect_async(
            url.hostname or "127.0.0.1",
            url.port or default_port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def close(self) -> None:
        """Leave the broker; the session stays there and keeps what comes meanwhile."""
        self._client.disconnect()
        self._client.loop_stop()

    def send_acknowledgements(self, epoch: int, packet_ids: Sequence[int]) -> bool:
        """Send PUBACKs if `epoch` is still the current connection; say whether it was."""
        with self._lock:
            if epoch != self._epoch or not self.connected:
                return False
            for packet_id in packet_ids:
                self._client.ack(packet_id, 1)
            return True

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.mqtt_client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=not self._settings.auto_acknowledge,
        )
        if self._settings.mqtt_user:
            client.username_pw_set(self._settings.mqtt_user, self._settings.mqtt_password)
        if urlsplit(self._settings.mqtt_url).scheme == "mqtts":
            ca_file = self._settings.mqtt_ca_file
            client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: Any,  # noqa: ANN401 - paho's ReasonCode is untyped
        _properties: object,
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
            return
        with self._lock:
            self._epoch += 1
            self._in_epoch = 0
            self._resumed = flags.session_present
            self.connected = True
            self.connections += 1
        if self._known_session and not flags.session_present:
            self.sessions_lost += 1
            log.error("the broker has lost our session: messages that waited in it are gone")
        self._known_session = True
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        # On every connection: a persistent session is no proof that the broker kept its subscriptions.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe([(topic, options) for topic in SUBSCRIPTIONS])

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: object, _properties: object
    ) -> None:
        with self._lock:
            self._epoch += 1
            self.connected = False
        log.warning("disconnected from the broker: %s", reason)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self._in_epoch += 1
        # Strictly growing: two messages never share an arrival, so rows keyed by it stay apart.
        self._last_us = max(time.time_ns() // 1000, self._last_us + 1)
        self.arrived.put(
            Message(
                message.topic,
                bytes(message.payload),
                self._last_us,
                message.mid,
                self._epoch,
                message.dup or (self._resumed and self._in_epoch <= self._settings.receive_maximum),
            )
        )
