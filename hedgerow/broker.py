"""The embedded broker: rumqttd from the iotcore wheel behind one door for MQTT 3.1.1 and MQTT 5.

rumqttd listens for each version of the protocol on a port of its own. The door reads the first packet of a connection, sees
which version it speaks and passes the bytes on, both ways and unchanged. The queues live in memory: they survive a crash of
every other part, but not the broker's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import threading
from pathlib import Path

from iotcore import IotCoreBroker

log = logging.getLogger(__name__)

MOST_PAYLOAD_BYTES = 2 * 2**20
"""Twice what ingest accepts, so that too large a message ends in quarantine with its reason and not at a closed connection."""

_FIRST_PACKET_WITHIN_S = 10.0
_CHUNK_BYTES = 2**18

_LISTENER = """
[v{version}.1]
name = "v{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v{version}.1.connections]
connection_timeout_ms = 10000
max_payload_size = {payload}
max_inflight_count = 100
dynamic_filters = true
[v{version}.1.connections.auth]
{users}
"""

_ROUTER = """
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 1000
max_segment_size = 104857600
max_segment_count = 40
"""


def broker_config(v4_port: int, v5_port: int, users: dict[str, str]) -> str:
    """Write rumqttd's configuration: two listeners on loopback, closed to everybody but `users` (name to password)."""
    # JSON strings are TOML strings: quoting is right whatever a password holds.
    lines = "\n".join(f"{json.dumps(user)} = {json.dumps(password)}" for user, password in users.items())
    listeners = [
        _LISTENER.format(version=version, port=port, payload=MOST_PAYLOAD_BYTES, users=lines)
        for version, port in ((4, v4_port), (5, v5_port))
    ]
    return _ROUTER + "".join(listeners)


def protocol_level(packet: bytes) -> int | None:
    """Read the protocol level of a CONNECT packet (MQTT 3.1.1 and 5, section 3.1.2): 4, 5, or None while bytes are missing.

    Raises
    ------
    ValueError
        When it is no CONNECT packet.
    """
    if packet[:1] not in (b"", b"\x10"):
        raise ValueError("the first packet is not CONNECT")
    at = 1
    while at < len(packet) and packet[at] & 0x80:
        at += 1
        if at > 4:
            raise ValueError("malformed remaining length")
    at += 1  # behind the remaining length
    name_length = int.from_bytes(packet[at : at + 2], "big")
    if len(packet) < at + 2:
        return None
    if name_length != 4:
        raise ValueError("not MQTT 3.1.1 or 5")
    return packet[at + 6] if len(packet) > at + 6 else None


class Door:
    """Passes each connection on to the listener that speaks its version."""

    def __init__(self, v4_port: int, v5_port: int) -> None:
        self._ports = {4: v4_port, 5: v5_port}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def open(self, host: str, port: int) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_CHUNK_BYTES)

    def close(self) -> None:
        """Let nobody in any more and send away who is there; what was acknowledged to them is in the broker's queues."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self._serve_known(reader, writer)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve_known(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_FIRST_PACKET_WITHIN_S):
                head = b""
                while (level := protocol_level(head)) is None:
                    chunk = await reader.read(_CHUNK_BYTES)
                    if not chunk:
                        return
                    head += chunk
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._ports[level])
        except (ValueError, KeyError, TimeoutError, OSError) as error:
            log.info("connection refused: %r", error)
            return
        inner_writer.write(head)
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A connection that breaks on one side is closed on the other: the protocol sees to the rest.
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _run(arguments: argparse.Namespace) -> None:
    door = Door(arguments.v4_port, arguments.v5_port)
    await door.open(arguments.host, arguments.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # The door closes first, while ingest empties the queues; then comes the end.
    loop.add_signal_handler(signal.SIGUSR1, door.close)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    await stop.wait()


def _serve(broker: IotCoreBroker) -> None:
    """Run rumqttd; without it the door leads nowhere, so the process ends with it."""
    try:
        broker.run_forever()
    except Exception:
        log.exception("rumqttd failed")
    os._exit(1)


def main() -> None:
    """Run the broker until SIGTERM; SIGUSR1 closes its door first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("v4_port", type=int)
    parser.add_argument("v5_port", type=int)
    arguments = parser.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    # rumqttd wraps its routing of every packet in error spans: thousands of lines a second that say nothing.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    broker = IotCoreBroker(config_path=str(arguments.config))
    threading.Thread(target=_serve, args=(broker,), name="rumqttd", daemon=True).start()
    asyncio.run(_run(arguments))


if __name__ == "__main__":
    main()
