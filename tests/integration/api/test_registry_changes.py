"""Registrations that a telephone sends twice, and what may be mended about sites and devices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

SENSOR: dict[str, Any] = {"uid": "0011223344556677", "name": "High Street", "latitude": 50.7156, "longitude": -2.4366}
ASKED: dict[str, Any] = SENSOR | {
    "request_id": "6f2c2a52-6a0e-4b0e-9f39-7f6b2d9f3c11",
    "position_accuracy_m": 4.5,
    "serial": "A-2231",
    "note": "on the lamp post",
    "installed_at": "2026-01-01T00:00:00Z",
}


def patch(api: Api, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    """Change something as an engineer."""
    return api.of("engineer").patch(path, json=content)


def test_register_with_request_id_keeps_all_that_is_said(plain_api: Api) -> None:
    """Serial number, note and the accuracy of the position are kept and shown."""
    made = plain_api.post("/api/v1/devices", **ASKED)

    assert made.status_code == 201
    assert ASKED.items() - made.json().items() == {("request_id", ASKED["request_id"])}
    assert plain_api.get("/api/v1/sites/high-street")["position_accuracy_m"] == 4.5


def test_register_same_request_sent_again_after_changes_is_done_already(plain_api: Api) -> None:
    """A telephone whose answer was lost sends again: 200, even where somebody has mended the name meanwhile."""
    plain_api.post("/api/v1/devices", **ASKED)
    patch(plain_api, "/api/v1/devices/0011223344556677", name="Low Street", serial="B-1")

    again = plain_api.post("/api/v1/devices", **ASKED)

    assert again.status_code == 200
    assert again.json()["name"] == "Low Street"


def test_register_same_request_id_with_other_content_is_a_conflict(plain_api: Api) -> None:
    """One id stands for one content: another uid or another note under it is refused, and told where."""
    plain_api.post("/api/v1/devices", **ASKED)

    for change in ({"uid": "other"}, {"note": "on the wall"}, {"position_accuracy_m": None}):
        answer = plain_api.post("/api/v1/devices", **ASKED | change)
        assert answer.status_code == 409, change
        assert answer.json()["errors"][0]["where"] == "body.request_id"
    assert plain_api.execute("SELECT uid FROM device") == [("0011223344556677",)]
    assert plain_api.execute("SELECT count(*) FROM site") == [(1,)]


def test_register_at_once_the_same_request_is_carried_out_once(api: Api) -> None:
    """Eight telephones' tries at the same time make one device; those that say something else lose."""
    contents = [ASKED, ASKED | {"uid": "other"}] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda content: api.post("/api/v1/devices", **content), contents))

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [201] + [409] * 4
    assert api.execute("SELECT count(*) FROM device") == [(1,)]


def test_sites_changed_keep_what_is_not_named(plain_api: Api) -> None:
    """What is named is changed, null takes away, the rest stays, and the audit says who did it."""
    plain_api.post("/api/v1/sites", code="weir", name="Weir", latitude=1.5, longitude=2.5, note="key at the mill", usrn=7)

    changed = patch(plain_api, "/api/v1/sites/weir", name="The weir", uprn=100040228000, usrn=None)

    assert changed.status_code == 200
    assert changed.json() == plain_api.get("/api/v1/sites/weir")
    kept = {field: changed.json()[field] for field in ("name", "uprn", "usrn", "latitude", "note")}
    assert kept == {"name": "The weir", "uprn": 100040228000, "usrn": None, "latitude": 1.5, "note": "key at the mill"}
    entries = plain_api.execute("SELECT person, action FROM audit_entry WHERE kind = 'site' ORDER BY audit_id")
    assert entries == [("some engineer", "added"), ("some engineer", "changed")]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/api/v1/sites/weir", {"latitude": None}, 422),
        ("/api/v1/sites/weir", {"name": None}, 422),
        ("/api/v1/sites/weir", {"uprn": 0}, 422),
        ("/api/v1/sites/weir", {"code": "mill"}, 422),
        ("/api/v1/sites/nowhere", {"name": "Nowhere"}, 404),
        ("/api/v1/devices/0011223344556677", {"profile": "none-such"}, 422),
        ("/api/v1/devices/0011223344556677", {"uid": "other"}, 422),
        ("/api/v1/devices/nobody", {"name": "Nobody"}, 404),
    ],
    ids=str,
)
def test_changes_that_cannot_be_are_refused(shared_api: Api, path: str, content: dict[str, Any], status: int) -> None:
    """Half a position, a name taken away, an unknown profile or place: refused, nothing changed."""
    shared_api.post("/api/v1/sites", code="weir", name="Weir", latitude=1.5, longitude=2.5)
    shared_api.post("/api/v1/devices", **SENSOR)

    assert patch(shared_api, path, **content).status_code == status
    assert shared_api.execute("SELECT count(*) FROM audit_entry WHERE action = 'changed'") == [(0,)]


def test_devices_changed_keep_what_is_not_named(plain_api: Api) -> None:
    """A device gets another name and profile; serial and note stay."""
    plain_api.post("/api/v1/devices", **ASKED)

    changed = patch(plain_api, "/api/v1/devices/00-11-22-33-44-55-66-77", name="Low Street", profile="historical")

    assert changed.status_code == 200
    told = {field: changed.json()[field] for field in ("name", "profile", "serial", "note", "site")}
    assert told == {
        "name": "Low Street",
        "profile": "historical",
        "serial": "A-2231",
        "note": "on the lamp post",
        "site": "high-street",
    }
