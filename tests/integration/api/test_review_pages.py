"""The pages of review: told before it is done, done, listed, and undone; slips stand at their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.api.test_action_pages import text_of
from tests.integration.api.test_review import invalid, made, review, series_at, stored

if TYPE_CHECKING:
    from api.people import Role
    from tests.integration.api.conftest import Api

FORM = {"series": "1", "start": "2026-11-02T08:02", "end": "2026-11-02T08:05", "reason": "inlet  blocked"}


@pytest.fixture
def mill(plain_api: Api) -> Api:
    """Give an API with ten readings at one site, in the series 1."""
    assert series_at(plain_api, "mill") == 1
    return plain_api


def page(api: Api, path: str, role: Role = "engineer") -> str:
    """Read a page's text."""
    answer = api.of(role).get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_invalidation_form_tells_then_does_it_and_undoes_it(mill: Api) -> None:
    """Nothing happens until it is confirmed; the list has it, and undoing tells first too."""
    engineer = mill.of("engineer")
    assert "/sites/mill/review" in engineer.get("/sites/mill").text
    assert "Nothing has been taken out." in page(mill, "/sites/mill/review")
    assert "NO₂" in page(mill, "/sites/mill/review/invalidation")

    told = engineer.post("/sites/mill/review/invalidation", data=FORM)
    assert told.status_code == 200
    assert "NO₂ 3 3 0 3 13" in text_of(told.text)
    assert invalid(mill, 1) == []
    done = engineer.post("/sites/mill/review/invalidation", data=FORM | {"confirmed": "yes"})
    assert done.status_code == 303
    assert invalid(mill, 1) == [2, 3, 4]
    listed = page(mill, done.headers["location"])
    assert "Done." in listed
    assert "inlet blocked some engineer" in listed

    assert "3 readings count again." in page(mill, "/sites/mill/review/invalidation/1/undo")
    assert engineer.post("/sites/mill/review/invalidation/1/undo").status_code == 303
    assert invalid(mill, 1) == []
    assert engineer.post("/sites/mill/review/invalidation/1/undo").status_code == 409
    assert "Undone" in page(mill, "/sites/mill/review")


def test_adjustment_and_status_forms_are_the_managers(mill: Api) -> None:
    """An engineer sees neither button nor form; a manager adjusts, verifies and sets back."""
    manager = mill.of("manager")
    for kind in ("adjustment", "status"):
        assert f"/review/{kind}" not in mill.of("engineer").get("/sites/mill/review").text
        assert mill.of("engineer").get(f"/sites/mill/review/{kind}").status_code == 403
        assert mill.of("engineer").post(f"/sites/mill/review/{kind}", data=FORM).status_code == 403
        assert manager.get(f"/sites/mill/review/{kind}").status_code == 200

    adjusted = FORM | {"scale": "2", "offset": "-1.5", "confirmed": "yes"}
    assert manager.post("/sites/mill/review/adjustment", data=adjusted).status_code == 303
    assert [value for value, _ in stored(mill, 1)][1:6] == [11, 22.5, 24.5, 26.5, 15]
    verified = FORM | {"status": "verified", "confirmed": "yes"}
    assert manager.post("/sites/mill/review/status", data=verified).status_code == 303
    listed = page(mill, "/sites/mill/review", "manager")
    assert "value times 2.0 plus \N{MINUS SIGN}1.5" in listed
    assert "Verified inlet blocked" in listed
    assert mill.of("engineer").get("/sites/mill/review/adjustment/1/undo").status_code == 403
    assert manager.post("/sites/mill/review/adjustment/1/undo").status_code == 303


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("invalidation", {"series": []}, "series"),
        ("invalidation", {"series": "77"}, "series"),
        ("invalidation", {"series": [str(number) for number in range(1, 500)]}, "series"),
        ("invalidation", {"start": ""}, "start"),
        ("invalidation", {"end": "soon"}, "end"),
        ("invalidation", {"end": "2026-11-02T08:00"}, "end"),
        ("invalidation", {"reason": " "}, "reason"),
        ("invalidation", {"start": "2026-11-02T08:00"}, "start"),
        ("adjustment", {"scale": "much"}, "scale"),
        ("adjustment", {}, "scale"),
        ("adjustment", {"offset": "1", "end": "2199-01-01T00:00"}, "end"),
        ("status", {}, "status"),
        ("status", {"status": "ratified", "start": "2026-11-02T07:00"}, "start"),
    ],
)
def test_review_form_slip_is_told_at_its_field(shared_api: Api, kind: str, change: dict[str, Any], field: str) -> None:
    """What cannot be is told on top with a link to the field, and what was typed stays."""
    if not shared_api.execute("SELECT 1 FROM series"):
        series_at(shared_api, "mill")
        for status in ("verified", "ratified"):
            review(shared_api, "statuses", 1, 0, 1, status=status).raise_for_status()

    answer = shared_api.of("manager").post(f"/sites/mill/review/{kind}", data=FORM | change)

    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "/api/" not in text_of(answer.text)
    assert f'id="{field}-error"' in answer.text
    assert 'value="2026-11-02T08:02"' in answer.text or "start" in change


def test_undo_page_of_a_closed_range_says_why_not(mill: Api) -> None:
    """Instead of a button it says what to do; an id of another site is not there."""
    number = made(review(mill, "invalidations", 1, 0, 3))
    for status in ("verified", "ratified"):
        review(mill, "statuses", 1, 0, 1, status=status).raise_for_status()

    answer = mill.of("engineer").get(f"/sites/mill/review/invalidation/{number}/undo")

    assert answer.status_code == 409
    assert "a manager sets the range back" in text_of(answer.text)
    assert "Undo it" not in answer.text
    series_at(mill, "weir")
    assert mill.of("engineer").get(f"/sites/weir/review/invalidation/{number}/undo").status_code == 404


def test_review_lists_of_many_tell_that_there_are_more(mill: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older ones are a link away; a range that the API set to the second is filled into the form to the second."""
    monkeypatch.setattr("api.pages.review._MOST", 1)
    for first in (0, 4):
        times: dict[str, Any] = {"from": f"2026-11-02T08:0{first}:30Z", "to": f"2026-11-02T08:0{first + 1}:00Z"}
        review(mill, "statuses", 1, 0, 1, status="verified", **times).raise_for_status()

    last = mill.of("manager").get("/sites/mill/review").text
    older = page(mill, "/sites/mill/review?statuses=2", "manager")

    assert "start=2026-11-02T08%3A04%3A30" in last
    assert "08%3A00%3A30" not in last
    assert 'href="/sites/mill/review?statuses=2#statuses-heading"' in last
    assert "What is not listed, here or among older and later ones, is provisional." in text_of(last)
    assert "Show older ones" not in older
    assert "Show the last ones" in older
