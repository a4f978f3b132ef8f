"""A load generator that costs next to nothing: prebuilt MQTT packets over a raw socket, QoS 1 with a window."""

from __future__ import annotations

import argparse
import json
import resource
import socket
import struct
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Phase = TypeVar("Phase", int, NDArray[np.int64])


class Measured(NamedTuple):
    """One of the metrics of a message, and how its value comes from the message's base, which is 0 to 300."""

    metric: str
    unit: str
    shift: int
    divisor: int


MEASURED = (
    Measured("pm2_5", "ug/m3", 0, 10),
    Measured("pm10", "ug/m3", 0, 5),
    Measured("no2", "ug/m3", 0, 8),
    Measured("temperature", "Cel", 50, 10),
    Measured("humidity", "%RH", 0, 4),
    Measured("o3", "ug/m3", 0, 2),
)
"""What a message may hold; of the first five unless a load says otherwise."""

READINGS = 5
METRICS = tuple(measured.metric for measured in MEASURED[:READINGS])
INTERVAL_S = 1
"""Between two messages of one device [s]."""

_CONNACK_BYTES = 4
_PUBACK_BYTES = 4
_GATHER_S = 0.001
"""Waited before PUBACKs are read, so that one read takes many."""
_BURST = 500
"""Messages in one send: large enough that the system call costs nothing, small enough that the broker never starves."""
_PACE_S = 0.005
"""At a given rate a send holds what is due in this time [s]."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send and where."""

    host: str
    port: int
    messages: int
    devices: int
    start_s: int
    """Time of the first readings [s since 1970]; each round over the devices is one interval later."""
    interval_s: int = INTERVAL_S
    """Between two messages of one device [s]; within it the devices are spread."""
    readings: int = READINGS
    """In each message: 1 to 6."""
    prebuilt: bool = True
    """Build every packet before the first is sent, so that the load costs next to nothing while it runs."""
    window: int = 4_000
    """Messages sent and not acknowledged yet, at most."""
    rate: float = 0.0
    """Messages a second; 0: as fast as it goes."""
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it."""

    messages: int
    began_s: float
    ended_s: float
    cpu_s: float


def uid_of(device: int) -> str:
    """Name of a device of the load."""
    return f"load-{device:05d}"


def base_of(phase: Phase) -> Phase:
    """Give what all values of a message are made of, from 0 to 300: up and down, with no jump that would be flagged."""
    return 300 - abs(phase % 600 - 300)


def payload_of(device: int, time_s: int, readings: int = READINGS) -> bytes:
    """Give a SenML pack; the same arguments give the same readings."""
    base = base_of(device * 7 + time_s)
    records = [f'{{"n":"{m}","u":"{u}","v":{(base - shift) / divisor}}}' for m, u, shift, divisor in MEASURED[:readings]]
    records[0] = f'{{"bt":{time_s},{records[0][1:]}'
    return f"[{','.join(records)}]".encode()


def bursts(load: Load) -> Iterator[tuple[bytes, int]]:
    """Build the PUBLISH packets in bursts, with the number of messages in each."""
    size = min(_BURST, max(1, round(load.rate * _PACE_S))) if load.rate else _BURST
    for first in range(0, load.messages, size):
        numbers = range(first, min(first + size, load.messages))
        yield b"".join(_publish(load, number) for number in numbers), len(numbers)


def _publish(load: Load, number: int) -> bytes:
    turn, device = divmod(number, load.devices)
    topic = f"hedgerow/v1/{uid_of(device)}/up".encode()
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number % 65_535 + 1)
    body += payload_of(device, load.start_s + turn * load.interval_s + device % load.interval_s, load.readings)
    return b"\x32" + _remaining_length(len(body)) + body


def _remaining_length(length: int) -> bytes:
    """Write a variable byte integer (MQTT 3.1.1, section 2.2.3)."""
    out = bytearray()
    while True:
        length, digit = divmod(length, 128)
        out.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(out)


def _connect(load: Load) -> socket.socket:
    connection = socket.create_connection((load.host, load.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    flags = 0x02 | (0xC0 if load.user else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x02\x58"  # clean session; keep-alive 600 s: rumqttd refuses 0
    for text in ("hedgerow-load", *((load.user, load.password) if load.user else ())):
        body += struct.pack(">H", len(text.encode())) + text.encode()
    connection.sendall(b"\x10" + _remaining_length(len(body)) + body)
    answer = connection.recv(_CONNACK_BYTES, socket.MSG_WAITALL)
    if len(answer) < _CONNACK_BYTES or answer[3]:
        raise ConnectionError(f"the broker refuses the load generator: {answer.hex()}")
    return connection


def send(load: Load) -> Sent:
    """Send the whole load and wait for every PUBACK.

    Raises
    ------
    ConnectionError
        When the broker refuses or closes the connection.
    """
    packets_to_send = list(bursts(load)) if load.prebuilt else bursts(load)
    connection = _connect(load)
    cpu_before, began = _cpu_s(), time.time()
    sent = acknowledged_bytes = 0
    for packets, count in packets_to_send:
        while sent + count - acknowledged_bytes // _PUBACK_BYTES > load.window:
            acknowledged_bytes += _receive(connection)
        if load.rate:
            time.sleep(max(0.0, began + sent / load.rate - time.time()))
        connection.sendall(packets)
        sent += count
    while acknowledged_bytes < sent * _PUBACK_BYTES:
        acknowledged_bytes += _receive(connection)
    connection.close()
    return Sent(sent, began, time.time(), _cpu_s() - cpu_before)


def _receive(connection: socket.socket) -> int:
    time.sleep(_GATHER_S)
    received = len(connection.recv(65_536))
    if not received:
        raise ConnectionError("the broker closed the connection")
    return received


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Send a load told on the command line and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", type=json.loads, help="fields of Load as a JSON object")
    print(json.dumps(asdict(send(Load(**parser.parse_args().load)))))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
