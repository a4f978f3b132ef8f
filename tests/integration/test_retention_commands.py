"""The commands `hedgerow retention` and `hedgerow doctor`: what a person types, reads and gets told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from hedgerow.cli import app
from ingest.retention import run
from tests.integration.retention_store import AIR, OldStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result


@pytest.fixture
def store(database: str) -> Iterator[OldStore]:
    """Give a store with old readings, of the ten months up to now: commands go by the clock."""
    found = _store_up_to_now(database)
    yield found
    found.close()


@pytest.fixture
def plain_store(plain_database: str) -> Iterator[OldStore]:
    """Give the same on plain PostgreSQL: for what no flavour changes."""
    found = _store_up_to_now(plain_database)
    yield found
    found.close()


def _store_up_to_now(database: str) -> OldStore:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return OldStore(database, now - timedelta(days=300), now)


def _type(database: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--database", database], env={"COLUMNS": "200"})


def test_retention_commands_set_look_and_run(plain_store: OldStore, plain_database: str) -> None:
    """A policy is set and shown, a dry run says what would go, a run takes it away, and then nothing is due."""
    before = plain_store.oldest(AIR)

    done = _type(plain_database, "retention", "set", "--metric", AIR, "--months", "1")
    assert done.exit_code == 0, done.output
    assert f"raw readings 1 month metric {AIR}" in " ".join(done.output.split())
    who = "SELECT person FROM audit_entry WHERE kind = 'retention_policy' AND key = %s"
    assert plain_store.one(who, f"metric {AIR}").endswith(" (command line)")
    dry = _type(plain_database, "retention", "run", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "readings would go" in dry.output
    assert plain_store.oldest(AIR) == before
    went = _type(plain_database, "retention", "run")
    assert went.exit_code == 0, went.output
    assert "readings went" in went.output
    oldest = plain_store.oldest(AIR)
    assert oldest is None or oldest > datetime.now(UTC) - timedelta(days=63)
    assert "nothing is due" in _type(plain_database, "retention", "run").output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--metric", "no_such", "--months", "1"],
        ["--months", "1", "--for-ever"],
        ["--table", "audit_entry", "--days", "1"],
        ["--table", "device_event", "--months", "1"],
        ["--metric", AIR, "--domain", "air", "--months", "1"],
        [],
    ],
)
def test_retention_set_what_cannot_be_is_refused(plain_database: str, arguments: list[str]) -> None:
    """Unknown names, two scopes, no length and tables nobody may shorten are refused; nothing is changed."""
    done = _type(plain_database, "retention", "set", *arguments)

    assert done.exit_code != 0
    with psycopg.connect(plain_database) as connection:
        assert connection.execute("SELECT count(*) FROM audit_entry WHERE action = 'changed'").fetchone() == (0,)


def test_doctor_says_what_is_to_be_done_and_ends_with_1(store: OldStore, database: str) -> None:
    """Where ingest does not run somebody should do something; what is due is told with how much it frees."""
    store.keep(1)

    done = _type(database, "doctor", "--json")

    assert done.exit_code == 1
    told = json.loads(done.output)
    found = {(one["subject"], one["level"]): one for one in told["findings"]}
    assert found["ingest", "do"]["advice"] == "Start it: hedgerow ingest"
    assert found["schema", "fine"]
    due = [one["what"] for one in told["findings"] if one["subject"] == "retention" and "due" in one["what"]]
    assert len(due) == 1
    assert due[0].startswith("due: about ")
    assert "of 3 series; " in due[0]
    assert "which frees" in due[0]
    assert told["due"]["series"] == 3
    assert next(one for one in told["tables"] if one["name"] == "reading")["partitions"] >= 9


def test_doctor_a_well_installation_ends_with_0(store: OldStore, database: str) -> None:
    """With ingest at work, rollups made and partitions ahead nothing is to be done; tables show how long they are kept."""
    now = datetime.now(UTC)
    run(store.connection, now)
    store.connection.execute(
        "UPDATE rollup_state SET closed_until = date_trunc('hour', now()), rolled_until = date_trunc('hour', now())"
    )
    store.connection.execute("INSERT INTO ingest_status (worker, connected, updated_at) VALUES ('w', true, now())")
    store.connection.execute("ANALYZE reading")

    done = _type(database, "doctor")

    left = [
        line for line in done.output.splitlines() if " do " in line and "fsync" not in line and "full_page_writes" not in line
    ]
    assert left == []
    assert done.exit_code == int(store.one("SHOW fsync") == "off")  # as on the servers of the tests
    assert "no partition" not in done.output
    assert "bytes each with its index" in done.output
    assert "for ever" in done.output


def test_doctor_fresh_database_says_what_to_start(plain_database: str) -> None:
    """Before anything was stored there is nothing to count, and ingest is to be started."""
    done = _type(plain_database, "doctor", "--disk", ".")

    assert done.exit_code == 1
    assert "about 0 readings" in done.output
    assert "Start it: hedgerow ingest" in done.output
    assert " free; grows by about 0 bytes a day" in done.output


def test_doctor_database_without_tables_says_migrate(empty_database: str) -> None:
    """An empty database is no error to puzzle over."""
    done = _type(empty_database, "doctor")

    assert done.exit_code == 1
    assert "hedgerow migrate" in done.output
