"""The pages of device credentials, over a real Mosquitto, as a browser without scripts sees them."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from api.people import SESSION_COOKIE, add_person, csrf_token
from tests.integration.api.test_access import sign_in

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api, Serve
    from tests.servers.dynsec import Secured

pytestmark = pytest.mark.mosquitto

_PAGE = "/devices/a840/credentials"
_SECRET = "a long enough password"  # noqa: S105 - of a database that lives as long as a test


@pytest.fixture
def kept(serve: Serve, plain_database: str, secured: Secured) -> Api:
    """Give an API that keeps the credentials of a broker, with a device registered."""
    api = serve(plain_database, **secured.settings)
    assert api.post("/api/v1/devices", uid="a840", name="High Street", latitude=50.7, longitude=-2.4).status_code == 201
    return api


@pytest.fixture
def engineer(kept: Api) -> tuple[httpx.Client, str]:
    """Give the browser of an engineer who is signed in, and what their forms carry."""
    with psycopg.connect(kept.database) as connection:
        add_person(connection, "kim", "engineer", _SECRET)
    token = sign_in(kept, "kim", _SECRET)
    browser = kept.client(Accept="text/html")
    browser.cookies.set(SESSION_COOKIE, token)
    browser.follow_redirects = True
    return browser, csrf_token(token)


def shown(page: httpx.Response, name: str) -> str:
    """Give what stands beside a name in the list to type in."""
    found = re.search(rf"<dt>{name}</dt><dd><code[^>]*>([^<]+)</code>", page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


def test_credentials_page_issues_a_password_that_is_shown_once(
    kept: Api, secured: Secured, engineer: tuple[httpx.Client, str]
) -> None:
    """What the page says to type in lets the device in; the page does not say it again, nor does a browser keep it."""
    browser, csrf = engineer
    assert f'name="csrf" value="{csrf}"' in browser.get(_PAGE).text

    page = browser.post(_PAGE, data={"csrf": csrf, "kind": "password"})
    password = shown(page, "Password")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert (shown(page, "User name"), shown(page, "Port")) == ("a840", str(secured.broker.port))
    assert secured.answer_to(shown(page, "Topic"), "a840", password) == "No matching subscribers"
    again = browser.get(_PAGE)
    assert "In force" in again.text
    assert password not in again.text
    assert kept.execute("SELECT issued_by FROM device_credential") == [("kim",)]


def test_credentials_page_revokes_after_it_was_confirmed(secured: Secured, engineer: tuple[httpx.Client, str]) -> None:
    """Following the link changes nothing; the button behind it ends the session, and the page says so."""
    browser, csrf = engineer
    password = shown(browser.post(_PAGE, data={"csrf": csrf, "kind": "password"}), "Password")
    device = secured.device("a840", password)
    (link,) = re.findall(rf'href="({_PAGE}/\d+/revoke)"', browser.get(_PAGE).text)

    assert "Revoke this credential?" in browser.get(link).text
    assert device.cut_at is None
    page = browser.post(link, data={"csrf": csrf})
    assert "The broker lets a840 in no more. A session it had open was ended." in page.text
    device.cut_within(10)
    device.close()


def test_credentials_page_says_what_to_mend_at_the_field(engineer: tuple[httpx.Client, str]) -> None:
    """The summary leads to the field, and what was typed stays."""
    browser, csrf = engineer
    slips: tuple[tuple[dict[str, str], str, str], ...] = (
        ({"kind": ""}, "kind", "Choose a password or a certificate"),
        ({"kind": "certificate"}, "certificate_name", "common name of the certificate"),
        ({"kind": "certificate", "certificate_name": "ingest"}, "certificate_name", "belongs to a program"),
    )

    for typed, field, says in slips:
        page = browser.post(_PAGE, data={"csrf": csrf, **typed})
        assert page.status_code == 422
        assert re.search(rf'<a href="#{field}">[^<]*{says}', page.text)
        assert f'id="{field}"' in page.text
        assert typed.get("certificate_name", "") in page.text
