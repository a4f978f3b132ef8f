"""The pages of actions: asked, shown before it is done, done, and in the histories afterwards; maintenance windows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.api.test_actions import act, at, line, register, store

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

ASKED = {"kind": "swap", "device": "new", "old_device": "old", "at": at(5), "note": "fan  worn\r\nout", "from_site": "weir"}


def page(api: Api, path: str, status: int = 200) -> str:
    """Read a page as an engineer."""
    answer = api.of("engineer").get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def text_of(html: str) -> str:
    """Give what a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def two(plain_api: Api) -> Api:
    """Give an API with two sensors at two sites and readings of both."""
    register(plain_api, "old", "weir")
    register(plain_api, "new", "store")
    store(plain_api, "weir", 0, 9, 1.0)
    store(plain_api, "store", 3, 9, 2.0)
    return plain_api


def test_action_form_reviews_and_then_does_it(two: Api) -> None:
    """The form tells what will change and does nothing until it is confirmed; then the history has it."""
    assert "What did you do?" in page(two, "/actions/new?from_site=weir")
    assert 'value="old"' in page(two, "/actions/new?from_site=weir&kind=swap")

    review = two.of("engineer").post("/actions/new", data=ASKED)

    assert review.status_code == 200
    assert "new took the place of old at weir" in text_of(review.text)
    assert "5 stored readings move to the line of the site" in text_of(review.text)
    assert line(two, "weir") == dict.fromkeys(range(10), 1.0)
    done = two.of("engineer").post("/actions/new", data=ASKED | {"confirmed": "yes"})
    assert done.status_code == 303
    assert done.headers["location"].startswith("/sites/weir/history?done=")
    history = text_of(page(two, done.headers["location"]))
    assert "Done." in history
    assert "new took the place of old at weir fan worn out" in history
    assert "5 moved 5 kept aside" in history
    for uid in ("old", "new"):
        assert "new took the place of old at weir" in text_of(page(two, f"/devices/{uid}/history"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"device": ""}, "device"),
        ({"device": "nobody"}, "device"),
        ({"old_device": ""}, "old_device"),
        ({"old_device": "a/b"}, "old_device"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2199-01-01T00:00"}, "at"),
        ({"kind": "recall", "device": "old", "old_device": "", "at": "1990-01-01T00:00"}, ""),
        ({"kind": "move", "old_device": "", "site": "nowhere"}, "site"),
        ({"kind": "move", "old_device": "", "site": "weir"}, "channel"),
        ({"kind": "co-locate", "old_device": "", "site": "weir"}, "channel"),
        ({"kind": "install", "old_device": "", "site": "weir"}, "at"),
    ],
    ids=str,
)
def test_action_form_slip_is_told_at_its_field(two: Api, change: dict[str, str], field: str) -> None:
    """What cannot be is told on top with a link to the field, and what was typed stays."""
    answer = two.of("engineer").post("/actions/new", data=ASKED | change)

    if not field:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422, text_of(answer.text)
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert f'id="{field}-error"' in answer.text


def test_undo_page_tells_what_it_changes_and_undoes(two: Api) -> None:
    """An action is undone from the history, with a look before; what is not the last one says why it cannot be."""
    first = act(two, "swap", 5, device="new", old_device="old").json()["id"]
    last = act(two, "recall", 7, device="new").json()["id"]

    assert "Something was done to the device since" in text_of(page(two, f"/actions/{first}/undo", 409))
    assert "stored readings move" in text_of(page(two, f"/actions/{last}/undo"))
    assert two.of("engineer").post(f"/actions/{last}/undo").headers["location"] == "/devices/new/history#actions-heading"
    assert "Undone" in text_of(page(two, "/devices/new/history"))


def test_site_page_brings_marks_as_data_and_as_text(two: Api) -> None:
    """A swap is a mark of the charts: as data for the script, and as a sentence below for everyone."""
    act(two, "swap", 5, device="new", old_device="old", note="fan worn out")
    asked = "range=custom&from=2026-02-28T00:00&to=2026-03-02T00:00"

    shown = page(two, f"/sites/weir?{asked}")

    assert "&#34;label&#34;: &#34;Swap: new&#34;" in shown
    assert "Dashed line: new took the place of old at weir, 1 Mar 2026, 00:05:00 (fan worn out)." in text_of(shown)
    assert "Dashed line" not in page(two, "/sites/store?" + asked)


def test_maintenance_begins_and_ends_on_the_history_page(two: Api) -> None:
    """A window is begun and ended; an end before the start is told at its field."""
    client = two.of("engineer")
    wrong = client.post("/sites/weir/maintenance", data={"starts_at": "2026-03-01T10:00", "ends_at": "2026-03-01T09:00"})
    assert wrong.status_code == 422
    assert 'href="#ends_at"' in wrong.text

    begun = client.post("/sites/weir/maintenance", data={"starts_at": "2026-07-01T10:00", "note": "resurfacing"})

    assert begun.headers["location"] == "/sites/weir/history#maintenance-heading"
    [window] = two.get("/api/v1/maintenance", site="weir")["items"]
    assert (window["starts_at"], window["ends_at"], window["note"]) == ("2026-07-01T09:00:00Z", None, "resurfacing")
    client.post(f"/sites/weir/maintenance/{window['id']}/end")
    assert two.get("/api/v1/maintenance", site="weir")["items"][0]["ends_at"] is not None


def test_maintenance_windows_are_made_changed_and_taken_back(plain_api: Api) -> None:
    """Over the API: begun, found by site and time, ended, taken back; what cannot be is refused in words."""
    plain_api.post("/api/v1/sites", code="weir", name="Weir")
    made = plain_api.post("/api/v1/maintenance", site="weir", starts_at=at(0), ends_at=at(10), note="resurfacing")

    assert made.status_code == 201
    path = f"/api/v1/maintenance/{made.json()['id']}"
    assert plain_api.get("/api/v1/maintenance", at=at(5))["items"] == [made.json()]
    assert plain_api.get("/api/v1/maintenance", at=at(10))["items"] == []
    assert plain_api.post("/api/v1/maintenance", site="nowhere").status_code == 422
    assert plain_api.post("/api/v1/maintenance", site="weir", starts_at=at(5), ends_at=at(5)).status_code == 422
    engineer = plain_api.of("engineer")
    assert engineer.patch(path, json={"ends_at": None}).json()["ends_at"] is None
    assert engineer.patch(path, json={"ends_at": at(-5)}).status_code == 422
    assert engineer.delete(path).status_code == 204
    assert engineer.delete(path).status_code == 404
    assert plain_api.execute("SELECT action FROM audit_entry WHERE kind = 'maintenance_window' ORDER BY audit_id") == [
        ("added",),
        ("changed",),
        ("removed",),
    ]
