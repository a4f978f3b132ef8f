"""Receive: the persistent session at an MQTT 5 broker. Takes PUBLISHes, gives messages.

QoS 1, a fixed identity and a session that outlives us: what is not acknowledged comes again. We read no further while more than
`receive_maximum` messages are unacknowledged or too many bytes wait: that bounds our memory, and what may come again. The
protocol is the library's (mqtt5, sans I/O) but for the plain PUBLISH and PUBACK (`ingest/wire.py`).
"""

from __future__ import annotations

import logging
import random
import select
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import mqtt5
import numpy as np

from ingest.packets import KEEP_ALIVE_S, connect_packet, disconnect_packet, subscription_packets
from ingest.session import EVERYTHING, Arrivals, Conflicts, Subscription
from ingest.wire import Scanned, WireError, puback_bytes, scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_READ_BYTES = 2**18
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0
_GATHER_S = 0.004
"""How long messages gather in the socket while earlier ones wait to be collected: one read of many costs both sides less."""
_PING_S, _PING_DRAINING_S = KEEP_ALIVE_S / 2, 0.2


class SessionError(Exception):
    """The broker refuses us or speaks no MQTT 5."""


class ClosedByBrokerError(SessionError):
    """The broker closed the connection without a word, as it does when another process comes with our identity."""


class MqttSession:
    """A session kept by a thread of its own."""

    def __init__(self, settings: IngestSettings, subscription: Subscription = EVERYTHING) -> None:
        self.arrivals = Arrivals(settings.receive_maximum)
        self.connected = False
        self.connections = 0
        self.sessions_lost = 0
        self.identity_conflicts = 0
        self.has_left = False
        """Whether the broker has said, on this connection, that we left the filters that are not wanted."""
        self.has_joined = False
        """Whether the broker has said, on this connection, that it grants what is wanted."""
        self.is_empty = False
        """Whether a session that has left them holds nothing any more."""
        self.is_ended = False
        """Whether the broker was told to end the session."""
        self._settings = settings
        self._subscription = subscription
        self._conflicts = Conflicts()
        self._taken_over = False
        self._given = 0
        self._at_ping = (0, 0)  # when the last one was sent: messages given so far, and of them not acknowledged
        self._ends_session = False
        self._thread = threading.Thread(target=self._keep, name="receive")
        self._closing = threading.Event()
        self._lock = threading.Lock()  # an acknowledgement never slips over a change of connection
        self._socket: socket.socket | None = None
        self._epoch = 0
        self._known_session = False

    @property
    def is_settled(self) -> bool:
        """Whether the broker has confirmed, on this connection, the whole subscription."""
        return self.has_left and (self.has_joined or not self._subscription.wanted)

    def open(self) -> None:
        """Begin to connect, and go on trying with growing pauses until `close`."""
        self._thread.start()

    def close(self, *, ends_session: bool = False) -> None:
        """Leave the broker; the session stays there and keeps what comes meanwhile, unless it is empty and to be ended."""
        self._ends_session = ends_session
        self._closing.set()
        self._thread.join()

    def send_acknowledgements(self, epoch: int, packet_ids: NDArray[np.uint16]) -> bool:
        """Send PUBACKs if `epoch` is still the current connection; say whether it was."""
        with self._lock:
            if epoch != self._epoch or self._socket is None:
                return False
            try:
                self._socket.settimeout(KEEP_ALIVE_S)
                self._socket.sendall(puback_bytes(packet_ids))
            except OSError as error:
                log.warning("cannot acknowledge, the broker will deliver again: %s", error)
                self._shut()
                return False
            self.arrivals.acknowledged(len(packet_ids))
            return True

    def _keep(self) -> None:
        pause_s = _SHORTEST_PAUSE_S
        while not self._closing.is_set():
            connected_at, cause = None, None
            try:
                buffer = self._connect()
                connected_at = time.monotonic()
                self._read_on(buffer)
            except (OSError, SessionError, WireError, ValueError) as error:
                cause = error
                log.warning("no connection to the broker: %s", error)
            finally:
                self._disconnect()
            if connected_at is None:
                self._conflicts.not_reached()
            elif not self._conflict(time.monotonic() - connected_at, cause):
                pause_s = _SHORTEST_PAUSE_S
            # Full jitter: workers that lose a broker together do not come back together.
            self._closing.wait(random.uniform(_SHORTEST_PAUSE_S / 2, pause_s))  # noqa: S311
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _connect(self) -> bytes:
        """Connect and subscribe; gives what the broker has sent behind its CONNACK."""
        connection = self._open_socket()
        connection.sendall(connect_packet(self._settings))
        buffer = b""
        while (packet := _first_packet(buffer)) is None:
            buffer += self._read_some(connection)
        answer, used = packet
        if not isinstance(answer, mqtt5.ConnAckPacket):
            raise SessionError("the broker answers CONNECT with something else")
        if answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise SessionError(f"the broker refuses us: {answer.reason_code.name}; check user and password")
        if self._settings.auto_acknowledge:
            log.error("TEST ONLY: messages are acknowledged before they are stored")
        self._begin_epoch(connection, resumed=answer.session_present)
        # On every connection: a persistent session is no proof that the broker kept its subscriptions. The answer comes
        # behind whatever the session has kept for us, so nobody waits for it.
        with self._lock:
            connection.sendall(subscription_packets(self._subscription, resumed=answer.session_present))
        self.has_left, self.has_joined = not answer.session_present, False
        return buffer[used:]

    def _open_socket(self) -> socket.socket:
        url = urlsplit(self._settings.mqtt_url)
        is_tls = url.scheme == "mqtts"
        host = url.hostname or "127.0.0.1"
        connection = socket.create_connection((host, url.port or (8883 if is_tls else 1883)), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_tls:
            ca_file = self._settings.mqtt_ca_file
            context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
            connection = context.wrap_socket(connection, server_hostname=host)
        return connection

    def _conflict(self, lasted_s: float, cause: Exception | None) -> bool:
        """Tell, when a connection has ended, whether another process uses our identity; count and say it."""
        if not self._taken_over and not isinstance(cause, (ClosedByBrokerError, OSError)):
            return False
        if not self._conflicts.ended(lasted_s, taken_over=self._taken_over):
            return False
        self.identity_conflicts += 1
        log.error("another process uses our identity %s: we push each other out", self._settings.mqtt_client_id)
        return True

    def _begin_epoch(self, connection: socket.socket, *, resumed: bool) -> None:
        with self._lock:
            self._epoch += 1
            self._socket = connection
            self.arrivals.begin_epoch(self._epoch, resumed=resumed)
        self.connected = True
        self.connections += 1
        self.is_empty = self._taken_over = False
        if self._known_session and not resumed:
            self.sessions_lost += 1
            log.error("the broker has lost our session: messages that waited in it are gone")
        self._known_session = True
        log.info("connected to the broker, session %s", "resumed" if resumed else "new")

    def _read_on(self, buffer: bytes) -> None:
        """Read until the connection ends or we close."""
        connection = self._socket
        last_read = last_ping = time.monotonic()
        while connection is not None and connection is self._socket:
            scanned = scan(buffer)
            if scanned.payloads:
                self._give(scanned)
            for packet in scanned.others:
                self._handle(packet)
            buffer = buffer[scanned.used :]
            now = time.monotonic()
            if self._closing.is_set():
                self.is_ended = self._ends_session and self.is_empty
                with self._lock:
                    connection.sendall(disconnect_packet(ends_session=self.is_ended))
                return
            if now - last_ping > (_PING_S if self._subscription.wanted else _PING_DRAINING_S):
                with self._lock:
                    connection.sendall(mqtt5.PingReqPacket().write())
                    self._at_ping = (self._given, self.arrivals.unacknowledged)
                last_ping = now
            if now - last_read > 1.5 * KEEP_ALIVE_S:
                raise SessionError("the broker is silent")
            if self.arrivals.is_full:
                self._closing.wait(0.01)
                last_read = now  # it is we who do not listen
                continue
            if now - last_read < _GATHER_S:
                time.sleep(_GATHER_S)
            chunk = self._read_if_ready(connection)
            if chunk:
                buffer = buffer + chunk if buffer else chunk
                last_read = now

    def _read_if_ready(self, connection: socket.socket) -> bytes:
        """Read what is there; nothing after a moment in which nothing came."""
        if isinstance(connection, ssl.SSLSocket):
            if not connection.pending() and not select.select([connection], [], [], 0.2)[0]:
                return b""
            with self._lock:  # OpenSSL does not read and write at once
                connection.settimeout(0.2)
                try:
                    return self._read_some(connection)
                except TimeoutError:
                    return b""
        if not select.select([connection], [], [], 0.2)[0]:
            return b""
        return self._read_some(connection)

    @staticmethod
    def _read_some(connection: socket.socket) -> bytes:
        chunk = connection.recv(_READ_BYTES)
        if not chunk:
            raise ClosedByBrokerError("the broker closed the connection")
        return chunk

    def _give(self, scanned: Scanned) -> None:
        if self._settings.auto_acknowledge:
            self.send_acknowledgements(self._epoch, scanned.packet_ids[scanned.packet_ids != 0])
        self._given += len(scanned.payloads)
        self.arrivals.put(scanned.topics, scanned.payloads, scanned.packet_ids, scanned.duplicate)

    def _handle(self, data: bytes) -> None:
        """Deal with a packet of a shape the scan does not read."""
        packet, _ = mqtt5.read(memoryview(data))
        match packet:
            case mqtt5.PublishPacket():
                # QoS 0 has no packet id: it is stored like all others, and nobody waits for an answer.
                packet_id = packet.packet_id or 0
                topic, payload = packet.topic.encode(), packet.payload
                ids, duplicate = np.array([packet_id], np.uint16), np.array([packet.duplicate])
                self._give(Scanned([topic], [payload], ids, duplicate, [], 0))
            case mqtt5.SubAckPacket():
                granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
                if any(code != granted for code in packet.reason_codes):
                    raise SessionError(f"the broker does not grant QoS 1: {packet.reason_codes}")
                self.has_joined = True
            case mqtt5.UnsubAckPacket():
                self.has_left = True
            case mqtt5.PingRespPacket():
                # Behind our last acknowledgement the broker would have sent what waits before it answered.
                self.is_empty = self.has_left and self._at_ping == (self._given, 0)
            case mqtt5.DisconnectPacket():
                self._taken_over = packet.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
                raise SessionError(f"the broker ends the connection: {packet.reason_code.name}")
            case _:
                pass  # what a broker may send besides: nothing to do

    def _shut(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _disconnect(self) -> None:
        with self._lock:
            self._epoch += 1
            self._shut()
        if self.connected:
            log.warning("disconnected from the broker")
        self.connected = False


def _first_packet(buffer: bytes) -> tuple[object, int] | None:
    """Parse the first packet of a buffer; None while it is not whole."""
    try:
        return mqtt5.read(memoryview(buffer))
    except IndexError:
        return None
