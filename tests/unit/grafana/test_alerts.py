"""Alert rules as they stand in their file: made by grafana/alerts.py, sound, each leading to what is to be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grafana.alerts import FILE, render
from grafana.lint_rules import lint_rules
from grafana.provisioned import read_provisioned

ROOT = Path(__file__).parents[3]
PROVISIONED = read_provisioned()


def test_alert_file_is_what_alerts_makes() -> None:
    """Whoever changed the generator, or the dashboards it points to, also ran it: python -m grafana.alerts."""
    assert FILE.read_text(encoding="utf-8") == render()


def test_alert_rules_have_nothing_to_find_fault_with() -> None:
    """Lint is content with all of them, over the dashboards and data sources that are provisioned."""
    rules = PROVISIONED.rules
    assert lint_rules(rules, PROVISIONED.dashboards, PROVISIONED.types_of_sources, PROVISIONED.folder["title"]) == []
    assert len(rules) >= 6


@pytest.mark.parametrize("rule", PROVISIONED.rules, ids=lambda rule: str(rule["uid"]))
def test_alert_rule_leads_to_a_heading_of_the_operations_page(rule: dict[str, dict[str, str]]) -> None:
    """Who is woken by an alarm finds what to do about it."""
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
