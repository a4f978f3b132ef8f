"""Receive from a broker that speaks no MQTT 5: the same session for MQTT 3.1.1, kept with paho-mqtt.

About a third as fast (paho costs 25 µs a message), and such brokers bound what is unacknowledged by their own setting.
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.session import EVERYTHING, Arrivals, Conflicts, Subscription

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_KEEPALIVE_S = 30


class PahoSession:
    """A session whose messages come through paho's network thread, which calls the `_on_…` methods."""

    def __init__(self, settings: IngestSettings, subscription: Subscription = EVERYTHING) -> None:
        self.arrivals = Arrivals(settings.receive_maximum)
        self.connected = False
        self.connections = 0
        self.sessions_lost = 0
        self.identity_conflicts = 0
        self.is_ended = False
        self._settings = settings
        self._subscription = subscription
        self._conflicts = Conflicts()
        self._connected_at = 0.0
        self._closing = threading.Event()
        self._epoch = 0
        self._lock = threading.Lock()  # an acknowledgement never slips over a change of connection
        self._known_session = False
        self._client = self._make_client()

    def open(self) -> None:
        """Begin to connect, and go on trying with growing pauses until `close`."""
        url = urlsplit(self._settings.mqtt_url)
        default_port = 8883 if url.scheme == "mqtts" else 1883
        self._client.connect_async(url.hostname or "127.0.0.1", url.port or default_port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    def close(self, *, ends_session: bool = False) -> None:
        """Leave the broker; the session stays there and keeps what comes meanwhile.

        Raises
        ------
        ValueError
            When it is to be ended: 3.1.1 does not let us.
        """
        if ends_session:
            raise ValueError("MQTT 3.1.1 ends no session")
        self._closing.set()
        self._client.disconnect()
        self._client.loop_stop()

    def send_acknowledgements(self, epoch: int, packet_ids: NDArray[np.uint16]) -> bool:
        """Send PUBACKs if `epoch` is still the current connection; say whether it was."""
        with self._lock:
            if epoch != self._epoch or not self.connected:
                return False
            for packet_id in packet_ids.tolist():
                self._client.ack(packet_id, 1)
            self.arrivals.acknowledged(len(packet_ids))
            return True

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.mqtt_client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=not self._settings.auto_acknowledge,
        )
        if self._settings.mqtt_user:
            client.username_pw_set(self._settings.mqtt_user, self._settings.mqtt_password)
        if urlsplit(self._settings.mqtt_url).scheme == "mqtts":
            ca_file = self._settings.mqtt_ca_file
            client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = _send_at_once
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
            self.arrivals.begin_epoch(self._epoch, resumed=flags.session_present)
            self.connected = True
            self.connections += 1
        if self._known_session and not flags.session_present:
            self.sessions_lost += 1
            log.error("the broker has lost our session: messages that waited in it are gone")
        self._known_session = True
        self._connected_at = time.monotonic()
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        # On every connection: a persistent session is no proof that the broker kept its subscriptions.
        client.subscribe([(topic, 1) for topic in self._subscription.wanted])
        if self._subscription.unwanted and flags.session_present:
            client.unsubscribe(list(self._subscription.unwanted))

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        self._conflicts.not_reached()
        log.warning("no connection to the broker: %s", sys.exception())  # paho calls us where it has caught it

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: object, _properties: object
    ) -> None:
        with self._lock:
            self._epoch += 1
            was_connected, self.connected = self.connected, False
        log.warning("disconnected from the broker: %s", reason)
        if self._closing.is_set() or not was_connected:
            return
        if self._conflicts.ended(time.monotonic() - self._connected_at, taken_over=False):
            self.identity_conflicts += 1
            log.error("another process uses our identity %s, or the broker refuses us", self._settings.mqtt_client_id)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        # 3.1.1 knows no receive maximum: while too much waits we read no further, like the session for MQTT 5.
        while self.arrivals.is_full and not self._closing.wait(0.05):
            pass
        self.arrivals.put(
            [message.topic.encode()], [bytes(message.payload)], np.array([message.mid], np.uint16), np.array([message.dup])
        )


def _send_at_once(_client: mqtt.Client, _userdata: object, connection: Any) -> None:  # noqa: ANN401 - paho: socket or wrapper
    # PUBACKs are four bytes each: without this every one waits for the answer to the one before, 40 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
