"""Accounts, keys and the audit through the API and its pages: who comes in, as what, and what is written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from api.people import SESSION_COOKIE, csrf_token
from api.people.throttle import MOST_OF_A_NAME

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

_OWN = "three random words do"


def browser_of(api: Api, name: str, password: str) -> tuple[httpx.Client, httpx.Response]:
    """Sign in with the form of the login page; give the browser and the answer."""
    browser = api.client(Accept="text/html")
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.get("/login").text)
    assert csrf is not None
    return browser, browser.post("/login", data={"user": name, "password": password, "csrf": csrf[1], "next": "/"})


def send(browser: httpx.Client, path: str, **fields: Any) -> httpx.Response:  # noqa: ANN401 - form fields
    """Send a form of a page."""
    return browser.post(path, data={"csrf": csrf_token(browser.cookies[SESSION_COOKIE]), **fields})


def make_person(api: Api, name: str, role: str = "viewer") -> dict[str, Any]:
    """Make a person known as an administrator does."""
    answer = api.of("admin").post("/api/v1/people", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def settle(api: Api, name: str, role: str = "viewer") -> tuple[httpx.Client, dict[str, Any]]:
    """Make a person, sign in, and choose a password of one's own; give the browser."""
    made = make_person(api, name, role)
    browser, _ = browser_of(api, name, made["one_time_password"])
    answer = send(browser, "/account/password", old=made["one_time_password"], new=_OWN, again=_OWN)
    assert answer.headers["location"] == "/account?done=password", answer.text
    return browser, made


def test_one_time_password_must_be_changed_before_anything_else(plain_api: Api) -> None:
    """Whoever comes in with it gets to their account and nowhere else, until they have chosen their own."""
    made = make_person(plain_api, "kim")
    once = made["one_time_password"]
    assert len(once) >= 20
    browser, answer = browser_of(plain_api, "kim", once)
    assert answer.status_code == 303

    assert browser.get("/").headers["location"] == "/account"
    assert browser.get("/api/v1/sites").status_code == 403
    assert "Choose a password of your own" in browser.get("/account").text
    for old, new, again, told in (
        ("wrong", _OWN, _OWN, "This is not your present password"),
        (once, "short", "short", "12 characters or more"),
        (once, _OWN, "another", "the same new password twice"),
        (once, "kim kim kim kim", "kim kim kim kim", "harder to guess"),
        (once, once, once, "must differ"),
    ):
        answer = send(browser, "/account/password", old=old, new=new, again=again)
        assert (answer.status_code, told in answer.text) == (422, True), told
    assert send(browser, "/account/password", old=once, new=_OWN, again=_OWN).status_code == 303

    assert browser.get("/").status_code == 200
    assert browser_of(plain_api, "kim", once)[1].status_code == 422
    assert browser_of(plain_api, "kim", _OWN)[1].status_code == 303


def test_disabled_and_reset_end_sessions_and_keys_at_once(plain_api: Api) -> None:
    """Whoever is kept out is out with the next request, by session and by key; a reset ends sessions too."""
    browser, made = settle(plain_api, "kim")
    key = browser.post(
        "/api/v1/keys", json={"label": "test"}, headers={"X-CSRF-Token": csrf_token(browser.cookies[SESSION_COOKIE])}
    ).json()["key"]
    program = plain_api.client(Authorization=f"Bearer {key}")
    assert program.get("/api/v1/sites").status_code == 200
    address = f"/api/v1/people/{made['id']}"

    assert plain_api.of("admin").patch(address, json={"disabled": True}).json()["disabled"]

    assert browser.get("/api/v1/sites").status_code == 401
    assert program.get("/api/v1/sites").status_code == 401
    assert browser_of(plain_api, "kim", _OWN)[1].status_code == 422
    plain_api.of("admin").patch(address, json={"disabled": False}).raise_for_status()
    assert program.get("/api/v1/sites").status_code == 200
    browser, _ = browser_of(plain_api, "kim", _OWN)
    once = plain_api.of("admin").post(f"{address}/password").json()["one_time_password"]
    assert browser.get("/api/v1/sites").status_code == 401
    assert browser_of(plain_api, "kim", once)[1].status_code == 303


def test_last_administrator_stays_one(plain_api: Api) -> None:
    """Neither role nor account of the only administrator can be taken away, by whichever way."""
    admin = plain_api.of("admin")
    [(admin_id,)] = plain_api.execute("SELECT principal_id FROM principal WHERE role = 'admin'")
    for change in ({"role": "viewer"}, {"disabled": True}):
        answer = admin.patch(f"/api/v1/people/{admin_id}", json=change)
        assert answer.status_code == 409, answer.text
        assert "only administrator" in answer.json()["detail"]
    with pytest.raises(psycopg.errors.DatabaseError, match="last administrator"):
        plain_api.execute("DELETE FROM principal WHERE principal_id = %s", admin_id)

    make_person(plain_api, "jo", "admin")

    assert admin.patch(f"/api/v1/people/{admin_id}", json={"role": "viewer"}).status_code == 200


@pytest.mark.parametrize(("scope", "role"), [("read", "viewer"), ("write", "manager"), ("admin", "admin")])
def test_scope_of_a_key_narrows_its_owners_role(plain_api: Api, scope: str, role: str) -> None:
    """A key does what its scope says and no more; a narrow one makes no keys at all, so it cannot widen itself."""
    owner = plain_api.of("admin")
    made = owner.post("/api/v1/keys", json={"label": "narrow", "scope": scope, "days": 30})
    assert made.status_code == 201, made.text
    program = plain_api.client(Authorization=f"Bearer {made.json()['key']}")

    site = program.post("/api/v1/sites", json={"name": "Test"})
    assert site.status_code == (403 if role == "viewer" else 201)
    assert program.get("/api/v1/people").status_code == (200 if role == "admin" else 403)
    assert program.get("/api/v1/areas").status_code == (403 if role == "viewer" else 200)
    wider = program.post("/api/v1/keys", json={"label": "wider", "scope": "admin"})
    assert wider.status_code == (201 if scope == "admin" else 403)
    revoked = program.delete(f"/api/v1/keys/{made.json()['id']}")
    assert revoked.status_code == (204 if scope == "admin" else 403)


def test_key_is_shown_once_and_known_by_its_beginning(plain_api: Api) -> None:
    """Lists show how a key begins, when it was last used to the minute, and never its secret; others' keys are not there."""
    made = plain_api.of("viewer").post("/api/v1/keys", json={"label": "sheet"}).json()
    key, prefix = made["key"], made["prefix"]
    assert key.startswith(prefix)
    assert len(prefix) < 12
    plain_api.client(Authorization=f"Bearer {key}").get("/api/v1/sites").raise_for_status()

    listed = plain_api.of("viewer").get("/api/v1/keys")
    assert key not in listed.text
    found = {item["label"]: item for item in listed.json()["items"]}["sheet"]
    assert (found["scope"], found["last_used_at"] is not None) == ("read", True)
    [(before,)] = plain_api.execute("SELECT last_used_at FROM api_key WHERE label = 'sheet'")
    plain_api.client(Authorization=f"Bearer {key}").get("/api/v1/sites").raise_for_status()
    assert plain_api.execute("SELECT last_used_at FROM api_key WHERE label = 'sheet'") == [(before,)]
    assert plain_api.of("engineer").delete(f"/api/v1/keys/{made['id']}").status_code == 404
    assert plain_api.of("engineer").get("/api/v1/keys?owner=some viewer").status_code == 403
    assert plain_api.of("viewer").delete(f"/api/v1/keys/{made['id']}").status_code == 204
    assert plain_api.client(Authorization=f"Bearer {key}").get("/api/v1/sites").status_code == 401


def test_service_has_keys_and_no_password(plain_api: Api) -> None:
    """An administrator makes services and their keys; a person's keys only that person makes."""
    admin = plain_api.of("admin")
    made = admin.post("/api/v1/people", json={"name": "grafana", "kind": "service"}).json()
    assert (made["one_time_password"], made["role"]) == (None, "viewer")
    key = admin.post("/api/v1/keys", json={"label": "dashboards", "owner": "grafana"}).json()
    assert plain_api.client(Authorization=f"Bearer {key['key']}").get("/api/v1/sites").status_code == 200

    assert admin.post(f"/api/v1/people/{made['id']}/password").status_code == 422
    make_person(plain_api, "kim")
    assert admin.post("/api/v1/keys", json={"label": "kim's", "owner": "kim"}).status_code == 422
    assert admin.post("/api/v1/people", json={"name": "robot", "kind": "service", "role": "admin"}).status_code == 422


def test_login_is_slowed_down_for_those_who_guess(plain_api: Api) -> None:
    """After ten failures the name must rest, even with the right password, and the page says how long."""
    make_person(plain_api, "kim")
    once = (
        plain_api.of("admin").post(f"/api/v1/people/{make_person(plain_api, 'jo')['id']}/password").json()["one_time_password"]
    )
    for _ in range(MOST_OF_A_NAME):
        assert browser_of(plain_api, "jo", "wrong")[1].status_code == 422

    _, answer = browser_of(plain_api, "jo", once)

    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text


def test_present_password_guessed_in_an_open_session_is_slowed_down_and_written_down(plain_api: Api) -> None:
    """Whoever finds a session open gets no more tries at the present password than at the login; the person still comes in."""
    once = make_person(plain_api, "jo")["one_time_password"]
    browser, _ = browser_of(plain_api, "jo", once)
    for _ in range(MOST_OF_A_NAME):
        assert send(browser, "/account/password", old="wrong", new=_OWN, again=_OWN).status_code == 422

    answer = send(browser, "/account/password", old=once, new=_OWN, again=_OWN)

    assert "Wait 15 minutes" in answer.text
    entries = plain_api.of("admin").get("/api/v1/audit?kind=login").json()["items"]
    refused = [entry for entry in entries if entry["action"] == "refused"]
    assert len(refused) == MOST_OF_A_NAME
    assert all("present password" in entry["note"] for entry in refused)
    assert browser_of(plain_api, "jo", once)[1].status_code == 303


def test_audit_has_logins_and_keys_and_no_secret(plain_api: Api) -> None:
    """The audit says who came in or was refused, and whose key was made; only administrators read it, page by page."""
    browser_of(plain_api, "nobody", "wrong")
    made = make_person(plain_api, "kim")
    browser_of(plain_api, "kim", made["one_time_password"])
    key = plain_api.of("viewer").post("/api/v1/keys", json={"label": "sheet"}).json()
    plain_api.of("viewer").delete(f"/api/v1/keys/{key['id']}").raise_for_status()

    admin = plain_api.of("admin")
    logins = admin.get("/api/v1/audit?kind=login").json()["items"]
    assert [(entry["key"], entry["action"]) for entry in logins] == [("kim", "signed in"), ("nobody", "refused")]
    keys = admin.get("/api/v1/audit?kind=api_key&person=some viewer").json()["items"]
    assert [(entry["key"], entry["action"]) for entry in keys] == [("sheet", "removed"), ("sheet", "added")]
    first = admin.get("/api/v1/audit?limit=2").json()
    rest = admin.get(f"/api/v1/audit?limit=1000&after={first['next']}").json()
    whole = admin.get("/api/v1/audit?limit=1000").json()["items"]
    assert [*first["items"], *rest["items"]] == whole
    for secret in (key["key"], made["one_time_password"], "argon2"):
        assert secret not in str(whole)
    page = admin.get("/audit?kind=principal&key=kim")
    assert "Person or service" in page.text
    assert "password is due: yes" in page.text
    assert admin.get("/audit?from=yesterday").status_code == 422


def test_pages_of_people_do_what_the_api_does(plain_api: Api) -> None:
    """An administrator makes a person, an area and a limit with forms, and slips are told beside their fields."""
    settle(plain_api, "boss", "admin")
    browser, _ = browser_of(plain_api, "boss", _OWN)
    assert "Enter a user name" in send(browser, "/people", name=" ", kind="person", role="viewer").text
    assert "is taken" in send(browser, "/people", name="boss", kind="person", role="viewer").text
    made = send(browser, "/people", name="kim", kind="person", role="engineer")
    assert "One-time password" in made.text
    [(kim,)] = plain_api.execute("SELECT principal_id FROM principal WHERE name = 'kim'")
    assert send(browser, "/areas", name="West side").headers["location"] == "/areas/west-side"
    assert "There is no site" in send(browser, "/areas/west-side", name="West side", sites="nowhere").text

    answer = send(browser, f"/people/{kim}", role="engineer", sees="areas", areas="west-side", disabled="")

    assert answer.headers["location"] == f"/people/{kim}?done=changed", answer.text
    assert "kim" in browser.get("/areas/west-side").text
    assert "cannot be limited" in send(browser, f"/people/{kim}", role="admin", sees="areas").text
    assert "West side" in browser.get(f"/people/{kim}").text
    secret = send(browser, "/account/keys", label="mine", scope="read", days="10")
    assert re.search(r'<code id="secret">hr_', secret.text)
    assert "Enter what the key is for" in send(browser, "/account/keys", label="", scope="read", days="10").text
