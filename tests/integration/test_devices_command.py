"""The commands `hedgerow devices …`: what a person reads in a terminal, and the path that fills the figures."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.clocks import Clocks, Sightings
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW_US = round(datetime.now(UTC).timestamp() * 1e6)


@pytest.fixture
def store(database: str) -> str:
    """Give a database with two devices."""
    with psycopg.connect(database) as connection:
        connection.execute(query("register_load_devices"), {"uids": ["d1", "d2"]})
    return database


def _note(store: str, delays_s: Sequence[float], uid: str = "d1") -> None:
    """Take messages of a device through what gathers clocks, into the table."""
    import numpy as np

    clocks = Clocks()
    with psycopg.connect(store) as connection:
        (device_id,) = next(connection.execute("SELECT device_id FROM device WHERE uid = %s", (uid,)))
        arrivals = np.full(len(delays_s), NOW_US)
        newest = np.array([NOW_US - round(delay * 1e6) for delay in delays_s], np.int64)
        clocks.add(Sightings(np.full(len(delays_s), device_id, np.int32), arrivals, newest))
        for rows in clocks.take():
            connection.execute(query("note_clocks"), rows)


def _clocks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hedgerow", "devices", "clocks", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "160"},
    )


def test_devices_clocks_lists_the_wrong_ones_in_plain_words(store: str) -> None:
    """A clock that is two hours ahead is told as such, with the figures behind it; a good one is not listed."""
    _note(store, [-7200.0, -7100.0])
    _note(store, [0.5], "d2")

    done = _clocks("--database", store)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert len(lines) == 2
    assert lines[1].startswith("d1 d1 2 hours ahead ")
    assert lines[1].endswith(" 2 -7,200.0 s -7,100.0 s 0")


def test_devices_clocks_all_lists_good_ones_too(store: str) -> None:
    """With --all every device that was heard is there."""
    _note(store, [0.5])
    assert _clocks("--database", store).stdout == "No clock is wrong.\n"

    assert " good " in _clocks("--database", store, "--all").stdout


def test_clocks_noted_again_and_again_add_up(store: str) -> None:
    """Later notes of a day widen the delays and add to the counts; other workers' notes do too."""
    _note(store, [2.0, 9.0])
    _note(store, [5.0, 6.0, 7.0])

    with psycopg.connect(store) as connection:
        rows = connection.execute("SELECT messages, least_delay, greatest_delay, unbelievable FROM device_clock").fetchall()
    assert rows == [(5, 2.0, 9.0, 0)]


def test_devices_clocks_store_away_is_told_in_one_line() -> None:
    """A database that cannot be reached is no riddle."""
    done = _clocks("--database", "postgresql://nobody@127.0.0.1:1/nothing")

    assert done.returncode == 1
    assert done.stderr.startswith("hedgerow devices clocks: ")
