"""Two programs that people write instead: one INSERT per reading, and a careful batch. Each runs as a process of its own.

Both subscribe with paho-mqtt, QoS 1, and write into a table keyed by the name of the series and the time. Neither checks,
archives, holds, quarantines, resolves deployments, keeps last values or a registry: it is the least that stores readings.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILTER = "hedgerow/v1/+/up"
_MOST_UNDER_WAY = 20_000
_MOST_IN_BATCH = 5_000
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to store, and from where."""

    way: str
    """insert or batch."""
    database_url: str
    port: int
    messages: int
    """After how many to end."""
    seconds: float
    """After how long to end, from the first message on [s]."""


@dataclass(slots=True)
class Progress:
    """What has been stored so far."""

    messages: int = 0
    first_s: float = 0.0
    """When the first message came [s since 1970]."""
    last_s: float = 0.0
    """When the last one was committed."""

    def is_over(self, wanted: Wanted) -> bool:
        """Tell whether there are enough, or it has taken long enough."""
        return self.messages >= wanted.messages or bool(self.first_s and time.time() - self.first_s > wanted.seconds)


def rows_of(topic: str, payload: bytes) -> Iterator[tuple[str, float, float]]:
    """Give the readings of a SenML pack as (series, time in seconds since 1970, value)."""
    uid, base_s = topic.split("/")[2], 0.0
    for record in msgspec.json.decode(payload):
        base_s = record.get("bt", base_s)
        yield f"{uid}:{record['n']}", base_s + record.get("t", 0.0), record["v"]


def insert_each(wanted: Wanted) -> Progress:
    """Store each reading by an INSERT with a commit of its own, in the callback."""
    progress, over = Progress(), threading.Event()
    with psycopg.connect(wanted.database_url, autocommit=True) as connection:

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            if over.is_set():
                return
            progress.first_s = progress.first_s or time.time()
            for series, seconds, value in rows_of(message.topic, bytes(message.payload)):
                connection.execute(query("naive_insert"), {"series": series, "seconds": seconds, "value": value})
            progress.messages, progress.last_s = progress.messages + 1, time.time()
            if progress.is_over(wanted):
                over.set()

        client = _subscribed(wanted, on_message, manual_ack=False)
        while not over.wait(_WAIT_S) and not progress.is_over(wanted):
            pass
        _leave(client)
    return progress


def store_batches(wanted: Wanted) -> Progress:
    """Gather what has arrived, store it in one transaction by COPY, and acknowledge it when that is committed."""
    progress, arrived = Progress(), queue.SimpleQueue[mqtt.MQTTMessage]()

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        progress.first_s = progress.first_s or time.time()
        arrived.put(message)

    client = _subscribed(wanted, on_message, manual_ack=True)
    with psycopg.connect(wanted.database_url) as connection:
        connection.execute(query("naive_make_staging"))
        connection.commit()
        while not progress.is_over(wanted):
            batch = _gather(arrived)
            if batch:
                _store(connection, batch)
                for message in batch:
                    client.ack(message.mid, message.qos)
                progress.messages, progress.last_s = progress.messages + len(batch), time.time()
    _leave(client)
    return progress


def _gather(arrived: queue.SimpleQueue[mqtt.MQTTMessage]) -> list[mqtt.MQTTMessage]:
    batch: list[mqtt.MQTTMessage] = []
    with suppress(queue.Empty):
        batch.append(arrived.get(timeout=_WAIT_S))
        while len(batch) < _MOST_IN_BATCH:
            batch.append(arrived.get_nowait())
    return batch


def _store(connection: psycopg.Connection, batch: list[mqtt.MQTTMessage]) -> None:
    rows = sorted(row for message in batch for row in rows_of(message.topic, bytes(message.payload)))
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(query("naive_copy")) as copying:
            for row in rows:
                copying.write_row(row)
        cursor.execute(query("naive_store_staged"))


def _subscribed(wanted: Wanted, on_message: Any, *, manual_ack: bool) -> mqtt.Client:  # noqa: ANN401 - paho's own type
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "hedgerow-naive", protocol=mqtt.MQTTv5, manual_ack=manual_ack)
    client.on_message = on_message
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = _MOST_UNDER_WAY
    client.connect("127.0.0.1", wanted.port, clean_start=True, properties=properties)
    client.loop_start()
    client.subscribe(_FILTER, qos=1)
    if not subscribed.wait(10):
        raise TimeoutError("the broker does not answer")
    print("ready", flush=True)  # noqa: T201 - its output
    return client


def _leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def main() -> None:
    """Store what the command line says and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", type=json.loads, help="fields of Wanted as a JSON object")
    wanted = Wanted(**parser.parse_args().wanted)
    print(json.dumps(asdict((insert_each if wanted.way == "insert" else store_batches)(wanted))))  # noqa: T201


if __name__ == "__main__":
    main()
