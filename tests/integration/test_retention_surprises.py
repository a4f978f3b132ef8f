"""Retention meets what it did not expect: a series that comes during the run, a table that takes too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ingest.retention import is_due, run
from tests.integration.retention_store import AIR, BEGIN, NOW, OldStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def plain_store(plain_database: str) -> Iterator[OldStore]:
    """Give a store with old readings."""
    found = OldStore(plain_database)
    yield found
    found.close()


def test_run_a_series_of_which_all_is_kept_comes_meanwhile_its_readings_stay(plain_store: OldStore) -> None:
    """Whether a partition is old is looked at again when it goes, while nobody stores."""
    plain_store.keep(6)
    plain_store.keep(None, metric="no2")
    come: list[int] = []

    def comes() -> bool:
        if not come:
            come.append(
                plain_store.one(
                    "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = 'no2'"
                    " RETURNING series_id"
                )
            )
            plain_store.add([(come[0], BEGIN, 1.0)])
        return False

    outcome = run(plain_store.connection, NOW, comes)

    assert "reading_202602" not in outcome.partitions
    assert plain_store.oldest(AIR) == _LIMIT + timedelta(minutes=30)
    assert plain_store.one("SELECT value FROM reading WHERE series_id = %s", come[0]) == 1.0


def test_run_rows_of_one_table_take_too_long_others_go_and_it_is_noted(plain_store: OldStore) -> None:
    """What the server breaks off is left for the next run; the run ends as any other."""
    plain_store.connection.execute(
        "CREATE FUNCTION tarry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN OLD; END $$"
    )
    plain_store.connection.execute("CREATE TRIGGER tarry BEFORE DELETE ON device_clock EXECUTE FUNCTION tarry()")
    plain_store.connection.execute("SET statement_timeout = '2s'")
    plain_store.connection.execute(
        "INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail, replayed_at)"
        " VALUES (%(at)s, '1', 0, 't', '', 'not_json', '', %(at)s)",
        {"at": BEGIN},
    )

    outcome = run(plain_store.connection, NOW)

    assert outcome.postponed == ["old rows of device_clock"]
    assert outcome.rows["quarantine"] == 1
    assert is_due(plain_store.connection)
    assert plain_store.one("SELECT postponed FROM retention_run") == "old rows of device_clock"
