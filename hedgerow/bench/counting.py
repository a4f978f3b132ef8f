"""A subscriber that only counts: how fast the broker itself hands out messages, which no ingest can outrun.

Run as a process of its own. MQTT 5 over a raw socket, QoS 1, as many messages under way as the protocol allows, each
acknowledged in order of arrival as soon as it has been read; nothing is looked at, nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mqtt5

from hedgerow.bench.database import BenchError
from hedgerow.bench.flood import outcome, sending
from hedgerow.bench.usage import cpu_s
from ingest.wire import puback_bytes, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.bench.brokers import Broker
    from simulators.load import Load

_MOST_UNDER_WAY = 65_535
_READ_BYTES = 2**18
_GATHER_S = 0.002
"""How long messages gather in the socket: one read of many costs both sides less."""
_SILENT_AFTER_S = 30.0
_FILTER = "hedgerow/v1/+/up"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a counting subscriber got."""

    messages: int
    seconds: float
    """From the first message sent until the last one was there."""
    broker_cpu_s: float | None

    @property
    def messages_per_s(self) -> float:
        """Messages delivered in a second."""
        return self.messages / self.seconds


def count_delivered(broker: Broker, load: Load) -> Counted:
    """Send a load to a broker from which only a counting subscriber takes it.

    Raises
    ------
    BenchError
        When not every message arrives.
    """
    cpu_before = cpu_s(broker.part.pid)
    with _subscriber(broker, load.messages) as subscriber, sending(load) as sender:
        sent = outcome(sender)
        output, _ = subscriber.communicate()
    if subscriber.returncode:
        raise BenchError("the counting subscriber did not get every message")
    counted = json.loads(output)
    cpu_after = cpu_s(broker.part.pid)
    used = None if cpu_before is None or cpu_after is None else cpu_after - cpu_before
    return Counted(counted["messages"], counted["ended_s"] - sent.began_s, used)


@contextmanager
def _subscriber(broker: Broker, messages: int) -> Iterator[subprocess.Popen[str]]:
    """Run the subscriber; the block begins when it is subscribed."""
    arguments = {"port": broker.ingest_port, "messages": messages, "user": broker.user, "password": broker.password}
    command = [sys.executable, "-m", "hedgerow.bench.counting", json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as subscriber:
        try:
            if subscriber.stdout is None or subscriber.stdout.readline() != "ready\n":
                raise BenchError("the counting subscriber cannot subscribe")
            yield subscriber
        finally:
            subscriber.kill()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to count, and where."""

    port: int
    messages: int
    user: str
    password: str


def count(wanted: Wanted) -> dict[str, float]:
    """Subscribe, say so, and count until every message is there.

    Raises
    ------
    TimeoutError
        When the broker falls silent before.
    """
    connection = socket.create_connection(("127.0.0.1", wanted.port), timeout=_SILENT_AFTER_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(_connect_packet(wanted))
    _expect(connection, mqtt5.ConnAckPacket)
    connection.sendall(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(_FILTER, max_qos=mqtt5.QoS.AT_LEAST_ONCE)]).write())
    _expect(connection, mqtt5.SubAckPacket)
    print("ready", flush=True)  # noqa: T201 - its output
    buffer, messages = b"", 0
    while messages < wanted.messages:
        chunk = connection.recv(_READ_BYTES)
        if not chunk:
            raise ConnectionError("the broker closed the connection")
        scanned = scan(buffer + chunk if buffer else chunk)
        buffer = (buffer + chunk if buffer else chunk)[scanned.used :]
        if len(scanned.packet_ids):
            connection.sendall(puback_bytes(scanned.packet_ids))
        messages += len(scanned.packet_ids)
        if messages < wanted.messages:
            time.sleep(_GATHER_S)
    ended_s = time.time()
    connection.sendall(mqtt5.DisconnectPacket().write())
    return {"messages": messages, "ended_s": ended_s, "cpu_s": _cpu_s()}


def _connect_packet(wanted: Wanted) -> bytes:
    return mqtt5.ConnectPacket(
        "hedgerow-count",
        username=wanted.user or None,
        password=wanted.password.encode() or None,
        clean_start=True,
        keep_alive=600,
        receive_max=_MOST_UNDER_WAY,
    ).write()


def _expect(connection: socket.socket, kind: type[mqtt5.ConnAckPacket | mqtt5.SubAckPacket]) -> None:
    packet, _ = mqtt5.read(memoryview(connection.recv(_READ_BYTES)))
    if not isinstance(packet, kind):
        raise ConnectionError(f"the broker answers with {packet}")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Count what the command line says and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", type=json.loads, help="fields of Wanted as a JSON object")
    print(json.dumps(count(Wanted(**parser.parse_args().wanted))))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
