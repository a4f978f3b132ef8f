"""Quarantine and errands over HTTP: reading, trying again, asking for replays and redecodes, setting aside for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devices.digest import digest_of

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

TOPIC = "hedgerow/v1/q1/up"
LAYOUT = '[[field]]\nmetric = "temperature"\nat = 0\ntype = "u8"\n'


def aside(api: Api, payload: bytes, reason: str = "not_json", *, topic: str = TOPIC, device: str | None = "q1") -> int:
    """Put a message into quarantine as ingest does; gives its id."""
    [(number,)] = api.execute(
        "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
        " VALUES (clock_timestamp(), %s, 0, %s, %s, %s, %s, 'why') RETURNING quarantine_id",
        digest_of(topic, payload),
        device,
        topic,
        payload,
        reason,
    )
    return int(number)


@pytest.fixture
def api(plain_api: Api) -> Api:
    """Give an API with the device q1."""
    made = plain_api.post("/api/v1/devices", uid="q1", name="Q1", latitude=50.7, longitude=-2.4)
    assert made.status_code == 201, made.text
    return plain_api


def test_quarantine_row_tells_payload_and_is_found_by_time_and_state(api: Api) -> None:
    """One row has its payload; a filter by state and time finds what fits."""
    text, binary = aside(api, b"{"), aside(api, b"\x01\xff")

    assert api.get(f"/api/v1/quarantine/{text}")["payload"] == "{"
    assert api.get(f"/api/v1/quarantine/{binary}")["payload_base64"] == "Af8="
    api.execute("UPDATE quarantine SET replayed_at = now() WHERE quarantine_id = %s", text)
    for state, found in (("waiting", [binary]), ("replayed", [text]), ("dismissed", [])):
        assert [one["id"] for one in api.get("/api/v1/quarantine", state=state)["items"]] == found
    assert api.get("/api/v1/quarantine", **{"from": "2990-01-01"})["items"] == []
    assert api.of("viewer").get("/api/v1/quarantine/999").status_code == 404


def test_quarantine_row_tried_again_tells_what_a_replay_would_give(api: Api) -> None:
    """What is decoded now, with flags; what is refused still; and what would be held. Nothing changes."""
    good = aside(api, b'[{"n":"temperature","v":99,"u":"Cel"},{"n":"bats","v":1}]', "metric_unknown")
    bad = aside(api, b"{")
    new = aside(api, b'{"temperature": 1}', topic="hedgerow/v1/q9/up", device=None)

    def tried(number: int) -> dict[str, Any]:
        answer = api.post(f"/api/v1/quarantine/{number}/decode")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first = tried(good)
    [reading] = first["readings"]
    assert (reading["metric"], reading["value"], reading["unit"], reading["device"]) == ("air_temperature", 99.0, "°C", "q1")
    assert reading["doubts"] == ["outside the range that is possible for this metric"]
    assert [(one["reason"], one["detail"]) for one in first["refused"]] == [("metric_unknown", "'bats'")]
    assert [one["reason"] for one in tried(bad)["refused"]] == ["not_json"]
    assert (tried(new)["readings"], tried(new)["held"]) == ([], ["q9"])
    assert api.execute("SELECT count(*) FROM reading") == [(0,)]


def test_quarantine_row_of_a_device_at_no_site_would_be_refused(api: Api) -> None:
    """A trial of a message looks for the site, as the path does."""
    number = aside(api, b'{"temperature": 1}')
    api.execute("DELETE FROM deployment")

    assert [one["reason"] for one in api.post(f"/api/v1/quarantine/{number}/decode").json()["refused"]] == ["not_deployed"]


def test_quarantine_set_aside_for_good_waits_no_more_and_can_be_taken_back(api: Api) -> None:
    """It is counted apart, it is audited with its note, and it waits again when that is asked for."""
    one, other = aside(api, b"{"), aside(api, b"[")
    assert api.post("/api/v1/quarantine/dismissals", id=one, note="").status_code == 422
    done = api.post("/api/v1/quarantine/dismissals", id=one, note="a test of the supplier's")

    assert done.json() == {"count": 1}
    assert [(row["count"], row["waiting"]) for row in api.get("/api/v1/quarantine/reasons")["items"]] == [(2, 1)]
    row = api.get(f"/api/v1/quarantine/{one}")
    assert (row["dismissed_by"], row["dismissed_note"]) == ("some engineer", "a test of the supplier's")
    audited = api.execute("SELECT person, note, key, after ->> 'dismissed_by' FROM audit_entry WHERE kind = 'quarantine'")
    assert audited == [("some engineer", "a test of the supplier's", str(one), "some engineer")]
    engineer = api.of("engineer")
    assert engineer.delete(f"/api/v1/quarantine/dismissals/{one}").json()["dismissed_at"] is None
    assert engineer.delete(f"/api/v1/quarantine/dismissals/{one}").status_code == 409
    assert api.post("/api/v1/quarantine/dismissals", reason="not_json", note="all").json() == {"count": 2}
    assert api.get(f"/api/v1/quarantine/{other}")["dismissed_note"] == "all"


def test_replay_asked_for_waits_for_ingest(api: Api) -> None:
    """An engineer asks by row or by filter, for what there is by now; a viewer may look."""
    number = aside(api, b"{")
    asked = api.post("/api/v1/quarantine/replays", reason="not_json", note="mended")

    assert asked.status_code == 202, asked.text
    told = api.get(asked.headers["Location"])
    assert (told["state"], told["reason"], told["requested_by"], told["before"]) == (
        "requested",
        "not_json",
        "some engineer",
        0,
    )
    assert api.execute("SELECT newest FROM errand") == [(number,)]
    assert [one["id"] for one in api.get("/api/v1/quarantine/replays")["items"]] == [told["id"]]
    assert api.post("/api/v1/quarantine/replays", id=number + 7).status_code == 422
    assert api.of("viewer").post("/api/v1/quarantine/replays", json={}).status_code == 403
    assert api.execute("SELECT person, note FROM audit_entry WHERE kind = 'errand'") == [("some engineer", "mended")]


def test_redecode_is_asked_for_by_managers(api: Api) -> None:
    """A range of a profile is asked for, waits its turn, and is found again; nonsense is refused."""
    manager = api.of("manager")
    asked = {"profile": "generic", "from": "2026-11-01", "to": "2026-11-02", "dry_run": True}
    made = [manager.post("/api/v1/redecodes", json=asked | more) for more in ({}, {"device": "Q1", "remove": True})]

    assert [one.status_code for one in made] == [202, 202]
    assert [one["before"] for one in api.get("/api/v1/redecodes", profile="generic")["items"]] == [1, 0]
    told = api.get(made[1].headers["Location"])
    assert (told["device"], told["remove"], told["dry_run"], told["from"]) == ("q1", True, True, "2026-11-01T00:00:00Z")
    assert manager.post("/api/v1/redecodes", json=asked | {"profile": "none"}).status_code == 404
    assert manager.post("/api/v1/redecodes", json=asked | {"to": "2026-10-01"}).status_code == 422
    assert api.of("engineer").post("/api/v1/redecodes", json=asked).status_code == 403


def test_profile_versions_and_clones(api: Api) -> None:
    """Each change of what decodes makes a version; the one that is changed may be named; a clone begins at 1."""
    manager = api.of("manager")
    made = manager.post("/api/v1/profiles", json={"key": "v", "name": "V", "codec": "layout", "definition": LAYOUT})
    assert made.json()["version"] == 1
    assert manager.patch("/api/v1/profiles/v", json={"name": "W", "accuracy_class": "reference"}).json()["version"] == 1
    mended = LAYOUT.replace("u8", "i8")
    assert manager.patch("/api/v1/profiles/v", json={"definition": mended, "version": 1}).json()["version"] == 2
    assert manager.patch("/api/v1/profiles/v", json={"name": "X", "version": 1}).status_code == 409

    versions = api.get("/api/v1/profiles/v/versions")["items"]
    assert [(one["version"], one["definition"], one["until_at"] is None) for one in versions] == [
        (2, mended, True),
        (1, LAYOUT, False),
    ]
    clone = manager.post("/api/v1/profiles/v/clone", json={"key": "c", "name": "C"})
    assert clone.status_code == 201, clone.text
    assert (clone.json()["version"], clone.json()["definition"], clone.json()["accuracy_class"]) == (1, mended, "reference")
    assert manager.post("/api/v1/profiles/v/clone", json={"key": "c", "name": "D"}).status_code == 409


def test_replay_asked_for_by_someone_limited_names_a_device_of_theirs(api: Api) -> None:
    """Ingest is limited by nothing, so who is limited may ask for no more than what is theirs."""
    number = aside(api, b"{")
    engineer = api.of("engineer")
    api.execute("UPDATE principal SET is_limited = true WHERE name = 'some engineer'")
    api.execute("UPDATE site SET made_by = NULL")
    api.execute("UPDATE device SET made_by = NULL")
    for asked in ({}, {"device": "q1"}, {"id": number}):
        answer = engineer.post("/api/v1/quarantine/replays", json=asked)
        assert answer.status_code == 422, answer.text
    assert api.execute("SELECT count(*) FROM errand") == [(0,)]

    api.execute("INSERT INTO area (code, name) VALUES ('west', 'West')")
    api.execute("INSERT INTO area_site SELECT area_id, site_id FROM area, site")
    api.execute(
        "INSERT INTO principal_area SELECT p.principal_id, a.area_id FROM principal p, area a WHERE p.name = 'some engineer'"
    )
    assert engineer.post("/api/v1/quarantine/replays", json={}).status_code == 422
    for asked in ({"device": "q1"}, {"id": number}):
        assert engineer.post("/api/v1/quarantine/replays", json=asked).status_code == 202
