"""The register page without scripts, what it needs to work without signal, and the sites of the map, over real HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from api.pages.built import find_built
from api.people import add_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.api.conftest import Api, Serve

_PASSWORD = "stile gate lane hedge"  # noqa: S105 - of a database that lives as long as a test
_FORM = {"uid": "00-11-22-33-44-55-66-AA", "name": "By hand", "profile": "generic", "place": "new", "site": "", "domain": ""}
_PLACE = {"latitude": "50.7156", "longitude": "-2.4366", "position_accuracy_m": "", "serial": "S1", "note": ""}


@pytest.fixture
def engineer(plain_api: Api) -> Iterator[httpx.Client]:
    """Give an engineer's browser, signed in, over a clean database."""
    with psycopg.connect(plain_api.database) as connection:
        add_person(connection, "erin", "engineer", _PASSWORD)
    headers = {"Accept": "text/html"}
    with httpx.Client(base_url=plain_api.url, headers=headers, timeout=30, trust_env=False) as client:
        form = client.get("/login", params={"next": "/register"})
        values = {"user": "erin", "password": _PASSWORD, "next": "/register", "csrf": _field(form, "csrf")}
        assert client.post("/login", data=values).headers["location"] == "/register"
        yield client


def _field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]


def test_register_page_posted_plainly_registers_and_goes_to_the_device(engineer: httpx.Client, plain_api: Api) -> None:
    """Without scripts the form works as forms do."""
    page = engineer.get("/register", params={"uid": "00-11-22-33-44-55-66-AA"})
    assert _field(page, "uid") == "00-11-22-33-44-55-66-AA"

    answer = engineer.post("/register", data=_FORM | _PLACE | {"csrf": _field(page, "csrf")})

    assert (answer.status_code, answer.headers["location"]) == (303, "/devices/00112233445566aa")
    device = plain_api.get("/api/v1/devices/00112233445566aa")
    assert (device["name"], device["serial"]) == ("By hand", "S1")


def test_register_page_with_slips_keeps_what_was_typed(engineer: httpx.Client) -> None:
    """Each slip stands at its field and above, as a link to it; nothing has to be typed again."""
    csrf = _field(engineer.get("/register"), "csrf")

    answer = engineer.post("/register", data=_FORM | _PLACE | {"csrf": csrf, "name": "", "latitude": "north"})

    assert answer.status_code == 422
    assert 'href="#latitude"' in answer.text
    assert 'href="#name"' in answer.text
    assert 'id="latitude-error"' in answer.text
    assert _field(answer, "uid") == "00-11-22-33-44-55-66-AA"
    assert 'value="north"' in answer.text


def test_register_page_of_a_taken_uid_says_so_at_the_uid(engineer: httpx.Client) -> None:
    """What only the database knows is told at a field too."""
    csrf = _field(engineer.get("/register"), "csrf")
    engineer.post("/register", data=_FORM | _PLACE | {"csrf": csrf})

    answer = engineer.post("/register", data=_FORM | _PLACE | {"csrf": csrf, "name": "Another"})

    assert answer.status_code == 422
    assert "registered already" in answer.text
    assert 'id="uid-error"' in answer.text


def test_register_page_from_another_site_is_refused(engineer: httpx.Client, plain_api: Api) -> None:
    """A form without the session's token registers nothing."""
    answer = engineer.post("/register", data=_FORM | _PLACE | {"csrf": "0" * 64})

    assert answer.status_code == 403
    assert plain_api.get("/api/v1/devices")["items"] == []


def test_shell_holds_nothing_of_who_asks(engineer: httpx.Client, plain_api: Api) -> None:
    """What a telephone keeps is the same for everybody, with a session or without."""
    mine = engineer.get("/register/shell")
    anyones = httpx.get(f"{plain_api.url}/register/shell", timeout=30, trust_env=False)

    assert mine.text == anyones.text
    assert "erin" not in mine.text
    assert 'name="csrf"' not in mine.text


def test_session_is_told_to_who_is_signed_in_only(engineer: httpx.Client, plain_api: Api) -> None:
    """The page's script learns who is there and the token for writes; nobody else does."""
    told = engineer.get("/register/session").json()

    assert told["person"] == "erin"
    assert told["csrf"] == _field(engineer.get("/register"), "csrf")
    assert httpx.get(f"{plain_api.url}/register/session", timeout=30, trust_env=False).status_code == 401


def test_service_worker_covers_the_register_page_and_lists_what_it_keeps(plain_api: Api) -> None:
    """Its scope is allowed, browsers always ask for a newer one, and everything on its list is there."""
    if find_built() is None:
        pytest.skip("the console is not built")
    with httpx.Client(base_url=plain_api.url, timeout=30, trust_env=False) as client:
        worker = client.get("/register/offline.js")
        listed = re.search(r'"addresses":\[([^\]]*)\]', worker.text)
        assert listed is not None
        addresses = re.findall(r'"([^"]+)"', listed[1])

        assert worker.headers["service-worker-allowed"] == "/register"
        assert worker.headers["cache-control"] == "no-cache"
        assert worker.headers["content-type"].startswith("text/javascript")
        assert [address for address in addresses if client.get(address).status_code != 200] == []
    assert any("register-" in address for address in addresses)


def test_sites_geojson_tells_place_state_and_value_and_is_asked_again_cheaply(plain_api: Api) -> None:
    """Sites with and without a position are told; unchanged, the answer is 304; filters narrow it."""
    plain_api.post("/api/v1/sites", code="here", name="Here", latitude=50.7, longitude=-2.4, domain="traffic")
    plain_api.post("/api/v1/sites", code="nowhere", name="Nowhere")
    client = plain_api.of("viewer")

    first = client.get("/api/v1/sites.geojson")
    again = client.get("/api/v1/sites.geojson", headers={"If-None-Match": first.headers["etag"]})

    here, nowhere = first.json()["features"]
    assert here["geometry"] == {"type": "Point", "coordinates": [-2.4, 50.7]}
    assert here["properties"]["code"] == "here"
    assert here["properties"]["value"] is None
    assert nowhere["geometry"] is None
    assert (again.status_code, again.content) == (304, b"")
    assert _codes(plain_api, domain="traffic") == ["here"]
    assert _codes(plain_api, q="NOWH") == ["nowhere"]


def _codes(api: Api, **asked: str) -> list[str]:
    return [site["properties"]["code"] for site in api.get("/api/v1/sites.geojson", **asked)["features"]]


def test_map_tiles_by_setting_are_allowed_from_their_host_only(serve: Serve, plain_database: str) -> None:
    """The content security policy names the tiles' host, for pictures and fetches, and no other."""
    api = serve(plain_database, map_tiles="https://tiles.example/{z}/{x}/{y}.png?key=k")

    policy = api.client().get("/login").headers["content-security-policy"]

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["img-src"] == "'self' data: blob: https://tiles.example"
    assert rules["connect-src"] == "'self' https://tiles.example"
    assert "tiles.example" not in rules["script-src"]
