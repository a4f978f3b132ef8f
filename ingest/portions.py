"""Portions: messages that were ingested before, read from archive and quarantine in the order of their arrival."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from devices.digest import digest_of
from devices.topics import device_topic
from ingest.message import Message, group_of
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import psycopg

    from ingest.message import Group

_GATEWAYS = 0
"""Device id of archived messages that are of many devices."""

_MOST_MESSAGES = 4_000
_MOST_BYTES = 8 * 2**20
_ROWS_AT_ONCE = 200
"""Rows in one answer of the server: bounds what the largest messages, of 1 MiB each, take at once."""


class Kept(NamedTuple):
    """One message, or a part of one, as it was kept."""

    topic: str
    payload: bytes
    received_us: int
    """First arrival [µs since 1970]."""
    digest: int
    """Of the whole message, by which quarantine knows it."""
    item: int | None
    """Of a part: which reading of the message it is. None stands for the whole message."""

    @property
    def is_part(self) -> bool:
        """Whether it is a part, written anew by itself as text that explains itself."""
        return self.item is not None


@dataclass(frozen=True, slots=True)
class Portion:
    """Messages that are decoded again together."""

    kept: Sequence[Kept]
    is_parts: bool
    """All of them are parts, or none is."""
    is_quarantined: bool
    """They come from quarantine, not from the archive."""

    def group(self) -> Group:
        """Give the messages as the path takes them."""
        return group_of([Message(one.topic, one.payload, one.received_us, 0, 0, may_be_repeated=False) for one in self.kept])

    def halves(self) -> tuple[Portion, Portion]:
        """Cut in two, to find the message that cannot be processed."""
        middle = len(self.kept) // 2
        return replace(self, kept=self.kept[:middle]), replace(self, kept=self.kept[middle:])


def archived(connection: psycopg.Connection, start: datetime, end: datetime, device_ids: Sequence[int]) -> Iterator[Portion]:
    """Read the archive of some devices, and of gateways, which may speak for them.

    Parameters
    ----------
    connection
        Autocommit; a transaction is open on it while a day's messages are read.
    start, end
        Arrival of the messages, half open.
    device_ids
        Of the table device.
    """
    for since, until in days_between(start, end):
        rows = _stream(connection, "list_archived_messages", {"from": since, "to": until, "devices": [_GATEWAYS, *device_ids]})
        kept = (Kept(topic, payload, received_us, digest, None) for _, received_us, digest, topic, payload in rows)
        for messages in in_bounds(kept):
            yield Portion(messages, is_parts=False, is_quarantined=False)


def quarantined(
    connection: psycopg.Connection, start: datetime, end: datetime, uids: Sequence[str], newest: int
) -> Iterator[Portion]:
    """Read what quarantine holds of some devices, whether it was replayed before or not; whole messages and parts apart.

    `newest` is the last row to read: what a run itself sets aside it does not read.
    """
    for since, until in days_between(start, end):
        values = {"from": since, "to": until, "uids": list(uids), "newest": newest}
        rows = _stream(connection, "list_quarantined_messages", values)
        for messages in in_bounds(_told_apart(*row) for row in rows):
            for is_parts in (False, True):
                kept = [one for one in messages if one.is_part is is_parts]
                if kept:
                    yield Portion(kept, is_parts=is_parts, is_quarantined=True)


def _told_apart(uid: str, received_us: int, digest: int, topic: str, payload: bytes, item: int) -> Kept:
    if digest_of(topic, payload) == digest:
        return Kept(topic, payload, received_us, digest, None)
    return Kept(device_topic(uid), payload, received_us, digest, item)


def days_between(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a range of time at midnight UTC: the store sorts no more than a day's messages at once."""
    since = start
    while since < end:
        midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        until = min(midnight, end)
        yield since, until
        since = until


def in_bounds(rows: Iterable[Kept]) -> Iterator[list[Kept]]:
    """Cut a stream of messages by count and by payload bytes."""
    taken: list[Kept] = []
    size = 0
    for row in rows:
        taken.append(row)
        size += len(row.payload)
        if len(taken) >= _MOST_MESSAGES or size >= _MOST_BYTES:
            yield taken
            taken, size = [], 0
    if taken:
        yield taken


def _stream(connection: psycopg.Connection, name: str, values: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
    with connection.transaction(), connection.cursor(name=name, binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        yield from cursor.execute(query(name), values)
