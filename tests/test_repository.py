"""Rules the whole repository keeps: every query runs and is used, files say what they are for and stay short."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import psycopg
import pytest

from sql.queries import all_queries

ROOT = Path(__file__).parent.parent
PACKAGES = ("devices", "ingest", "api", "simulators", "sql", "grafana", "hedgerow")
MODULES = sorted(path for folder in (*PACKAGES, "tests") for path in (ROOT / folder).rglob("*.py"))

_PARAMETER = re.compile(r"%\((?P<name>\w+)\)[sbt]")
_COMMENTS = re.compile(r"^\s*--.*\n?", re.MULTILINE)
# Statements the server looks at only when it carries them out. (It does so in a transaction that is rolled back.)
_CARRIED_OUT = ("CREATE", "TRUNCATE")
_EMPTY_BINARY_COPY = b"PGCOPY\n\xff\r\n\x00" + bytes(8) + b"\xff\xff"


def numbered(text: str) -> str:
    """Turn psycopg's named parameters into PostgreSQL's numbered ones."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${numbers.setdefault(match['name'], len(numbers) + 1)}"

    return _PARAMETER.sub(number, text).replace("%%", "%")


def first_word(text: str) -> str:
    """Give the word a statement begins with."""
    return _COMMENTS.sub("", text).split(maxsplit=1)[0].upper()


def try_query(connection: psycopg.Connection, name: str, text: str) -> None:
    """Let the server read a query against the real schema: prepare it, or carry it out where that says more."""
    word = first_word(text)
    if word == "COPY":
        try_copy(connection, text)
    elif word in _CARRIED_OUT:
        connection.execute(text.encode())
    else:
        result = connection.pgconn.prepare(name.encode(), numbered(text).encode())
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.DatabaseError(result.get_error_message())


def try_copy(connection: psycopg.Connection, text: str) -> None:
    """Copy nothing in, or everything out."""
    with connection.cursor() as cursor, cursor.copy(text.encode()) as copy:
        if "FROM STDIN" not in text:
            list(copy)
        elif "binary" in text:
            copy.write(_EMPTY_BINARY_COPY)


def test_queries_every_one_is_accepted_by_the_server(database: str) -> None:
    """Every named query fits the schema of either flavour; temporary tables are made before they are asked for."""
    refused = {}
    with psycopg.connect(database) as connection:
        for name, text in sorted(all_queries().items(), key=lambda item: first_word(item[1]) != "CREATE"):
            try:
                with connection.transaction():
                    try_query(connection, name, text)
            except psycopg.Error as error:
                refused[name] = str(error)
        connection.rollback()

    assert all_queries()
    assert refused == {}


def test_queries_every_one_is_used() -> None:
    """A query nobody asks for by its name is deleted."""
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.parts[len(ROOT.parts)] != "tests")

    assert [name for name in all_queries() if f'"{name}"' not in code] == []


def test_queries_every_one_says_what_it_is_for() -> None:
    """Every query begins with a comment line."""
    assert [name for name, text in all_queries().items() if not text.startswith("-- ")] == []


def test_modules_every_one_opens_with_a_docstring() -> None:
    """Every module says in a sentence what it is for."""
    silent = [
        str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert len(MODULES) > 20
    assert silent == []


def test_modules_none_is_longer_than_400_lines() -> None:
    """A module that grows further is divided."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_modules_no_folder_is_named_for_nothing() -> None:
    """Names that say nothing collect everything: there are none of them."""
    nothing = {"utils", "common", "core", "helpers", "services", "misc"}

    assert [str(path) for path in MODULES if nothing & {*path.parts[len(ROOT.parts) : -1], path.stem}] == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.name)
def test_lock_files_of_python_name_no_address(path: Path) -> None:
    """Locked packages are found by name and hash, at whatever registry the machine uses."""
    text = path.read_text(encoding="utf-8")

    assert "--hash=sha256:" in text
    assert "://" not in text


def test_lock_file_of_the_console_names_no_address() -> None:
    """Locked packages of the console are found by name and hash too."""
    text = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")

    assert '"integrity"' in text
    assert '"resolved"' not in text
