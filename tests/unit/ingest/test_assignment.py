"""What is planned for each ingest process: identities, forms of subscription, who drains."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.topics import SUBSCRIPTIONS, SUBSCRIPTIONS_OF
from ingest.assignment import Assignment, AssignmentError, Form, gone_sources, plan, worker_names
from ingest.settings import IngestSettings
from ingest.sources import SourceSettings


def _settings(**more: object) -> IngestSettings:
    return IngestSettings(database_url="postgresql://db", **more)  # type: ignore[arg-type]


def _source(name: str = "gullies") -> SourceSettings:
    return SourceSettings(name=name, url="mqtts://lns:8883", kind="things-stack", user="app", version="3.1.1")


def test_worker_names_go_on_from_the_client_id() -> None:
    """Worker 0 is the client id as it is, also where that has no number."""
    assert worker_names(_settings(workers=3)) == ["hedgerow-ingest-0", "hedgerow-ingest-1", "hedgerow-ingest-2"]
    assert worker_names(_settings(workers=2, mqtt_client_id="county")) == ["county", "county-1"]


def test_plan_of_one_worker_subscribes_plainly_and_leaves_the_share() -> None:
    """One worker alone needs no shared subscription; what it has of one from before it leaves."""
    (alone,) = plan(_settings())

    assert alone.form is Form.PLAIN
    assert alone.subscription.wanted == SUBSCRIPTIONS
    assert alone.subscription.unwanted == tuple(f"$share/hedgerow/{topic}" for topic in SUBSCRIPTIONS)


def test_plan_of_several_workers_shares_and_drains_the_retired_first() -> None:
    """Numbers beyond the wanted ones leave their share before the others begin; foreign names are nobody's business."""
    known = [
        "hedgerow-ingest-0",
        "hedgerow-ingest-10",
        "hedgerow-ingest-2",
        "hedgerow-ingest-02",
        "hedgerow-ingest-x",
        "other-7",
    ]
    planned = plan(_settings(workers=2), known=known)

    assert [(one.worker, one.form) for one in planned] == [
        ("hedgerow-ingest-2", Form.NONE),
        ("hedgerow-ingest-10", Form.NONE),
        ("hedgerow-ingest-0", Form.SHARED),
        ("hedgerow-ingest-1", Form.SHARED),
    ]
    assert planned[0].drains
    assert planned[0].subscription.wanted == ()
    assert set(planned[2].subscription.wanted) | set(SUBSCRIPTIONS) == set(planned[0].subscription.unwanted)
    assert planned[2].subscription.unwanted == SUBSCRIPTIONS


def test_plan_of_several_workers_over_mqtt_3_is_refused() -> None:
    """MQTT 3.1.1 has no shared subscriptions: every worker would store everything."""
    with pytest.raises(AssignmentError, match="MQTT 5"):
        plan(_settings(workers=2, mqtt_version="3.1.1"))
    with pytest.raises(AssignmentError, match="MQTT 5"):
        plan(_settings(live_first=True, mqtt_version="3.1.1"))


def test_plan_with_new_messages_first_takes_fresh_names_and_drains_all_others() -> None:
    """The names alternate; one worker alone shares too, so that old and new are dealt each message once."""
    settings = _settings(live_first=True)

    assert [(one.worker, one.form) for one in plan(settings)] == [("hedgerow-ingest-0", Form.SHARED)]
    assert [(one.worker, one.form) for one in plan(settings, known=["hedgerow-ingest-0"])] == [
        ("hedgerow-ingest-0", Form.NONE),
        ("hedgerow-ingest-1", Form.SHARED),
    ]
    two = plan(_settings(live_first=True, workers=2), known=["hedgerow-ingest-1", "hedgerow-ingest-3", "hedgerow-ingest-02"])
    assert [(one.worker, one.form) for one in two] == [
        ("hedgerow-ingest-1", Form.NONE),
        ("hedgerow-ingest-3", Form.NONE),
        ("hedgerow-ingest-0", Form.SHARED),
        ("hedgerow-ingest-2", Form.SHARED),
    ]


def test_plan_of_a_source_has_its_broker_and_identity() -> None:
    """A source's worker subscribes to what its kind publishes, plainly, and leaves nothing: its broker may know no shares."""
    main, source = plan(_settings(mqtt_user="me", mqtt_ca_file=Path("ca")), [_source()])

    assert main.subscription.wanted == SUBSCRIPTIONS
    assert source.worker == "hedgerow-source-gullies"
    assert source.subscription == (SUBSCRIPTIONS_OF["things-stack"], ())
    settings = source.settings
    assert (settings.mqtt_url, settings.mqtt_user, settings.mqtt_password) == ("mqtts://lns:8883", "app", "")
    assert (settings.mqtt_ca_file, settings.mqtt_version, settings.database_url) == (None, "3.1.1", "postgresql://db")


def test_gone_sources_are_those_in_no_file() -> None:
    """Only workers of sources count, and only those that are not wanted."""
    known = ["hedgerow-ingest-0", "hedgerow-source-gullies", "hedgerow-source-old"]

    assert gone_sources([_source()], known) == ["hedgerow-source-old"]


def test_assignment_written_down_and_read_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process does what it was told, whatever its environment says."""
    monkeypatch.setenv("HEDGEROW_MQTT_CLIENT_ID", "another")
    told = Assignment(_settings(mqtt_client_id="w", mqtt_ca_file=Path("ca")), ("a/+",), Form.SHARED, restarted=True)

    assert Assignment.from_json(told.to_json()) == told


def test_assignment_leaving_wants_nothing() -> None:
    """A worker that leaves its share keeps its identity."""
    left = plan(_settings(workers=2))[1].leaving()

    assert left.worker == "hedgerow-ingest-1"
    assert left.subscription.wanted == ()
