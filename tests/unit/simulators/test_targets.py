"""Tests of simulators/targets.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulators.targets import TargetError, Targets, find_targets, wait_until_serving


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give a data folder as a running `hedgerow up` writes it."""
    runtime = {"http_url": "http://h", "mqtt_url": "mqtt://m", "database_url": "postgresql://d", "pids": {"up": 1}}
    admin = {"user": "admin", "password": "p", "api_key": "hr_k", "mqtt_user": "sensors", "mqtt_password": "s"}
    (tmp_path / "runtime.json").write_text(json.dumps(runtime), encoding="utf-8")
    (tmp_path / "admin.json").write_text(json.dumps(admin), encoding="utf-8")
    return tmp_path


def test_targets_are_read_from_the_data_folder(data_dir: Path) -> None:
    """Addresses and secrets come from the two files."""
    found = find_targets(data_dir, Targets())

    assert found == Targets("mqtt://m", "sensors", "s", "http://h", "hr_k", "postgresql://d")


def test_targets_given_win_over_those_found(data_dir: Path) -> None:
    """What a person says counts."""
    found = find_targets(data_dir, Targets(mqtt_url="mqtt://other", api_key="hr_other"))

    assert (found.mqtt_url, found.api_key, found.http_url) == ("mqtt://other", "hr_other", "http://h")


def test_targets_usual_folder_is_found_by_itself(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a running `hedgerow up` nothing has to be said."""
    (data_dir / "work").mkdir()
    monkeypatch.chdir(data_dir / "work")
    assert find_targets(None, Targets()) == Targets()

    Path(".hedgerow").symlink_to(data_dir)
    assert find_targets(None, Targets()).http_url == "http://h"


def test_targets_folder_on_which_nothing_runs_is_said(tmp_path: Path) -> None:
    """A folder that was named must have a Hedgerow."""
    with pytest.raises(TargetError, match="no Hedgerow is running"):
        find_targets(tmp_path, Targets())


def test_targets_that_are_missing_are_named_with_their_option() -> None:
    """The error says what to give."""
    with pytest.raises(TargetError, match="--mqtt"):
        Targets().need("mqtt_url", "--mqtt")


def test_wait_until_serving_gives_up_in_time(data_dir: Path) -> None:
    """Nothing answers there."""
    with pytest.raises(TargetError, match="ready within"):
        wait_until_serving(data_dir, 0.3)
