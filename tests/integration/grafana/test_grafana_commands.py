"""`hedgerow grafana lint` and `snapshot` over a real database and a real API; snapshots into a stand-in for Grafana."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from grafana.lint import panels_of, texts_of
from grafana.provisioned import read_provisioned
from hedgerow.cli import app
from tests.servers.grafana import TOKEN, running_grafana

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from grafana.ask import Sources

    Command = Callable[..., Result]


@pytest.fixture
def command(sources: Sources) -> Command:
    """Give a function that runs a command of `hedgerow grafana` on the county."""
    info = sources.database.info
    environment = {
        "HEDGEROW_DATABASE_URL": f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}",
        "HEDGEROW_HTTP_URL": str(sources.api.base_url),
        "HEDGEROW_API_KEY": sources.api.headers["Authorization"].removeprefix("Bearer "),
        "COLUMNS": "160",
    }

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, ["grafana", *arguments], env={**environment, **more})

    return run


def test_lint_command_lists_every_panel_and_rule(command: Command) -> None:
    """Over a county that is well every panel has rows, every rule a state, and nothing is wrong."""
    told = command("lint")

    assert (told.exit_code, told.stderr) == (0, ""), told.output
    assert "nothing to find fault with" in told.stdout
    for board in read_provisioned().dashboards:
        assert told.stdout.count(board["title"]) >= len([one for one in panels_of(board) if one.get("targets")])
    assert "Ingest stalled" in told.stdout
    assert "not known" not in told.stdout


def test_lint_command_ends_with_one_where_something_is_wrong(command: Command, sources: Sources) -> None:
    """A view that is gone is a finding of its panels and rules, in plain words; the files alone are still sound."""
    with psycopg.connect(sources.database.info.dsn, password=sources.database.info.password) as connection:
        connection.execute("ALTER VIEW quarantine_arrival RENAME TO gone")
    try:
        told = command("lint")
    finally:
        with psycopg.connect(sources.database.info.dsn, password=sources.database.info.password) as connection:
            connection.execute("ALTER VIEW gone RENAME TO quarantine_arrival")

    assert told.exit_code == 1
    assert 'Quarantine over time: the database refuses it: relation "quarantine_arrival" does not exist' in told.stdout
    assert 'alert rule Quarantine filling: the database refuses it: relation "quarantine_arrival"' in told.stdout
    assert command("lint", "--offline").exit_code == 0


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HEDGEROW_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "connection"),
        ({"HEDGEROW_API_KEY": ""}, "give --api-key"),
    ],
)
def test_lint_command_without_a_way_says_so(command: Command, environment: dict[str, str], said: str, tmp_path: Path) -> None:
    """One line says what is missing, and that the files alone can be looked at."""
    told = command("lint", **environment)

    assert told.exit_code == 1
    assert said in told.stderr
    assert "--offline" in told.stderr
    assert not list(tmp_path.iterdir())


def test_snapshot_command_writes_a_picture_with_its_figures(command: Command, sources: Sources, tmp_path: Path) -> None:
    """Every panel has data and no question; times and choices stand still; the figures are those of the database."""
    file = tmp_path / "county.json"
    told = command("snapshot", "county", "--from", "now-6h", "--out", str(file))

    assert told.exit_code == 0, told.output
    written = json.loads(file.read_text())
    picture = written["dashboard"]
    assert written["expires"] == 0
    assert picture["snapshot"]["timestamp"].endswith("Z")
    assert all(moment.endswith("Z") for moment in picture["time"].values())
    asked = next(board for board in read_provisioned().dashboards if board["uid"] == "hedgerow-county")["panels"]
    for before, after in zip(asked, picture["panels"], strict=True):
        assert bool(before.get("targets")) == bool(after.get("snapshotData")), after["title"]
        assert not after.get("targets")
    assert not [text for text in texts_of(picture) if "SELECT" in text or "/api/v1/" in text]
    (offline,) = [one for one in picture["panels"] if one["title"] == "Sites offline"]
    found = sources.ask_database("SELECT count(*) FROM site_status WHERE state = 'offline'")
    assert offline["snapshotData"][0]["fields"][-1]["values"] == [found.rows[0][0]]


def test_snapshot_command_of_a_chosen_site_goes_into_grafana(command: Command) -> None:
    """Posted once, whole, with what was chosen; its address is told, and no token."""
    with running_grafana() as grafana:
        told = command(
            *("snapshot", "hedgerow-site", "--choose", "site=there", "--days", "2", "--url", grafana.url),
            HEDGEROW_GRAFANA_TOKEN=TOKEN,
        )
        assert told.exit_code == 0, told.output
        ((key, kept),) = grafana.snapshots.items()

    assert f"/dashboard/snapshot/{key}" in told.stdout
    assert TOKEN not in told.output
    assert kept["expires"] == 2 * 86_400
    chosen = {one["name"]: one["current"]["value"] for one in kept["dashboard"]["templating"]["list"]}
    assert chosen["site"] == "there"
    assert all(one["query"] == "" for one in kept["dashboard"]["templating"]["list"])
    marks = [event for one in kept["dashboard"]["annotations"]["list"] for event in one["snapshotData"]]
    assert any("Sensor installed: Everything there" in event["text"] for event in marks)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no dashboard nowhere; there are hedgerow-air-quality"),
        (["site", "--choose", "site=atlantis"], "there is no site atlantis to choose"),
        (["site", "--choose", "place=here"], "has no variable place"),
        (["county", "--from", "now", "--to", "now-1h"], "ends before it begins"),
        (["county", "--from", "yesterday"], "yesterday"),
    ],
)
def test_snapshot_command_of_what_cannot_be_says_why(command: Command, arguments: list[str], said: str, tmp_path: Path) -> None:
    """No picture is better than half of one."""
    told = command("snapshot", *arguments, "--out", str(tmp_path / "x.json"))

    assert told.exit_code == 1
    assert said in told.stderr
    assert not list(tmp_path.iterdir())


def test_snapshot_command_replaces_no_file(command: Command, tmp_path: Path) -> None:
    """A picture of last month is not lost by taking another."""
    file = tmp_path / "kept.json"
    file.write_text("kept")
    assert command("snapshot", "county", "--out", str(file)).exit_code == 1
    assert file.read_text() == "kept"
    assert command("snapshot", "county").exit_code == 2
