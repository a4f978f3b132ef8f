"""What the tests of `verify` share: messages to note in a ledger, and a store filled by hand as ingest would."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from devices.digest import digest_of
from devices.topics import device_topic
from simulators.ledger import Ledger
from simulators.message import Message, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from simulators.verify import Figures

START_US = 1_790_000_000_123_456
ZEROS = {"lost": 0, "duplicate": 0, "phantom": 0, "wrong": 0}


def message(number: int, uid: str = "dev-1") -> Message:
    """Give the n-th good message of a device, with three readings."""
    at_us = START_US + number * 60_000_000
    readings = (Reading("no2", at_us, number + 0.1), Reading("o3", at_us, number + 0.2), Reading("pm10", at_us, number + 0.3))
    return Message(uid, device_topic(uid), f"message {number}".encode(), readings)


def skewed(number: int) -> Message:
    """Give a message whose clock is wrong."""
    good = message(number)
    return Message(good.uid, good.topic, good.payload, good.readings[:1], "skewed", clock=True)


class Row(NamedTuple):
    """A row of quarantine or held."""

    message: Message
    reason: str = ""
    item: int = 0
    copy: int = 0


class Store:
    """A database into which a test puts, by hand, what ingest would have put there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)
        self.place("dev-1", "place-1")

    def execute(self, statement: str, *values: object) -> int:
        """Do something to the database; give the first value of the answer."""
        cursor = self.connection.execute(statement.encode(), values)
        row = cursor.fetchone() if cursor.description else None
        return int(row[0]) if row else 0

    def place(self, uid: str, code: str, during: str = "(,)") -> None:
        """Put a device at a site for a time; each is made where it is missing."""
        self.execute("INSERT INTO site (code, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", code, code)
        self.execute(
            "INSERT INTO device (uid, name, profile_id) SELECT %s, 'a device', profile_id FROM device_profile"
            " WHERE key = 'generic' ON CONFLICT DO NOTHING",
            uid,
        )
        self.execute(
            "INSERT INTO deployment (device_id, site_id, during)"
            " SELECT device_id, site_id, %s::tstzrange FROM device, site WHERE uid = %s AND code = %s",
            during,
            uid,
            code,
        )

    def store(self, readings: Sequence[Reading], code: str = "place-1", flags: int = 0) -> None:
        """Store readings at a place."""
        for metric, time_us, value in readings:
            self.execute(
                "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric"
                " WHERE code = %s AND key = %s ON CONFLICT DO NOTHING",
                code,
                metric,
            )
            self.execute("SELECT ensure_partition('reading', to_timestamp(%s)) IS NULL", time_us / 1e6)
            self.execute(
                "INSERT INTO reading SELECT series_id, 'epoch'::timestamptz + %s * interval '1 microsecond', %s, %s"
                " FROM series JOIN site USING (site_id) JOIN metric USING (metric_id) WHERE code = %s AND key = %s",
                time_us,
                value,
                flags,
                code,
                metric,
            )

    def store_messages(self, messages: Sequence[Message]) -> None:
        """Store all that is good in some messages."""
        for one in messages:
            self.store(one.readings)

    def quarantine(self, *rows: Row) -> None:
        """Put rows into quarantine."""
        for row in rows:
            one = row.message
            self.execute(
                "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
                " VALUES (now() + %s * interval '1 second', %s, %s, %s, %s, %s, %s, '')",
                row.copy,
                digest_of(one.topic, one.payload),
                row.item,
                one.uid,
                one.topic,
                one.payload,
                row.reason or one.reason,
            )

    def hold(self, *rows: Row) -> None:
        """Hold messages until their device is registered."""
        for row in rows:
            one = row.message
            self.execute(
                "INSERT INTO held VALUES (%s, now() + %s * interval '1 second', %s, %s, %s)",
                one.uid,
                row.copy,
                digest_of(one.topic, one.payload),
                one.topic,
                one.payload,
            )


@contextmanager
def filled(url: str) -> Iterator[Store]:
    """Give a store over a database, with the device dev-1 at place-1."""
    store = Store(url)
    try:
        yield store
    finally:
        store.connection.close()


def write_ledger(
    folder: Path, messages: Sequence[Message], unacknowledged: Sequence[int] = (), again: Sequence[int] = ()
) -> Path:
    """Write a ledger of messages, all acknowledged but those named by their position."""
    path = folder / f"{len(list(folder.iterdir()))}.ledger"
    with Ledger(path, START_US, "a test") as ledger:
        for position, number in enumerate(ledger.send(messages, START_US)):
            if position in again:
                ledger.send_again(number, START_US + 1)
            if position not in unacknowledged:
                ledger.acknowledge(number, START_US + 2)
    return path


def faults_of(figures: Figures) -> dict[str, int]:
    """Give the four figures that must be zero."""
    return {name: getattr(figures, name) for name in ZEROS}
