"""The settings of rules: changed by managers, written into the audit, and followed by ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from devices.registry import load_registry
from tests.integration.api.test_areas import make_limited

if TYPE_CHECKING:
    from typing import Any

    from tests.integration.api.conftest import Api

METRIC, PROFILE = "/api/v1/quality/metrics/pm2_5", "/api/v1/quality/profiles/generic"


def test_metric_rules_that_a_manager_changes_are_those_of_ingest(api: Api) -> None:
    """What is named changes, the rest stays; whoever listens for the registry is told, and the audit knows who."""
    before = {rules["metric"]: rules for rules in api.get("/api/v1/quality/metrics")}["pm2_5"]
    with psycopg.connect(api.database, autocommit=True) as connection:
        connection.execute("LISTEN hedgerow_registry")
        wanted = {"flat_count": 5, "sentinels": [-1], "spike_least": None, "max_step_per_min": 50}
        answer = api.of("manager").patch(METRIC, json=wanted)
        told = {notice.payload for notice in connection.notifies(timeout=5, stop_after=1)}
        registry = load_registry(connection)

    assert answer.status_code == 200, answer.text
    assert answer.json() == before | wanted
    assert told == {"metric_quality"}
    at = registry.metric_position["pm2_5"]
    assert (registry.rules.flat_count[at], registry.rules.max_step[at], registry.rules.least_change[at]) == (5, 50, 50)
    assert registry.rules.sentinels[at, 0] == -1
    [entry] = api.execute(
        "SELECT person, key, after ->> 'flat_count' FROM audit_entry WHERE kind = 'metric_quality' AND action = 'changed'"
    )
    assert entry == ("some manager", "pm2_5", "5")


def test_metric_rules_set_back_to_the_vocabulary(api: Api) -> None:
    """A step that is null is the vocabulary's again, and follows it."""
    api.of("manager").patch(METRIC, json={"max_step_per_min": 50})

    answer = api.of("manager").patch(METRIC, json={"max_step_per_min": None})

    assert answer.json()["max_step_per_min"] == 100


def test_profile_rules_that_a_manager_changes_are_those_of_ingest(api: Api) -> None:
    """A profile without a row has no rules of its own until somebody gives it some."""
    wanted = {"warm_up_s": 1800, "silence_s": 7200, "sentinels": {"pm2_5": [0.0]}}

    answer = api.of("manager").patch(PROFILE, json=wanted)

    assert answer.json() == {"profile": "generic", **wanted}
    with psycopg.connect(api.database) as connection:
        rules = load_registry(connection).rules
    assert (rules.has_profiles, rules.warm_up_us.max(), rules.silence_us.min()) == (True, 1_800_000_000, 7_200_000_000)


@pytest.mark.parametrize(
    ("address", "wanted", "status", "named"),
    [
        (METRIC, {"not_above": "pm99"}, 422, "body.not_above"),
        (METRIC, {"not_above": "pm2_5"}, 422, "body.not_above"),
        (METRIC, {"flat_count": 2}, 422, "body.flat_count"),
        (PROFILE, {"sentinels": {"pm99": [0]}}, 422, "body.sentinels"),
        ("/api/v1/quality/metrics/pm99", {}, 404, ""),
        ("/api/v1/quality/profiles/none", {}, 404, ""),
    ],
)
def test_rules_that_cannot_be_are_refused(api: Api, address: str, wanted: dict[str, Any], status: int, named: str) -> None:
    """The answer names what to mend."""
    answer = api.of("manager").patch(address, json=wanted)

    assert answer.status_code == status
    assert [slip["where"] for slip in answer.json().get("errors", [])] == ([named] if named else [])


def test_rules_are_not_for_those_who_are_limited_to_areas(api: Api) -> None:
    """They count for every area."""
    api.of("admin").post("/api/v1/areas", json={"code": "west", "name": "West"}).raise_for_status()
    limited = make_limited(api, "lou", "west", role="manager")

    assert limited.get("/api/v1/quality/metrics").status_code == 200
    assert limited.patch(METRIC, json={"flat_count": 5}).status_code == 403
    assert limited.patch(PROFILE, json={"warm_up_s": 5}).status_code == 403
