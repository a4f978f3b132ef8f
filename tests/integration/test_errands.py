"""Errands: what people ask of ingest is done once, by one process, and begun again by the next one where that dies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from ingest.errand_process import ErrandProcess
from ingest.errands import run_errands
from sql.pool import connect
from sql.queries import query
from tests.integration.redecoding import BEGIN, RIGHT, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASK = (
    "INSERT INTO errand (kind, profile, newest, reason, from_at, to_at, dry_run, requested_by)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, 'alex')"
)


@pytest.fixture
def field(plain_database: str) -> Iterator[Field]:
    """Give a device with a wrong codec and a message of it."""
    found = Field(plain_database)
    found.ingest(bytes([20, 100]))
    yield found
    found.connection.close()


def ask_redecode(field: Field, profile: str = "p1", *, dry_run: bool = False) -> None:
    """Ask for a redecode of the time of the test."""
    span = (BEGIN - timedelta(days=1), BEGIN + timedelta(days=5))
    field.connection.execute(_ASK, ("redecode", profile, None, None, *span, dry_run))


def ask_replay(field: Field, reason: str | None = None) -> None:
    """Ask for a replay of all that stands in quarantine."""
    [(newest,)] = field.rows("SELECT coalesce(max(quarantine_id), 0) FROM quarantine")
    field.connection.execute(_ASK, ("replay", None, newest, reason, None, None, False))


def errand(field: Field) -> dict[str, Any]:
    """Give the newest errand."""
    cursor = field.connection.execute("SELECT * FROM errand ORDER BY errand_id DESC LIMIT 1")
    row = cursor.fetchone()
    assert row is not None
    return {column.name: value for column, value in zip(cursor.description or [], row, strict=True)}


def quarantine(field: Field) -> list[tuple[Any, ...]]:
    """Give what quarantine says of its rows."""
    return field.rows(
        "SELECT reason, item, replayed_at IS NOT NULL, replay_result FROM quarantine ORDER BY received_at, digest, item"
    )


def test_errand_dry_run_tells_and_changes_nothing_then_the_run_does(field: Field) -> None:
    """The counts and examples of a dry run are those of the run; only the run has corrections."""
    field.mend(RIGHT)
    ask_redecode(field, dry_run=True)
    run_errands(field.database)
    tried = errand(field)
    before = field.readings()
    ask_redecode(field)
    run_errands(field.database)
    done = errand(field)

    assert before == [20.0]
    assert field.readings() == [2.0]
    assert (tried["state"], tried["counts"]["corrected"], tried["run_id"]) == ("done", 1, None)
    assert (done["state"], done["counts"], done["progress"]) == ("done", tried["counts"], 1.0)
    assert [(one["metric"], one["old_value"], one["new_value"]) for one in done["examples"]] == [("air_temperature", 20.0, 2.0)]
    assert field.rows("SELECT run_id FROM reading_correction") == [(done["run_id"],)]


def test_errand_that_cannot_be_done_says_why_and_stops_no_other(field: Field) -> None:
    """A profile that has gone fails its errand; the next one is done."""
    field.mend(RIGHT)
    ask_redecode(field, "gone")
    ask_redecode(field)
    run_errands(field.database)

    assert field.rows("SELECT state, error LIKE '%%no device profile%%' FROM errand ORDER BY errand_id") == [
        ("failed", True),
        ("done", None),
    ]


def test_errand_left_behind_is_begun_again_but_not_for_ever(field: Field) -> None:
    """What a process that died was at is taken up; what has killed three of them is given up."""
    field.mend(RIGHT)
    ask_redecode(field)
    field.connection.execute("UPDATE errand SET state = 'running', tries = 1, counts = %s", (Jsonb({"archived": 7}),))
    ask_redecode(field)
    field.connection.execute("UPDATE errand SET state = 'running', tries = 3 WHERE errand_id = 2")
    run_errands(field.database)

    assert field.rows("SELECT state, error LIKE '%%died 3 times%%' FROM errand ORDER BY errand_id") == [
        ("done", None),
        ("failed", True),
    ]


def test_errand_waits_while_the_command_is_at_work(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two redecodes never meet: the errand is put back, untried, and done when the other has ended."""
    monkeypatch.setattr("ingest.redecode._PATIENCE_S", 0.1)
    monkeypatch.setattr("ingest.errands._BUSY_S", 0.0)
    field.mend(RIGHT)
    ask_redecode(field)
    with connect(field.database, name="other") as other:
        other.execute(query("lead_redecode"))
        seen = []

        def put_back(name: str) -> str:
            if name == "put_errand_back":
                seen.append(errand(field)["state"])
                other.close()
            return query(name)

        monkeypatch.setattr("ingest.errands.query", put_back)
        run_errands(field.database)

    assert seen == ["running"]
    assert (errand(field)["state"], errand(field)["tries"]) == ("done", 1)


def test_errand_process_is_started_by_one_worker_and_does_it(field: Field) -> None:
    """Of two workers one starts the process; nothing runs where there is nothing to do."""
    first, second = ErrandProcess(field.database), ErrandProcess(field.database)
    with connect(field.database, name="w1") as one, connect(field.database, name="w2") as two:
        first.look(one)
        assert first.is_running is False
        field.mend(RIGHT)
        ask_redecode(field)
        first.look(one)
        second.look(two)
        assert (first.is_running, second.is_running) == (True, False)
        first.wait(30)
    first.stop()

    assert errand(field)["state"] == "done"
    assert field.readings() == [2.0]


def test_replay_of_mended_codec_stores_what_was_refused(field: Field) -> None:
    """Rows that became readings are marked; what is refused still says its present reason and waits; twice is the same."""
    field.mend("x = [")
    field.ingest(bytes([30, 100]), at=BEGIN + timedelta(minutes=1))
    field.ingest(bytes([40]), at=BEGIN + timedelta(minutes=2))
    field.mend(RIGHT)
    ask_replay(field, "codec_broken")
    run_errands(field.database)
    done = errand(field)
    first = (field.readings(), quarantine(field))
    ask_replay(field)
    run_errands(field.database)

    assert first[0] == [20.0, 3.0, 4.0]
    assert [row[2:] for row in first[1]] == [(True, "stored by replay"), (True, "stored by replay"), (False, None)]
    assert first[1][2][0] == "frame_incomplete"
    assert done["counts"] == {"stored": 2, "held": 0, "refused": 0, "readings": 3, "new": 3, "reasons": {}}
    assert field.readings() == first[0]
    assert quarantine(field)[:2] == first[1][:2]
    assert quarantine(field)[2][2:] == (False, "refused again by replay")
    assert errand(field)["counts"]["new"] == 0


def test_replay_of_a_refused_reading_stores_it_alone(field: Field) -> None:
    """A metric that came into the vocabulary since: its reading is stored, under the time it was sent with."""
    topic = "hedgerow/v1/d1/up"
    field.mend(RIGHT)
    field.ingest(
        b'[{"n":"air_temperature","v":5},{"n":"bats","v":7},{"n":"owls","v":1}]', topic=topic, at=BEGIN + timedelta(minutes=9)
    )
    field.connection.execute(
        "INSERT INTO metric (key, domain, unit, unit_senml, kind, description)"
        " VALUES ('bats', 'asset', 'count', 'count', 'gauge', '')"
    )
    ask_replay(field)
    run_errands(field.database)

    assert field.readings("bats") == [7.0]
    assert [row[:3] for row in quarantine(field)] == [("metric_unknown", 2, True), ("metric_unknown", 3, False)]


def test_replay_of_a_device_not_registered_is_held(field: Field) -> None:
    """A message that names an unregistered device waits for it, and its row of quarantine waits too."""
    field.connection.execute(
        "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
        " VALUES (now(), 1, 0, NULL, 'hedgerow/v1/new/up', %s, 'not_processed', '')",
        (b'{"temperature": 1}',),
    )
    ask_replay(field)
    run_errands(field.database)

    assert field.rows("SELECT device_uid FROM held") == [("new",)]
    assert quarantine(field) == [("not_processed", 0, False, "held until its device is registered")]
    assert errand(field)["counts"]["held"] == 1


def test_replay_leaves_out_what_was_set_aside_or_came_later(field: Field) -> None:
    """Rows set aside for good, and those that came after it was asked for, are not touched."""
    field.mend("x = [")
    for minute in (1, 2, 3):
        field.ingest(bytes([30, 100]), at=BEGIN + timedelta(minutes=minute))
    field.mend(RIGHT)
    field.connection.execute("UPDATE quarantine SET dismissed_at = now() WHERE quarantine_id = 1")
    ask_replay(field)
    field.connection.execute("UPDATE errand SET newest = 2")
    run_errands(field.database)

    assert [row[2] for row in quarantine(field)] == [False, True, False]
    assert field.readings() == [20.0, 3.0]
