"""What the tests of retention share: a store with ten months of readings, rolled up, as ingest leaves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from ingest.rollups import begin, close_hours, roll_one
from sql.queries import query

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEGIN = datetime(2026, 2, 5, 0, 0, tzinfo=UTC)
STEP = timedelta(hours=12)
A_DAY = timedelta(days=1) // STEP
"""Readings of a series, the first half an hour after `BEGIN`: the time between two, and how many there are a day."""

AIR, TRAFFIC, FOR_EVER = "pm2_5", "vehicle_count", "air_temperature"
"""Metrics of the three series; each has a domain of its own or a policy of its own."""

TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
)
DO_NOT_GROW = frozenset(
    {
        "api_key",
        "area",
        "area_site",
        "deployment",
        "device",
        "device_arrival",
        "device_credential",
        "device_profile",
        "device_profile_version",
        "device_state",
        "gateway_state",
        "ingest_status",
        "invalidation",
        "latest",
        "maintenance_window",
        "metric",
        "metric_alias",
        "metric_quality",
        "metric_state",
        "migration",
        "principal",
        "principal_area",
        "profile_quality",
        "quality_due",
        "quality_flag",
        "registry_version",
        "retention_policy",
        "retention_table",
        "rollup_state",
        "series",
        "series_status",
        "shared_time",
        "silence_watch",
        "site",
        "value_adjustment",
    }
)
"""Tables that are as long as the registry and what people enter by hand."""


class OldStore:
    """Three series of one site, with readings from `since` to `now`."""

    def __init__(self, url: str, since: datetime = BEGIN, now: datetime = NOW) -> None:
        self.connection = psycopg.connect(url, autocommit=True, options="-c jit=off")  # as the API asks
        self.series = self._make_series()
        times = [since + timedelta(minutes=30) + STEP * i for i in range((now - since) // STEP)]
        self.add([(series, time, float(i + series)) for series in self.series.values() for i, time in enumerate(times)])
        begin(self.connection)
        close_hours(self.connection, now)
        self.roll()

    def close(self) -> None:
        """Let go of the store."""
        self.connection.close()

    def add(self, rows: list[tuple[int, datetime, float]]) -> None:
        """Store readings without a mark."""
        for month in sorted({row[1].date().replace(day=1) for row in rows}):
            self.connection.execute("SELECT ensure_partition('reading', %s)", (month,))
        with self.connection.cursor() as cursor, cursor.copy("COPY reading (series_id, time, value, flags) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((*row, 0))

    def mark(self, series: int, hour: datetime) -> None:
        """Say that an hour is to be aggregated again."""
        self.connection.execute("INSERT INTO rollup_dirty VALUES (%s, %s)", (series, hour))

    def roll(self) -> None:
        """Make all rollups there are to make."""
        while roll_one(self.connection):
            pass

    def keep(self, months: int | None, domain: str | None = None, metric: str | None = None) -> None:
        """Say how long readings are kept."""
        values = {"domain": domain, "metric": metric, "keep_months": months}
        self.connection.execute(query("put_retention_policy"), values)

    def one(self, text: str, *values: object) -> Any:  # noqa: ANN401 - any column
        """Ask for one value."""
        row = self.connection.execute(text.encode(), values).fetchone()
        return row[0] if row else None

    def oldest(self, metric: str) -> datetime | None:
        """Time of the oldest reading of a series."""
        found: datetime | None = self.one("SELECT min(time) FROM reading WHERE series_id = %s", self.series[metric])
        return found

    def statistics(self) -> list[tuple[Any, ...]]:
        """Give the hours and days of everything."""
        hours = [BEGIN + timedelta(hours=i) for i in range((NOW - BEGIN) // timedelta(hours=1) + 1)]
        answers = []
        for edges in (hours, hours[::24]):
            asked = {"series": list(self.series.values()), "edges": edges, "excluding": 0, "limit": 1_000_000}
            answers += self.connection.execute(query("aggregate_buckets"), asked).fetchall()
        return answers

    def partitions(self, parent: str = "reading") -> list[tuple[datetime, datetime]]:
        """Bounds of partitions or chunks."""
        return self.connection.execute("SELECT lower, upper FROM partitions_of(%s) ORDER BY 1", (parent,)).fetchall()

    def _make_series(self) -> dict[str, int]:
        self.connection.execute("INSERT INTO site (code, name) VALUES ('a', 'A')")
        self.connection.execute(
            "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = ANY(%s)",
            ([AIR, TRAFFIC, FOR_EVER],),
        )
        return dict(self.connection.execute("SELECT key, series_id FROM series JOIN metric USING (metric_id)").fetchall())
