"""The commands `hedgerow devices import` and `export` against a running API."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from api.people import add_api_key, add_person
from tests.servers.console import running_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_SHEET = """\
EUI;Name;Grid reference;Colour
00-11-22-33-44-55-66-77;Gully [1];SY 827 798;red
0011223344556678;Gully 2;SY 827 79;blue
"""


@pytest.fixture
def run(plain_database: str) -> Iterator[Run]:
    """Give a function that runs a command of `hedgerow devices` as an engineer."""
    with running_console(plain_database, filled=False) as console:
        with psycopg.connect(plain_database) as connection:
            key = add_api_key(connection, add_person(connection, "erin", "engineer"), "test")

        def run(*arguments: str, key: str = key) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "hedgerow", "devices", *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                env={**os.environ, "COLUMNS": "200", "HEDGEROW_HTTP_URL": console.url, "HEDGEROW_API_KEY": key},
            )

        yield run


def test_devices_import_is_a_dry_run_until_told_then_exports_the_same(run: Run, tmp_path: Path) -> None:
    """A refused row is told first and ends with 1; --commit imports the others; the export of them imports unchanged."""
    sheet = tmp_path / "gullies.csv"
    sheet.write_text(_SHEET)

    dry = run("import", str(sheet))
    assert (dry.returncode, dry.stderr) == (1, "")
    assert dry.stdout.index("is no OS grid reference") < dry.stdout.index("0011223344556677")
    assert "2 rows: 1 would be created, 0 would be changed, 1 would be refused, 0 unchanged" in dry.stdout
    assert "not read: Colour" in dry.stdout
    assert run("export").stdout.count("\n") == 1
    assert run("import", str(sheet), "--commit").returncode == 1
    exported = tmp_path / "devices.csv"
    assert run("export", str(exported)).returncode == 0
    assert "0011223344556677,Gully [1],generic" in exported.read_text(encoding="utf-8")
    again = run("import", str(exported), "--commit")
    assert (again.returncode, again.stdout) == (0, "1 row: 0 created, 0 changed, 0 refused, 1 unchanged\n")


def test_devices_import_that_the_api_refuses_says_why_in_one_line(run: Run, tmp_path: Path) -> None:
    """A file that is no table, and a key that is none, are no riddles."""
    sheet = tmp_path / "colours.csv"
    sheet.write_text("colour\nred\n")

    for done, said in ((run("import", str(sheet)), "no column is named DevEUI"), (run("export", key="hr_no"), "valid API key")):
        assert done.returncode == 1
        assert done.stderr.startswith("hedgerow devices ")
        assert (said in done.stderr, done.stderr.count("\n")) == (True, 1)
