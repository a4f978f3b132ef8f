"""A flood through the whole path: messages sent as fast as they are taken, until the last of their readings is stored."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hedgerow.bench.database import BenchError, stored_readings
from simulators.load import READINGS, Load, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

    from hedgerow.bench.brokers import Broker
    from hedgerow.bench.servers import Servers

_LOOK_EVERY_S = 0.02
_STALLED_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Flood:
    """What a flood took."""

    messages: int
    readings: int
    """Stored, all of which were sent."""
    seconds: float
    """From the first message sent until the last reading was committed."""
    publish_s: float
    """Until the broker had acknowledged the last message."""
    cpu_s: Mapping[str, float | None]
    """CPU time of each program meanwhile [s]; None where it runs on another machine."""

    @property
    def messages_per_s(self) -> float:
        """Messages stored in a second."""
        return self.messages / self.seconds

    @property
    def readings_per_s(self) -> float:
        """Readings stored in a second."""
        return self.readings / self.seconds

    @property
    def cpu_us_per_message(self) -> dict[str, float]:
        """CPU time of each program for one message [µs], and their sum."""
        each = {name: used / self.messages * 1e6 for name, used in self.cpu_s.items() if used is not None}
        return {**each, "all": sum(each.values())}

    @property
    def cores_busy(self) -> float:
        """How many cores were busy with it, on average."""
        return sum(used for used in self.cpu_s.values() if used is not None) / self.seconds


def load_for(
    broker: Broker,
    messages: int,
    devices: int,
    start_s: int,
    *,
    interval_s: int = 1,
    readings: int = READINGS,
    rate: float = 0.0,
    prebuilt: bool = True,
) -> Load:
    """Describe messages to send to a broker of this machine."""
    return Load(
        "127.0.0.1",
        broker.port,
        messages,
        devices,
        start_s,
        interval_s=interval_s,
        readings=readings,
        prebuilt=prebuilt,
        rate=rate,
        user=broker.user,
        password=broker.password,
    )


def flood(servers: Servers, connection: psycopg.Connection, load: Load) -> Flood:
    """Send a load and wait until every reading of it is stored.

    Raises
    ------
    BenchError
        When ingest stands still, or stores more than was sent.
    """
    before, cpu_before, own_before = stored_readings(connection), servers.cpu_s(), time.process_time()
    wanted = load.messages * load.readings
    with sending(load) as sender:
        ended = wait_until_stored(connection, before + wanted)
        sent = outcome(sender)
    cpu: dict[str, float | None] = {"load generator": sent.cpu_s}
    for name, used in servers.cpu_s().items():
        start = cpu_before[name]
        cpu[name] = None if used is None or start is None else used - start
    cpu["this benchmark"] = time.process_time() - own_before
    stored = stored_readings(connection) - before
    if stored != wanted:
        raise BenchError(f"{wanted:,} readings were sent and {stored:,} stored")
    return Flood(sent.messages, stored, ended - sent.began_s, sent.ended_s - sent.began_s, cpu)


def wait_until_stored(connection: psycopg.Connection, target: int) -> float:
    """Wait until the counters, which move with each commit, reach the target; give the moment [s since 1970].

    Raises
    ------
    BenchError
        When they have not moved for a minute.
    """
    moved_at, last = time.monotonic(), -1
    while (stored := stored_readings(connection)) < target:
        if stored != last:
            moved_at, last = time.monotonic(), stored
        if time.monotonic() - moved_at > _STALLED_AFTER_S:
            raise BenchError(f"ingest stands still: {target - stored:,} readings are missing")
        time.sleep(_LOOK_EVERY_S)
    return time.time()


@contextmanager
def sending(load: Load) -> Iterator[subprocess.Popen[str]]:
    """Run the load generator as a process of its own, which ends with the block."""
    command = [sys.executable, "-m", "simulators.load", json.dumps(asdict(load))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as sender:
        try:
            yield sender
        finally:
            sender.kill()


def outcome(sender: subprocess.Popen[str]) -> Sent:
    """Wait until the load generator ends and read what it says.

    Raises
    ------
    BenchError
        When it failed.
    """
    output, _ = sender.communicate()
    if sender.returncode:
        raise BenchError(f"the load generator ended with exit code {sender.returncode}")
    return Sent(**json.loads(output))
