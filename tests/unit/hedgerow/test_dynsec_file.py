"""The file that a broker's dynamic security starts from: who stands in it, and what stays as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from hedgerow.cli import app
from hedgerow.dynsec_file import empty, with_programs

if TYPE_CHECKING:
    from pathlib import Path

_PASSWORDS = {"hedgerow-api": "a" * 43, "ingest": "i" * 43}


def clients(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the clients of a file by their names."""
    return {client["username"]: client for client in content["clients"]}


def run(file: Path, *arguments: str) -> tuple[int, str]:
    """Run `hedgerow credentials init`; give its exit code and what it said."""
    done = CliRunner().invoke(app, ["credentials", "init", "--file", str(file), *arguments])
    return done.exit_code, done.output


def test_programs_put_in_hold_what_they_need_and_nobody_else_anything() -> None:
    """Nothing is allowed by default, only the API may control, and no password stands there as it is."""
    made = with_programs(empty(), _PASSWORDS)

    assert not any(made["defaultACLAccess"].values())
    assert clients(made).keys() == _PASSWORDS.keys()
    control = {role["rolename"] for role in made["roles"] for rule in role["acls"] if rule["topic"].startswith("$CONTROL")}
    assert control == {"program:hedgerow-api"}
    assert not any(password in json.dumps(made) for password in _PASSWORDS.values())


def test_programs_put_in_again_change_nothing() -> None:
    """The service that runs at every start writes only what is new, in the form of Mosquitto 2.1 too."""
    made = with_programs(empty(), _PASSWORDS)
    assert with_programs(made, _PASSWORDS) == made

    for client in made["clients"]:
        iterations, salt, digest = (client.pop(name) for name in ("iterations", "salt", "password"))
        client["encoded_password"] = f"$7${iterations}${salt}${digest}"
    assert with_programs(made, _PASSWORDS) == made


def test_programs_with_a_new_password_leave_devices_alone() -> None:
    """Only the program's secret changes; devices that came meanwhile stay."""
    made = with_programs(empty(), _PASSWORDS)
    made["clients"].append({"username": "a840", "password": "x", "salt": "y", "iterations": 101})
    after = with_programs(made, _PASSWORDS | {"ingest": "j" * 43})

    changed = {name for name, client in clients(after).items() if client != clients(made)[name]}
    assert changed == {"ingest"}


def test_credentials_init_makes_the_file_once_and_prints_what_it_made_up(tmp_path: Path) -> None:
    """Random passwords are printed at the first run, only the owner reads the file, and a second run keeps it."""
    file = tmp_path / "dynamic-security.json"
    code, said = run(file, "--ingest-password", "i" * 43)

    assert code == 0
    assert "password of hedgerow-api, shown this once: " in said
    assert "password of ingest" not in said
    assert clients(json.loads(file.read_text())).keys() == {"hedgerow-api", "ingest"}
    assert file.stat().st_mode & 0o077 == 0
    before = file.read_bytes()
    assert run(file, "--ingest-password", "i" * 43) == (0, f"kept: {file}\n")
    assert file.read_bytes() == before


def test_credentials_init_refuses_a_password_that_can_be_guessed(tmp_path: Path) -> None:
    """No short password comes into force."""
    code, said = run(tmp_path / "file.json", "--api-password", "secret")

    assert code == 1
    assert "fewer than 20 characters" in said
    assert not (tmp_path / "file.json").exists()
