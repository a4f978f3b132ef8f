"""What the tests of redecode share: a device with a codec that can be mended, and its messages taken through the path."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from devices.codecs import Codecs
from devices.registry import load_registry
from ingest.check import check
from ingest.decode import decode
from ingest.message import Message, group_of
from ingest.prepared import prepare
from ingest.redecode import Request, Summary, redecode
from ingest.resolve import resolve
from ingest.store import Store
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    import psycopg

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
"""Arrival of the first message; each further one comes a minute later."""


def layout(*fields: str) -> str:
    """Write the definition of a codec of one byte a metric: `metric:factor`, in the order of the bytes."""
    table = '[[field]]\nmetric = "{}"\nat = {}\ntype = "u8"\nscale = {}\n'
    return "".join(table.format(metric, at, factor) for at, (metric, factor) in enumerate(one.split(":") for one in fields))


RIGHT = layout("air_temperature:0.1", "relative_humidity:0.5")
WRONG = layout("air_temperature:1", "relative_humidity:0.5")


@dataclass
class Field:
    """A database with the device `d1` at the site `d1`, of a profile `p1` whose codec can be mended."""

    database: str
    connection: psycopg.Connection = field(init=False)

    def __post_init__(self) -> None:
        """Register what there is."""
        self.connection = connect(self.database, name="test")
        self.connection.execute("INSERT INTO ingest_status (worker) VALUES ('w')")
        self.connection.execute("INSERT INTO device_profile (key, name, codec) VALUES ('p1', 'P1', 'layout')")
        self.mend(WRONG)
        self.register("d1")

    def register(self, uid: str, profile: str = "p1") -> None:
        """Register a device at a site of its own."""
        self.connection.execute(query("register_load_devices"), {"uids": [uid]})
        self.connection.execute(
            "UPDATE device SET profile_id = (SELECT profile_id FROM device_profile WHERE key = %s) WHERE uid = %s",
            (profile, uid),
        )

    def mend(self, definition: str) -> None:
        """Give the profile another codec."""
        self.connection.execute("UPDATE device_profile SET definition = %s WHERE key = 'p1'", (definition,))

    def ingest(self, *payloads: bytes, topic: str = "hedgerow/v1/d1/up", at: datetime = BEGIN) -> None:
        """Take messages through the path, each arriving a minute after the one before."""
        first_us = round(at.timestamp() * 1e6)
        messages = [Message(topic, payload, first_us + i * 60_000_000, i + 1, 1, False) for i, payload in enumerate(payloads)]
        group = group_of(messages)
        registry = load_registry(self.connection)
        resolved = resolve(columns := decode(group, registry, Codecs()), group, registry)
        if resolved.missing:
            places = [registry.places[place] for place, _ in resolved.missing]
            values = {
                "sites": [site for site, _ in places],
                "metrics": [int(registry.metric_ids[metric]) for _, metric in resolved.missing],
                "channels": [channel for _, channel in places],
            }
            self.connection.execute(query("add_series"), values)
            registry = load_registry(self.connection)
            resolved = resolve(columns, group, registry)
        store = Store(self.database, "w", deliveries=100, is_stopping=lambda: False)
        store.write(prepare(group, resolved, check(resolved.batch, registry)))
        store.write_latest(all_of_it=True)
        store.close()

    def redecode(self, **options: object) -> Summary:
        """Decode the profile again, of the time of the test."""
        request = {"profile": "p1", "start": BEGIN - timedelta(days=1), "end": BEGIN + timedelta(days=5), **options}
        return redecode(self.database, Request(**request))  # type: ignore[arg-type]

    def readings(self, metric: str = "air_temperature", site: str = "d1") -> list[float]:
        """Give the stored values of a metric in the order of their times."""
        return [
            row[0]
            for row in self.rows(
                "SELECT r.value FROM reading r JOIN series USING (series_id) JOIN site s USING (site_id) JOIN metric m"
                " USING (metric_id) WHERE m.key = %s AND s.code = %s ORDER BY r.time",
                metric,
                site,
            )
        ]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.connection.execute(statement.encode(), values or None).fetchall()


def outcomes(summary: Summary) -> Counter[str]:
    """Give the figures of a run that are not 0."""
    return +summary.readings


def corrections(field_: Field) -> Sequence[tuple[object, ...]]:
    """Give what was kept of corrected readings."""
    return field_.rows("SELECT old_value, old_flags, new_value, new_flags FROM reading_correction ORDER BY correction_id")
