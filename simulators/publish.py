"""Publish: takes messages, brings each to the broker at least once (QoS 1), and notes in the ledger what became of it."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
import time
from collections import Counter, deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from simulators.ledger import Ledger, NoLedger
    from simulators.message import Message

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_FLUSH_EVERY_S = 0.2
_MANY = 10**9


@dataclass(frozen=True, slots=True)
class Broker:
    """Where messages go, and how."""

    url: str
    """`mqtt://HOST:PORT`, or `mqtts://HOST:PORT` for TLS."""
    user: str = ""
    password: str = ""
    ca_file: Path | None = None
    """CA certificates for `mqtts://`; None: the system's."""
    version: str = "5"
    """MQTT `5` or `3.1.1`."""
    in_flight: int = 100
    """Most messages on the way at once; the embedded broker allows no more."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiomqtt.Client]:
        """Give a connected client until the block ends."""
        client = self._client()
        connecting = asyncio.create_task(client.__aenter__(), name="connect")
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # Cancelled halfway, it would leave a socket behind that nobody closes.
            with suppress(aiomqtt.MqttError):
                await connecting
                await client.__aexit__(None, None, None)
            raise
        try:
            yield client
        finally:
            await client.__aexit__(None, None, None)

    def _client(self) -> aiomqtt.Client:
        parts = urlsplit(self.url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"{self.url!r} is no broker address: use mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS")
        is_tls = parts.scheme == "mqtts"
        client = aiomqtt.Client(
            parts.hostname,
            parts.port or (8883 if is_tls else 1883),
            username=self.user or None,
            password=self.password or None,
            protocol=aiomqtt.ProtocolVersion.V5 if self.version == "5" else aiomqtt.ProtocolVersion.V311,
            max_inflight_messages=self.in_flight,
            tls_context=ssl.create_default_context(cafile=self.ca_file) if is_tls else None,
        )
        client.pending_calls_threshold = _MANY  # many in flight is what we want: no warning about it
        return client


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done."""

    sent: int
    acknowledged: int
    sent_again: int
    seconds: float
    faults: Mapping[str, int]

    @property
    def unacknowledged(self) -> int:
        """Messages of which nobody knows whether the broker has them."""
        return self.sent - self.acknowledged


class Publisher:
    """Keeps a connection and many messages on the way; a message counts as sent only with its PUBACK.

    Parameters
    ----------
    broker
        Where to.
    notes
        The ledger.
    say
        Called with a line about every connection lost and found.
    """

    def __init__(self, broker: Broker, notes: Ledger | NoLedger, say: Callable[[str], None]) -> None:
        self._broker = broker
        self._notes = notes
        self._say = say
        self._waiting: asyncio.Queue[tuple[int, Message]] = asyncio.Queue(broker.in_flight)
        self._rest: deque[tuple[int, Message]] = deque()
        self._unacknowledged: deque[tuple[int, Message]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._faults: Counter[str] = Counter()
        self._connections = 0
        self.sent = 0
        self.acknowledged = 0
        self.sent_again = 0

    @property
    def outstanding(self) -> int:
        """Messages that were put and are not acknowledged yet."""
        return self.sent - self.acknowledged

    async def put(self, messages: Sequence[Message]) -> None:
        """Note messages and queue them; waits while as many as allowed are on the way.

        Told to stop meanwhile, it leaves the rest unnoted: what is noted as sent is few, and is sent.
        """
        for first in range(0, len(messages), self._broker.in_flight):
            some = messages[first : first + self._broker.in_flight]
            rest = deque(zip(self._notes.send(some, now_us()), some, strict=True))
            self.sent += len(some)
            self._faults.update(message.fault for message in some if message.fault)
            self._idle.clear()
            try:
                while rest:
                    await self._waiting.put(rest[0])
                    rest.popleft()
            finally:
                self._rest.extend(rest)

    def summary(self, seconds: float) -> Summary:
        """Sum up what was done in a time [s]."""
        return Summary(self.sent, self.acknowledged, self.sent_again, seconds, dict(self._faults))

    async def drained(self, within_s: float) -> bool:
        """Wait until everything is acknowledged, at most `within_s` [s]; tell whether it is."""
        try:
            await asyncio.wait_for(self._idle.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def run(self) -> NoReturn:
        """Publish what is put, through as many connections as it takes, until cancelled.

        Raises
        ------
        aiomqtt.MqttError
            When the very first connection is refused: user, password, protocol or certificate are wrong.
        """
        pause_s = _SHORTEST_PAUSE_S
        while True:
            try:
                async with self._broker.connection() as client:
                    self._connections += 1
                    pause_s = _SHORTEST_PAUSE_S
                    await self._publish_through(client)
            except* aiomqtt.MqttError as lost:
                first = lost.exceptions[0]
                if not self._connections and _is_final(first):
                    raise first from None
                self._say(f"no connection to {self._broker.url} ({first}); trying again")
            self._unacknowledged = deque(sorted(self._unacknowledged, key=itemgetter(0)))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _publish_through(self, client: aiomqtt.Client) -> None:
        """Publish through one connection until it breaks, which ends all the tasks."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(client), name="watch the connection")
            tasks.create_task(self._flush_often(), name="flush the ledger")
            for number in range(self._broker.in_flight):
                tasks.create_task(self._publish_one_by_one(client), name=f"publish {number}")

    async def _publish_one_by_one(self, client: aiomqtt.Client) -> None:
        while True:
            sequence, message = await self._next()
            try:
                await client.publish(message.topic, message.payload, qos=1, timeout=math.inf)
            except BaseException:  # cancelled or disconnected: only a PUBACK says that the broker has it
                self._unacknowledged.append((sequence, message))
                raise
            self.acknowledged += 1
            if not self.outstanding:
                self._idle.set()
            self._notes.acknowledge(sequence, now_us())

    async def _next(self) -> tuple[int, Message]:
        if not self._unacknowledged:
            return self._rest.popleft() if self._rest else await self._waiting.get()
        sequence, message = self._unacknowledged.popleft()
        self.sent_again += 1
        self._notes.send_again(sequence, now_us())
        return sequence, message

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            self._notes.flush()


def _is_final(error: BaseException) -> bool:
    """Tell whether trying again cannot help; aiomqtt keeps the cause of an error only as its context."""
    return isinstance(error, MqttConnectError) or isinstance(error.__context__, ssl.SSLCertVerificationError)


@asynccontextmanager
async def publishing(broker: Broker, notes: Ledger | NoLedger, say: Callable[[str], None]) -> AsyncIterator[Publisher]:
    """Give a publisher that runs until the block ends; what it cannot mend ends the block with an error."""
    publisher = Publisher(broker, notes, say)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(publisher.run(), name="publish")
            yield publisher
            running.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
    finally:
        notes.flush()


async def _watch(client: aiomqtt.Client) -> None:
    """Wait for the end of the connection: the iterator over arriving messages, of which there are none, raises then."""
    async for _message in client.messages:
        pass


def now_us() -> int:
    """Read the clock [µs since 1970]."""
    return time.time_ns() // 1_000
