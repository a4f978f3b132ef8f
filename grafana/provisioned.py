"""Reads what Grafana is provisioned with: dashboards, data sources and alert rules, as they stand in their files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Everything that is provisioned."""

    dashboards: list[Json]
    sources: list[Json]
    """With names of the environment (`$API_URL`) where an installation has its own values."""
    rule_groups: list[Json]
    folder: Json
    """`title` and `uid` of the folder of the dashboards."""

    @property
    def types_of_sources(self) -> dict[str, str]:
        """Type of each data source by its uid."""
        return {source["uid"]: source["type"] for source in self.sources}

    @property
    def rules(self) -> list[Json]:
        """Every alert rule, with the name and folder of its group."""
        return [
            {**rule, "ruleGroup": group["name"], "folder": group["folder"], "interval": group["interval"]}
            for group in self.rule_groups
            for rule in group["rules"]
        ]


def read_provisioned(folder: Path = FOLDER) -> Provisioned:
    """Read everything below the folder `grafana/`.

    Raises
    ------
    OSError, ValueError, yaml.YAMLError
        When a file is missing, or is neither JSON nor YAML.
    """
    (provider,) = _read(folder / "provisioning/dashboards/hedgerow.yaml")["providers"]
    return Provisioned(
        read_dashboards(folder),
        _read(folder / "provisioning/datasources/hedgerow.yaml")["datasources"],
        _read(folder / "provisioning/alerting/hedgerow.yaml")["groups"],
        {"title": provider["folder"], "uid": provider["folderUid"]},
    )


def read_dashboards(folder: Path = FOLDER) -> list[Json]:
    """Read the dashboards alone."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "dashboards").glob("*.json"))]


def _read(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content
