"""The command `hedgerow decode`: what a person types, reads and gets told."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from devices.shipped_profiles import ship_profiles

if TYPE_CHECKING:
    from pathlib import Path


def run(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    words = [sys.executable, "-m", "hedgerow", "decode", "--database", database, *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env={"COLUMNS": "120"})


@pytest.fixture
def council(plain_database: str) -> str:
    """Give a database with the shipped profiles."""
    with psycopg.connect(plain_database) as connection:
        ship_profiles(connection)
    return plain_database


def test_decode_command_shows_readings_and_what_is_refused(council: str) -> None:
    """Values in the metric's own unit, states by name, and why the rest could not be read."""
    done = run(council, "--profile", "milesight-em310-udl", "--port", "85", "01755C", "038244080400", "01", "99")

    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()[:4]) for line in done.stdout.splitlines()]
    assert lines[1:4] == ["1 battery_level 92 %", "2 distance_to_surface 2116 mm", "3 device_position 1 tilt"]
    assert done.stdout.splitlines()[-1].startswith("4 refused, frame_incomplete: ends inside channel 99")


def test_decode_command_tries_a_definition_from_a_file(council: str, tmp_path: Path) -> None:
    """A layout is written beside the terminal, and told what is wrong with it until nothing is."""
    draft = tmp_path / "draft.toml"
    draft.write_text('[[field]]\nmetric = "water_level"\nat = 0\n')
    wrong = run(council, "--profile", "dragino-lse01", "--definition", str(draft), "00ff")
    draft.write_text('[[field]]\nmetric = "water_level"\nat = 0\ntype = "u16"\nunit = "cm"\n')
    right = run(council, "--profile", "dragino-lse01", "--definition", str(draft), "00ff")

    assert wrong.returncode == 1
    assert wrong.stderr == "hedgerow decode: the definition cannot be used: field 1 (water_level).type: is missing\n"
    assert "water_level  2.55   m" in right.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "none", "00"], "there is no device profile none"),
        (["--profile", "generic", "00"], "the codec of generic is auto"),
        (["--profile", "dragino-lse01", "0g"], "non-hexadecimal number"),
        (["--profile", "dragino-lse01", "--definition", "/nowhere", "00"], "No such file"),
    ],
)
def test_decode_command_that_cannot_be_carried_out_says_why(council: str, arguments: list[str], told: str) -> None:
    """One line on standard error, and an exit code that scripts see."""
    done = run(council, *arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("hedgerow decode: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
