"""Dashboards as they stand in their files: made by grafana/build.py, sound, and fitting the provisioning."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.build import DOMAINS, FOLDER, Domain, file_of, render
from grafana.lint import addresses_of, lint, sql_of
from grafana.targets import API, DATABASE

ROOT = Path(__file__).parents[3]
SOURCES = yaml.safe_load((ROOT / "grafana/provisioning/datasources/hedgerow.yaml").read_text(encoding="utf-8"))["datasources"]


@pytest.fixture
def dashboards() -> list[dict[str, Any]]:
    """Give every dashboard that is checked in."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.uid)
def test_dashboard_file_is_what_build_makes(domain: Domain) -> None:
    """Whoever changed the generator also ran it: python -m grafana.build."""
    assert file_of(domain).read_text(encoding="utf-8") == render(domain)


def test_dashboard_files_all_belong_to_a_domain() -> None:
    """No file is left over from a dashboard that was renamed."""
    assert set(FOLDER.glob("*")) == {file_of(domain) for domain in DOMAINS}


def test_dashboards_have_nothing_to_find_fault_with(dashboards: list[dict[str, Any]]) -> None:
    """Lint is content with all of them, over the data sources that are provisioned."""
    assert lint(dashboards, {source["uid"]: source["type"] for source in SOURCES}) == []


def test_dashboards_use_both_data_sources(dashboards: list[dict[str, Any]]) -> None:
    """Every dashboard asks the database and the API."""
    for dashboard in dashboards:
        assert list(sql_of(dashboard))
        assert list(addresses_of(dashboard))


def test_dashboards_show_metrics_of_the_vocabulary() -> None:
    """No chart waits for a metric that cannot exist."""
    with (ROOT / "devices/metric_vocabulary.csv").open(encoding="utf-8") as file:
        known = {row["metric"] for row in csv.DictReader(file)}
    assert [metric for domain in DOMAINS for metric in domain.metrics if metric not in known] == []


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
