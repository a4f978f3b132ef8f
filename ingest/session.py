"""What the path needs of a session at a broker, and what every session does with messages that arrive."""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from devices.topics import SUBSCRIPTIONS
from ingest.message import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


_MOST_WAITING_BYTES = 2**25
_MOST_AHEAD_US = 2_000_000
_SHORT_S, _SHORT_MANY = 2.0, 3


class Subscription(NamedTuple):
    """Filters to subscribe to, and those to leave once that is done."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


EVERYTHING = Subscription(SUBSCRIPTIONS)


class Session(Protocol):
    """A persistent session: `ingest/receive.py` for MQTT 5, `ingest/receive_paho.py` for 3.1.1."""

    arrivals: Arrivals
    connected: bool
    connections: int
    sessions_lost: int
    identity_conflicts: int
    """Times another process was found to use our identity."""
    is_ended: bool
    """Whether the broker was told to end the session."""

    def open(self) -> None:
        """Begin to connect, and go on trying until `close`."""

    def close(self, *, ends_session: bool = False) -> None:
        """Leave the broker; the session stays there and keeps what comes meanwhile, unless it is empty and to be ended."""

    def send_acknowledgements(self, epoch: int, packet_ids: NDArray[np.uint16]) -> bool:
        """Send PUBACKs if `epoch` is still the current connection; say whether it was."""


class Conflicts:
    """Tells from how connections end whether another process uses our identity.

    MQTT 5 brokers may say so (reason "session taken over"); others, and Mosquitto 2.0, just close the older connection. Two
    processes then throw each other out within moments, again and again.
    """

    def __init__(self) -> None:
        self._short_in_a_row = 0

    def ended(self, lasted_s: float, *, taken_over: bool) -> bool:
        """Note that the broker ended a connection after `lasted_s` [s]; tell whether that speaks of another process."""
        self._short_in_a_row = self._short_in_a_row + 1 if lasted_s < _SHORT_S else 0
        return taken_over or self._short_in_a_row >= _SHORT_MANY

    def not_reached(self) -> None:
        """Note that there was no connection: it is the broker who comes and goes."""
        self._short_in_a_row = 0


class Arrivals:
    """Messages between the thread that receives and the one that collects."""

    def __init__(self, receive_maximum: int) -> None:
        self._queue: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._receive_maximum = receive_maximum
        self._epoch = 0
        self._early_left = 0
        self._last_us = 0
        self._put_bytes = 0
        self._taken_bytes = 0
        # Each number is changed by one thread only: the one that receives, or the one that acknowledges.
        self._received = self._acknowledged = 0
        # What is not stored yet, of all connections: how many had come with each read, and when it began [µs since 1970].
        self._waiting: deque[tuple[int, int]] = deque()
        self._put = self._stored = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of topics and payloads that wait to be collected."""
        return self._put_bytes - self._taken_bytes

    @property
    def unacknowledged(self) -> int:
        """Messages of this connection that are not acknowledged yet."""
        return self._received - self._acknowledged

    @property
    def stored_until_us(self) -> int:
        """Until when everything that was received is stored [µs since 1970]: now, where nothing waits."""
        now_us = _now_us()
        try:
            return min(now_us, self._waiting[0][1])
        except IndexError:
            return now_us

    @property
    def is_full(self) -> bool:
        """Whether to read no further for now; QoS 0 knows no receive maximum, and Mosquitto before 2.0.13 exceeds it."""
        return self.waiting_bytes > _MOST_WAITING_BYTES or self.unacknowledged > self._receive_maximum

    def begin_epoch(self, epoch: int, *, resumed: bool) -> None:
        """Note a new connection; the first messages of a resumed session may be repeats."""
        self._epoch = epoch
        self._early_left = self._receive_maximum if resumed else 0
        self._received = self._acknowledged = 0

    def acknowledged(self, count: int) -> None:
        """Note that messages of this connection were acknowledged."""
        self._acknowledged += count

    def stored(self, count: int) -> None:
        """Note that the next messages, in the order they came in, are stored, whatever connection they came by."""
        self._stored += count
        while self._waiting and self._waiting[0][0] <= self._stored:
            self._waiting.popleft()

    def put(
        self, topics: Sequence[bytes], payloads: Sequence[bytes], packet_ids: NDArray[np.uint16], duplicate: NDArray[np.bool_]
    ) -> None:
        """Add messages that came together, in order."""
        count = len(payloads)
        self._put += count
        self._waiting.append((self._put, _now_us()))  # before they are given a time: nobody finds that nothing waits after it
        # Strictly growing: two messages never share an arrival, so rows keyed by it stay apart.
        # A clock that was far ahead and is put right is believed again at once.
        now_us = _now_us()
        first_us = max(now_us, self._last_us + 1) if self._last_us - now_us < _MOST_AHEAD_US else now_us
        self._last_us = first_us + count - 1
        early = (np.arange(count) < self._early_left) & (packet_ids != 0)  # QoS 0 never comes again
        self._early_left = max(0, self._early_left - count)
        self._put_bytes += _bytes(topics, payloads)
        self._received += int(np.count_nonzero(packet_ids))
        self._queue.put(
            Group(
                topics,
                payloads,
                np.arange(first_us, first_us + count, dtype=np.int64),
                packet_ids,
                np.full(count, self._epoch, np.int64),
                duplicate | early,
            )
        )

    def wake(self) -> None:
        """Let whoever waits for messages look round: there is something else to do."""
        self._queue.put(None)

    def take(self, timeout_s: float) -> Group | None:
        """Take the next messages; None if none come within `timeout_s` [s], or somebody wakes us."""
        try:
            group = self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get_nowait()
        except queue.Empty:
            return None
        if group is not None:
            self._taken_bytes += _bytes(group.topics, group.payloads)
        return group


def _now_us() -> int:
    return time.time_ns() // 1000


def _bytes(topics: Sequence[bytes], payloads: Sequence[bytes]) -> int:
    return sum(map(len, topics)) + sum(map(len, payloads))
