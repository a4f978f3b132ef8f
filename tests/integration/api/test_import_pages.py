"""The pages of import and labels, as a browser without scripts sees them."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

_SHEET = "DevEUI,Name,Lat,Lon,Colour\n0011223344556601,=Gully 1,50.7,-2.4,red\n0011223344556602,Gully 2,50.7,2.4,blue\n"


@pytest.fixture
def engineer(plain_api: Api) -> httpx.Client:
    """Give an engineer's browser, which follows where it is led."""
    client = plain_api.client(Authorization=plain_api.of("engineer").headers["Authorization"], Accept="text/html")
    client.follow_redirects = True
    return client


def words(page: httpx.Response) -> str:
    """Give a page's words without its tags."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text)))


def test_import_page_shows_then_carries_out_what_it_showed(plain_api: Api, engineer: httpx.Client) -> None:
    """A file is shown row by row, nothing is changed by that; pressed, the good rows are there and the refused can be had."""
    shown = engineer.post("/import", files={"file": ("Vale <gullies>.csv", _SHEET)})

    assert shown.status_code == 200
    assert "Check before you import" in words(shown)
    assert "Not read, for no column of an import is called so: Colour ." in words(shown)
    assert words(shown).index("minus sign") < words(shown).index("0011223344556601")
    assert plain_api.execute("SELECT count(*) FROM device") == [(0,)]
    done = engineer.post(shown.url.path)
    assert "Vale <gullies>.csv was imported" in words(done)
    assert plain_api.execute("SELECT uid, name FROM device") == [("0011223344556601", "=Gully 1")]
    assert engineer.post(shown.url.path).text.count("was imported") == 1
    assert plain_api.execute("SELECT note FROM audit_entry WHERE kind = 'device'") == [("import of Vale <gullies>.csv",)]
    refused = list(csv.reader(io.StringIO(engineer.get(f"{shown.url.path}/refused.csv").text)))
    assert refused[0] == ["DevEUI", "Name", "Lat", "Lon", "Colour", "reason"]
    assert refused[1][:5] == ["0011223344556602", "Gully 2", "50.7", "2.4", "blue"]
    assert "minus sign" in refused[1][5]


def test_import_page_after_somebody_changed_the_registry_shows_it_anew(plain_api: Api, engineer: httpx.Client) -> None:
    """What was not shown is not done: the page says that things have changed, and what would happen now."""
    shown = engineer.post("/import", files={"file": ("a.csv", _SHEET)})
    plain_api.post("/api/v1/sites", code="gully-1", name="Another gully")

    again = engineer.post(shown.url.path)

    assert "somebody changed devices or sites since you looked" in words(again)
    assert plain_api.execute("SELECT count(*) FROM device") == [(0,)]
    assert "was imported" in words(engineer.post(shown.url.path))


def test_import_page_without_a_good_file_says_what_to_choose(engineer: httpx.Client) -> None:
    """No file, or one that is no table, is a slip that the summary links to."""
    for files, said in (({}, "Choose a CSV file"), ({"file": ("a.csv", "colour\nred\n")}, "no column is named DevEUI")):
        page = engineer.post("/import", files=files or {"file": ("", b"")})
        assert page.status_code == 422
        assert said in words(page)
        assert 'href="#file"' in page.text


def test_import_of_somebody_else_is_not_there(plain_api: Api, engineer: httpx.Client) -> None:
    """A file is seen by who sent it; the answer is the same as for one that never was."""
    shown = engineer.post("/import", files={"file": ("a.csv", _SHEET)})

    theirs = plain_api.of("admin").get(shown.url.path)
    never = plain_api.of("admin").get(f"/import/{uuid4()}")
    assert (theirs.status_code, theirs.json()["detail"]) == (404, never.json()["detail"])
    assert plain_api.of("admin").post(shown.url.path).status_code == 404


def test_labels_of_an_import_carry_links_and_euis(plain_api: Api, engineer: httpx.Client) -> None:
    """Its new devices have a label each, behind the places already used; the form's slips are told at their field."""
    shown = engineer.post("/import", files={"file": ("a.csv", _SHEET)})
    engineer.post(shown.url.path)
    import_id = shown.url.path.rsplit("/", 1)[1]

    sheets = engineer.get(
        "/labels/sheets", params={"import": import_id, "sheet": "24", "skip": "23", "site": "", "profile": "", "uids": ""}
    )

    assert "1 label on 1 sheet" in words(sheets)
    assert "0011 2233 4455 6601 =Gully 1" in words(sheets)
    assert sheets.text.count("hr-label--used") == 23
    assert plain_api.url in sheets.text
    for asked, said in (
        ({}, "Say which devices"),
        ({"uids": "no uid!"}, "is no device uid"),
        ({"uids": "0011223344556699"}, "No device 0011223344556699 fits"),
        ({"site": "nowhere"}, "No device fits"),
    ):
        page = engineer.get("/labels/sheets", params=asked)
        assert (page.status_code, said in words(page)) == (422, True), words(page)


def test_short_link_leads_to_the_device_or_its_registration(plain_api: Api, engineer: httpx.Client) -> None:
    """One code on the sensor serves before and after it is registered."""
    plain_api.post("/api/v1/devices", uid="radar-7", name="Radar", latitude=50.7, longitude=-2.4)
    engineer.follow_redirects = False

    assert engineer.get("/d/RADAR-7").headers["location"] == "/devices/radar-7"
    assert engineer.get("/d/00-11-22-33-44-55-66-77").headers["location"] == "/register?uid=0011223344556677"
