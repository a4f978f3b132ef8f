"""Dashboards as they stand in their files: made by grafana/build.py, sound, and fitting the provisioning."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.board import Board, render
from grafana.build import BOARDS, FOLDER, file_of
from grafana.lint import addresses_of, lint, sql_of
from grafana.signs import STATES
from grafana.targets import API, DATABASE

ROOT = Path(__file__).parents[3]
SOURCES = yaml.safe_load((ROOT / "grafana/provisioning/datasources/hedgerow.yaml").read_text(encoding="utf-8"))["datasources"]


@pytest.fixture
def dashboards() -> list[dict[str, Any]]:
    """Give every dashboard that is checked in."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboard_file_is_what_build_makes(board: Board) -> None:
    """Whoever changed the generator also ran it: python -m grafana.build."""
    assert file_of(board).read_text(encoding="utf-8") == render(board)


def test_dashboard_files_all_belong_to_a_board() -> None:
    """No file is left over from a dashboard that was renamed."""
    assert set(FOLDER.glob("*")) == {file_of(board) for board in BOARDS}


def test_dashboards_have_nothing_to_find_fault_with(dashboards: list[dict[str, Any]]) -> None:
    """Lint is content with all of them, over the data sources that are provisioned."""
    assert lint(dashboards, {source["uid"]: source["type"] for source in SOURCES}) == []


def test_dashboards_use_both_data_sources(dashboards: list[dict[str, Any]]) -> None:
    """Every dashboard asks the database; those that show values ask the API too."""
    assert all(list(sql_of(dashboard)) for dashboard in dashboards)
    asking = {dashboard["uid"] for dashboard in dashboards if list(addresses_of(dashboard))}
    assert asking == {"hedgerow-air-quality", "hedgerow-traffic", "hedgerow-assets", "hedgerow-site"}


def test_dashboards_link_to_each_other(dashboards: list[dict[str, Any]]) -> None:
    """From each dashboard to all others, the time kept; every address within Grafana is one of ours."""
    uids = {dashboard["uid"] for dashboard in dashboards}
    for dashboard in dashboards:
        first = dashboard["links"][0]
        assert (first["type"], first["tags"], first["keepTime"]) == ("dashboards", ["hedgerow"], True)
        assert "hedgerow" in dashboard["tags"]
        addresses = re.findall(r'"(/d/[^"]*)"', json.dumps(dashboard))
        assert {re.split("[/?]", address)[2] for address in addresses} <= uids
        assert all("${__url_time_range}" in address for address in addresses)


def test_columns_of_sites_lead_to_their_detail(dashboards: list[dict[str, Any]]) -> None:
    """Wherever a list names sites it also has their code, which the link needs."""
    for dashboard in dashboards:
        for title, text in sql_of(dashboard):
            assert ('"Site"' in text) == ('"Code"' in text), title


def test_states_have_a_colour_and_a_word_of_their_own() -> None:
    """No state is told by its colour alone: its word stands beside a sign."""
    shown = [word for word, _ in STATES.values()]
    assert len(set(shown)) == len(shown)
    assert all(state in word for state, (word, _) in STATES.items())


def test_dashboards_show_metrics_of_the_vocabulary() -> None:
    """No chart waits for a metric that cannot exist."""
    with (ROOT / "devices/metric_vocabulary.csv").open(encoding="utf-8") as file:
        known = {row["metric"] for row in csv.DictReader(file)}
    assert [metric for board in BOARDS for metric in board.metrics if metric not in known] == []


def test_data_sources_are_the_ones_the_panels_name() -> None:
    """Uid and type in the provisioning are those of grafana/targets.py."""
    assert {(source["uid"], source["type"]) for source in SOURCES} == {(ref.uid, ref.type_val) for ref in (API, DATABASE)}


def test_data_source_of_the_api_sends_its_key_to_the_api_alone() -> None:
    """The key is a bearer token from the environment, allowed for one address, the one that is asked."""
    (source,) = [source for source in SOURCES if source["uid"] == API.uid]
    assert source["jsonData"]["auth_method"] == "bearerToken"
    assert source["jsonData"]["allowedHosts"] == [source["url"]]
    assert source["secureJsonData"]["bearerToken"].startswith("$")


def test_data_source_of_the_database_logs_in_as_the_reader() -> None:
    """Grafana reads with the role that sees views only, and TimescaleDB's macros are on."""
    (source,) = [source for source in SOURCES if source["uid"] == DATABASE.uid]
    assert source["user"] == "hedgerow_reader"
    assert source["jsonData"]["database"] == "hedgerow"
    assert source["jsonData"]["timescaledb"] is True
    assert source["secureJsonData"]["password"].startswith("$")
