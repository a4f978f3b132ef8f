"""The bytes of `ingest.encode` through the real COPY, into real tables of both flavours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from ingest.encode import encode_readings, encode_uplinks
from sql.queries import query
from tests.unit.ingest.examples import Row, batch_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES_US = [-1, 0, 946_684_799_999_999, 946_684_800_000_000, 1_718_452_800_123_456, 4_294_967_296_000_000]
VALUES = [0.0, -0.0, 0.1, -1e308, 5e-324, 1.7976931348623157e308]


def moment(time_us: int) -> datetime:
    """Give a time as the database gives it back."""
    return EPOCH + timedelta(microseconds=time_us)


def copy(connection: psycopg.Connection, name: str, data: bytes) -> None:
    """Send bytes as they are."""
    with connection.cursor() as cursor, cursor.copy(query(name)) as sent:
        sent.write(data)


def ensure_partitions(connection: psycopg.Connection, parent: str, times_us: list[int]) -> None:
    """Make the partitions that hold these times."""
    days_s = sorted({time_us // 86_400_000_000 * 86_400 for time_us in times_us})
    connection.execute(query("ensure_partitions"), {"parent": parent, "days_s": days_s})


def test_encode_readings_are_what_the_table_holds_afterwards(database: str) -> None:
    """Times around 1970, 2000 and 2106 to the microsecond, values at the ends of float8, all flags."""
    rows = [Row(i + 1, time_us, value, 2**i) for i, (time_us, value) in enumerate(zip(TIMES_US, VALUES, strict=True))]
    rows.append(Row(2**31 - 1, TIMES_US[4], 1.0, 2**15 - 1))

    with psycopg.connect(database) as connection:
        ensure_partitions(connection, "reading", TIMES_US)
        copy(connection, "copy_readings", encode_readings(batch_of(rows)))
        found = connection.execute("SELECT series_id, time, value, flags FROM reading ORDER BY series_id").fetchall()

    assert [repr(row) for row in found] == [
        repr((row.series, moment(row.time_us).astimezone(found[0][1].tzinfo), row.value, row.flags)) for row in rows
    ]


def test_encode_uplinks_are_what_the_table_holds_afterwards(database: str) -> None:
    """Every byte of a payload, an empty one too, and topics beyond ASCII."""
    payloads = [bytes(range(256)), b"", b"x" * 2**20]
    topics = ["hedgerow/v1/a/up", "hedgerow/v1/gw/ä/up", "t"]
    received_us = [TIMES_US[4] + i for i in range(3)]
    digests = [-(2**63), 0, 2**63 - 1]

    with psycopg.connect(database) as connection:
        ensure_partitions(connection, "uplink", received_us)
        data = encode_uplinks(
            np.array([0, 1, 2**31 - 1], np.int32),
            np.array(received_us),
            np.array(digests),
            [topic.encode() for topic in topics],
            payloads,
        )
        copy(connection, "copy_uplinks", data)
        found = connection.execute(
            "SELECT device_id, received_at, digest, topic, payload FROM uplink ORDER BY device_id"
        ).fetchall()

    assert [
        (device, time == moment(at), digest, topic, payload)
        for (device, time, digest, topic, payload), at in zip(found, received_us, strict=True)
    ] == [(device, True, *rest) for device, *rest in zip([0, 1, 2**31 - 1], digests, topics, payloads, strict=True)]
