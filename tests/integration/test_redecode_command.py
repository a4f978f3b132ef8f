"""The command `hedgerow redecode`: what a person types, reads and gets told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sql.pool import connect
from tests.integration.redecoding import BEGIN, RIGHT, Field, corrections, layout

if TYPE_CHECKING:
    from collections.abc import Iterator

FROM = f"{BEGIN - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def field(database: str) -> Iterator[Field]:
    """Give a device with a wrong codec and a message of it; on both flavours."""
    found = Field(database)
    found.ingest(bytes([20, 100]))
    yield found
    found.connection.close()


def _command(field: Field, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "hedgerow", "redecode", "--database", field.database, *arguments]


def _run(field: Field, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(field, *arguments), capture_output=True, text=True, check=False, timeout=60, env={"COLUMNS": "160"}
    )


def test_redecode_command_tells_what_it_has_put_right(field: Field) -> None:
    """The summary counts every outcome, with examples of what changed and the reasons of what is refused."""
    field.ingest(bytes([30]), at=BEGIN + timedelta(minutes=1))
    field.mend(RIGHT)

    done = _run(field, "--profile", "p1", "--from", FROM)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "p1: put right"
    assert any(line.startswith("messages 2 read from the archive") for line in lines)
    assert any(line.startswith("corrected 2 ") for line in lines)
    assert any(line.startswith("refused 1 frame_incomplete: ") for line in lines)
    assert any(line.startswith("corrected: d1, air_temperature at ") and line.endswith(": 20 → 2 °C") for line in lines)
    assert len(corrections(field)) == 2


def test_redecode_command_dry_run_says_so_and_changes_nothing(field: Field) -> None:
    """A dry run speaks of what would be, removal too."""
    field.mend(layout("air_temperature:0.1"))

    done = _run(field, "--profile", "p1", "--from", FROM, "--dry-run", "--remove", "--device", "D1")

    assert done.returncode == 0
    assert "p1: what would be put right (dry run)" in done.stdout
    assert "stored, and no longer given: would be removed" in done.stdout
    assert field.readings() == [20.0]
    assert field.readings("relative_humidity") == [50.0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "p9", "--from", FROM], "there is no device profile 'p9'"),
        (["--profile", "p1", "--from", "yesterday"], "'yesterday' is no time"),
        (["--profile", "p1", "--from", FROM, "--to", FROM], "must lie before --to"),
        (["--profile", "p1", "--from", "2990-01-01"], "must lie before --to"),
        (["--profile", "p1", "--from", FROM, "--device", "no uid!"], "is no device uid"),
        (["--profile", "p1", "--from", FROM, "--device", "d9"], "no device 'd9' is registered"),
    ],
)
def test_redecode_command_nonsense_is_told_in_one_line(field: Field, arguments: list[str], told: str) -> None:
    """What cannot be done ends with code 1 and one line that says why."""
    done = _run(field, *arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("hedgerow redecode: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_redecode_command_without_a_database_says_how_to_name_one() -> None:
    """Without an address there is nothing to go by."""
    command = [sys.executable, "-m", "hedgerow", "redecode", "--profile", "p1", "--from", FROM]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={}, cwd="/")

    assert done.returncode == 1
    assert "--database" in done.stderr


def test_redecode_command_interrupted_says_what_to_do(field: Field) -> None:
    """Ctrl-C ends it at once, with code 130; nothing is left half done."""
    field.mend(RIGHT)
    with connect(field.database, name="blocker") as blocker, blocker.transaction():
        blocker.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # the command may need long to begin
        blocker.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        command = subprocess.Popen(_command(field, "--profile", "p1", "--from", FROM), stderr=subprocess.PIPE, text=True)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hedgerow redecode' AND wait_event_type = 'Lock'"
        )
        give_up = time.monotonic() + 90
        while field.rows(waiting) != [(1,)]:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        command.send_signal(signal.SIGINT)
        told = command.communicate(timeout=30)[1]

    assert command.returncode == 130
    assert told == "hedgerow redecode: stopped. What was put right stays; run it again for the rest.\n"
    assert field.readings() == [20.0]


def test_redecode_command_store_away_is_told_in_one_line() -> None:
    """A database that cannot be reached is no riddle."""
    command = [sys.executable, "-m", "hedgerow", "redecode", "--profile", "p1", "--from", FROM]
    command += ["--database", "postgresql://nobody@127.0.0.1:1/nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("hedgerow redecode: the database: ")
    assert len(done.stderr.splitlines()) == 1
