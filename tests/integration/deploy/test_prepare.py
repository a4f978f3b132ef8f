"""Runs prepare.sh in a folder of its own and looks at what it made."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.integration.deploy.prepared import ROOT, environment, prepare, prepared_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_prepare_makes_every_secret_strong_and_its_own(prepared: Path) -> None:
    """No secret is empty, short, told by heart, or used twice; what is no secret stays as in the example."""
    made = environment(prepared)
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert made.keys() == example.keys()
    secrets = [value for name, value in made.items() if not example[name]]
    assert len(set(secrets)) == len(secrets)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43,}", secret) for secret in secrets)
    assert all(re.fullmatch(r"hr_[A-Za-z0-9_-]{43}", made[name]) for name in made if name.endswith("_API_KEY"))
    assert {name: made[name] for name, value in example.items() if value} == {
        name: value for name, value in example.items() if value
    }


def test_prepare_leaves_nothing_open_to_others(prepared: Path) -> None:
    """Only the operator enters the folder and reads .env and the authority's key."""
    secrets = prepared / "deploy/secrets"
    assert secrets.stat().st_mode & 0o077 == 0
    assert (prepared / ".env").stat().st_mode & 0o077 == 0
    assert (secrets / "ca.key").stat().st_mode & 0o077 == 0
    assert not [path.name for path in secrets.iterdir() if "partial" in path.name]


def test_prepare_run_again_keeps_what_is_there(tmp_path: Path) -> None:
    """A second run changes no file: nobody is locked out by it."""
    folder = prepared_folder(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "kept: the broker's certificate" in prepare(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_prepare_after_an_upgrade_adds_what_is_new(tmp_path: Path) -> None:
    """A variable that an older .env does not have is added with a secret of its own; the others stay."""
    folder = prepared_folder(tmp_path)
    before = environment(folder)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / ".env").write_text("".join(line for line in lines if not line.startswith("SIMULATOR")), encoding="utf-8")
    assert "added to .env: SIMULATOR_API_KEY" in prepare(folder)
    after = environment(folder)
    assert after.keys() == before.keys()
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"SIMULATOR_API_KEY"}


def test_prepare_makes_a_certificate_for_the_names_given(prepared: Path) -> None:
    """The broker's certificate holds for the names devices use, and is signed by the authority they are given."""
    secrets = prepared / "deploy/secrets"
    verify = ["openssl", "verify", "-CAfile", str(secrets / "ca.crt"), "-purpose", "sslserver"]
    for names in (["-verify_hostname", "broker.example.org"], ["-verify_ip", "192.0.2.10"], ["-verify_hostname", "mosquitto"]):
        subprocess.run([*verify, *names, str(secrets / "server.crt")], check=True, capture_output=True)
    wrong = subprocess.run(
        [*verify, "-verify_hostname", "other.example.org", str(secrets / "server.crt")], check=False, capture_output=True
    )
    assert wrong.returncode != 0
