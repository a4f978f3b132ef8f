"""Retention in the API: administrators say how long what is kept, and it stands in the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

_ALL = {"domain": None, "metric": None, "keep_months": None}


def test_policies_at_first_readings_are_kept_for_ever_and_messages_for_30_days(plain_api: Api) -> None:
    """Without a word from anybody no reading goes, and everybody may see what does."""
    found = plain_api.of("viewer").get("/api/v1/retention").json()

    assert found["readings"] == [_ALL]
    days = {one["name"]: one["keep_days"] for one in found["tables"]}
    assert (days["uplink"], days["uplink_radio"], days["quarantine"], days["audit_entry"]) == (30, 30, 90, None)


def test_policies_an_administrator_sets_and_takes_away_are_in_the_audit(plain_api: Api) -> None:
    """Policies by metric, by domain and for all are set, changed and taken away; each change leaves its entry."""
    admin = plain_api.of("admin")
    for policy in ({"keep_months": 60}, {"domain": "traffic", "keep_months": 12}, {"metric": "pm2_5", "keep_months": 6}):
        admin.put("/api/v1/retention/readings", json=policy).raise_for_status()

    last = admin.put("/api/v1/retention/readings", json={"metric": "pm2_5", "keep_months": None}).json()
    kept = admin.request("DELETE", "/api/v1/retention/readings", params={"domain": "traffic"}).json()
    tables = admin.put("/api/v1/retention/tables/device_event", json={"keep_days": 100}).json()["tables"]

    assert [one["keep_months"] for one in last["readings"]] == [60, 12, None]
    assert kept["readings"] == [{**_ALL, "keep_months": 60}, {**_ALL, "metric": "pm2_5"}]
    assert [one["keep_days"] for one in tables if one["name"] == "device_event"] == [100]
    entries = plain_api.execute(
        "SELECT kind, key, action FROM audit_entry WHERE starts_with(kind, 'retention') ORDER BY audit_id"
    )
    told = [entry for entry in entries if entry[1:] != ("all readings", "added")]
    assert told[-6:] == [
        ("retention_policy", "all readings", "changed"),
        ("retention_policy", "domain traffic", "added"),
        ("retention_policy", "metric pm2_5", "added"),
        ("retention_policy", "metric pm2_5", "changed"),
        ("retention_policy", "domain traffic", "removed"),
        ("retention_table", "device_event", "changed"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("PUT", "readings", {"json": {"metric": "no_such_metric", "keep_months": 1}}, 422),
        ("PUT", "readings", {"json": {"metric": "pm2_5", "domain": "air", "keep_months": 1}}, 422),
        ("PUT", "readings", {"json": {"keep_months": 0}}, 422),
        ("PUT", "readings", {"json": {}}, 422),
        ("DELETE", "readings", {}, 404),
        ("DELETE", "readings", {"params": {"metric": "pm2_5"}}, 404),
        ("PUT", "tables/audit_entry", {"json": {"keep_days": 1}}, 404),
        ("PUT", "tables/reading", {"json": {"keep_days": 1}}, 404),
        ("PUT", "tables/device_event", {"json": {"keep_days": 0}}, 422),
    ],
)
def test_policies_that_cannot_be_are_refused(
    shared_api: Api, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    """Unknown names, both names at once, no time at all, and tables nobody may shorten: each is refused and changes nothing."""
    answer = shared_api.of("admin").request(method, f"/api/v1/retention/{path}", **sent)

    assert answer.status_code == status, answer.text
    assert shared_api.get("/api/v1/retention")["readings"] == [_ALL]


def test_storage_tables_are_told_with_their_partitions(api: Api) -> None:
    """An administrator sees every table, and readings as one with all their partitions."""
    api.execute("SELECT ensure_partition('reading', now())")
    api.execute("INSERT INTO reading VALUES (1, now(), 1, 0)")

    found = {one["name"]: one for one in api.of("admin").get("/api/v1/storage").json()}

    assert found["reading"]["partitions"] == 1
    assert found["reading"]["bytes"] > found["reading"]["index_bytes"] > 0
    assert found["reading"]["oldest"] < found["reading"]["newest"]
    assert found["site"]["partitions"] == 0
    assert [one["bytes"] for one in found.values()] == sorted((one["bytes"] for one in found.values()), reverse=True)
