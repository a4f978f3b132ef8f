"""What goes between ingest and the process that runs JavaScript: requests and answers over a socket pair."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    import socket

MOST_REQUEST_BYTES = 16 * 2**20
MOST_ANSWER_BYTES = 8 * 2**20
_LENGTH_BYTES = 4


class Frame(NamedTuple):
    """A payload for a script."""

    payload: bytes
    port: int
    time_ms: float
    """When the network server had it [ms since 1970]."""


class Request(msgspec.Struct, array_like=True):
    """Frames to decode by one script; none: only see whether the script can be used."""

    codec: str
    """Names the script and its context: one name, one script."""
    script: str
    frames: list[Frame]


class Outcome(NamedTuple):
    """What became of one frame."""

    output: str
    """JSON text of what the script returned; empty where it failed."""
    error: str
    """Why; empty where it did not."""


class Answer(msgspec.Struct, array_like=True):
    """Outcomes of the frames in their order; fewer of them when the request took too long."""

    outcomes: list[Outcome]
    cpu_s: float
    """Processor time it took [s]."""
    broken: str = ""
    """Why the script cannot be used at all."""


def send(peer: socket.socket, message: Request | Answer) -> None:
    """Send a request or an answer."""
    content = msgspec.msgpack.encode(message)
    peer.sendall(len(content).to_bytes(_LENGTH_BYTES) + content)


def receive(peer: socket.socket, most_bytes: int, deadline: float | None = None) -> bytes:
    """Receive the bytes of a request or an answer.

    Parameters
    ----------
    peer
        The socket.
    most_bytes
        What is longer is refused.
    deadline
        By `time.monotonic`; None: waits for ever.

    Raises
    ------
    EOFError
        When the other end is closed.
    TimeoutError
        At the deadline.
    ValueError
        When more is announced than is allowed.
    """
    length = int.from_bytes(_exactly(peer, _LENGTH_BYTES, deadline))
    if length > most_bytes:
        raise ValueError(f"{length} bytes announced, {most_bytes} allowed")
    return _exactly(peer, length, deadline)


def _exactly(peer: socket.socket, length: int, deadline: float | None) -> bytes:
    content = bytearray()
    while len(content) < length:
        if deadline is not None:
            peer.settimeout(max(deadline - time.monotonic(), 1e-3))
        part = peer.recv(length - len(content))
        if not part:
            raise EOFError
        content += part
    return bytes(content)
