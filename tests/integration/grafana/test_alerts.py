"""Every alert rule on the real database and API: no alarm in a quiet county, an alarm when its fault is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

import httpx
import psycopg
import pytest

from api.people import add_api_key, add_person
from grafana.alerts import ALARMS
from grafana.ask import Sources
from grafana.evaluate import evaluate
from grafana.provisioned import read_provisioned
from tests.servers.console import running_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.databases import Databases

RULES = {rule["uid"].removeprefix("hedgerow-"): rule for rule in read_provisioned().rules}
WORKER: LiteralString = (
    "INSERT INTO ingest_status (worker, connected, updated_at, messages, sessions_lost, broker_dropped, lag_ms)"
    " VALUES ('one', true, now() - interval '2 minutes', 1000, 3, 7, 20)"
)
QUIET: tuple[LiteralString, ...] = (
    "UPDATE ingest_status SET updated_at = now(), messages = messages + 500, lag_ms = 30, stored_until = now()",
    "INSERT INTO ingest_status (worker, state, updated_at) VALUES ('gone', 'retired', now() - interval '1 year')",
    (
        "INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail)"
        " SELECT now(), n, 0, 'x', '', 'not_json', '' FROM generate_series(1, 8) n"
    ),
    "INSERT INTO site (code, name) VALUES ('here', 'Here')",
)
FAULTS: dict[str, LiteralString] = {
    "ingest-stalled": "UPDATE ingest_status SET connected = false WHERE worker = 'one'",
    "ingest-behind": "UPDATE ingest_status SET lag_ms = 70000, messages = messages + 1, updated_at = now() + interval '1 ms'"
    " WHERE worker = 'one'",
    "broker-dropping": "UPDATE ingest_status SET broker_dropped = 8, updated_at = now() + interval '1 ms' WHERE worker = 'one'",
    "session-lost": "UPDATE ingest_status SET sessions_lost = 4, updated_at = now() + interval '1 ms' WHERE worker = 'one'",
    "quarantine": "INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail)"
    " SELECT now(), n, 1, 'x', '', 'not_json', '' FROM generate_series(1, 8) n",
    "sites-offline": "WITH v AS (INSERT INTO device (uid, name, profile_id) SELECT 'a', 'A', min(profile_id)"
    " FROM device_profile RETURNING device_id), d AS (INSERT INTO deployment (device_id, site_id, during)"
    " SELECT device_id, site_id, tstzrange(now() - interval '9 days', NULL) FROM v, site)"
    " INSERT INTO device_state (device_id, state, since, expected_interval_s)"
    " SELECT device_id, 'offline', now() - interval '2 days', 300 FROM v",
}


@pytest.fixture(scope="module")
def county(timescale_databases: Databases) -> Iterator[tuple[str, str, str]]:
    """Give the database and the API of a quiet county, and a viewer's key."""
    with timescale_databases.migrated() as url, running_console(url, filled=False) as console:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (WORKER, *QUIET):
                connection.execute(statement)
            key = add_api_key(connection, add_person(connection, "grafana", "viewer"), "test")
        yield url, console.url, key


@pytest.fixture
def sources(county: tuple[str, str, str]) -> Iterator[Sources]:
    """Give both ways, the database inside a transaction of which nothing stays."""
    url, api_url, key = county
    headers = {"Authorization": f"Bearer {key}"}
    with (
        psycopg.connect(url) as connection,
        httpx.Client(base_url=api_url, headers=headers, trust_env=False) as api,
    ):
        # It has just spoken, however long the tests before took.
        connection.execute("UPDATE ingest_status SET updated_at = now(), stored_until = now() WHERE worker = 'one'")
        yield Sources(connection, api)
        connection.rollback()


@pytest.mark.parametrize("name", RULES)
def test_alert_rule_in_a_quiet_county_is_no_alarm(sources: Sources, name: str) -> None:
    """A connected worker, a retired one, a handful of quarantined messages, a site nobody is at: nothing of it is an alarm."""
    assert evaluate(RULES[name], sources) == "Normal"


@pytest.mark.parametrize("name", FAULTS)
def test_alert_rule_whose_fault_is_there_is_an_alarm_and_no_other(sources: Sources, name: str) -> None:
    """The rows of one fault raise one alarm."""
    sources.database.execute(FAULTS[name])
    assert {one for one, rule in RULES.items() if evaluate(rule, sources) == "Alerting"} == {name}


def test_alert_rule_of_ingest_is_an_alarm_where_nobody_speaks(sources: Sources) -> None:
    """A worker that has hung, and a county without any, are as bad as one without a broker."""
    sources.database.execute("UPDATE ingest_status SET updated_at = now() - interval '61 s' WHERE worker = 'one'")
    assert evaluate(RULES["ingest-stalled"], sources) == "Alerting"
    sources.database.execute("DELETE FROM ingest_status WHERE state <> 'retired'")
    assert evaluate(RULES["ingest-stalled"], sources) == "Alerting"


@pytest.mark.parametrize(("waiting_min", "raised"), [(2, {"ingest-behind"}), (6, {"ingest-behind", "ingest-stalled"})])
def test_alert_rules_of_ingest_see_a_writer_that_stands_still(sources: Sources, waiting_min: int, raised: set[str]) -> None:
    """The worker speaks and has its broker, its last batch was quick: what waits behind it is seen all the same."""
    stands = "UPDATE ingest_status SET stored_until = updated_at - %s * interval '1 minute' WHERE worker = 'one'"
    sources.database.execute(stands, (waiting_min,))
    assert {one for one, rule in RULES.items() if evaluate(rule, sources) == "Alerting"} == raised


def test_alert_rule_of_the_quarantine_is_patient_with_few_messages(sources: Sources) -> None:
    """In a night without messages a handful that cannot be read is no alarm, whatever share it is."""
    sources.database.execute("UPDATE ingest_minute SET messages = 1")
    assert evaluate(RULES["quarantine"], sources) == "Normal"


def test_alert_rule_of_the_size_counts_the_database(sources: Sources) -> None:
    """The limit is in gigabytes of what the database takes, the rest of it too."""
    (row,) = sources.ask_database(RULES["storage"]["data"][0]["model"]["rawSql"]).rows
    found = sources.database.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found is not None
    assert row[1] == pytest.approx(found[0] / 1e9, rel=0.01)
    rule = RULES["storage"]
    low = {**rule, "data": [*rule["data"][:2], spoilt_limit(rule["data"][2], row[1] / 2)]}
    assert evaluate(low, sources) == "Alerting"


def spoilt_limit(step: dict[str, object], limit: float) -> dict[str, object]:
    """Give the threshold with another limit."""
    return {
        **step,
        "model": {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": "gt", "params": [limit]}}]},
    }


def test_alert_rules_without_a_database_raise_one_alarm(county: tuple[str, str, str]) -> None:
    """One fault, one alarm: the others keep the state they had."""
    connection = psycopg.connect(county[0])
    connection.close()
    with httpx.Client(base_url=county[1], headers={"Authorization": f"Bearer {county[2]}"}, trust_env=False) as api:
        states = {name: evaluate(rule, Sources(connection, api)) for name, rule in RULES.items()}
    assert [name for name, state in states.items() if state == "Alerting"] == ["ingest-stalled"]
    assert set(states.values()) == {"Alerting", "KeepLast", "Normal"}
    assert states["api-down"] == "Normal"


@pytest.mark.parametrize("port", ["1", "key"])
def test_alert_rule_of_the_api_is_an_alarm_where_it_does_not_answer(county: tuple[str, str, str], port: str) -> None:
    """Nobody there, or a key it does not take: either way people who watch see nothing."""
    url = "http://127.0.0.1:1" if port == "1" else county[1]
    with (
        psycopg.connect(county[0]) as connection,
        httpx.Client(base_url=url, headers={"Authorization": "Bearer wrong"}, trust_env=False) as api,
    ):
        assert evaluate(RULES["api-down"], Sources(connection, api)) == "Alerting"


def test_alert_rules_all_have_a_fault_here() -> None:
    """Whoever adds a rule shows that it fires."""
    named = {alarm.uid.removeprefix("hedgerow-") for alarm in ALARMS}
    assert named == {*FAULTS, "storage", "api-down"} == set(RULES)
