"""The console's pages against a real database of either flavour, as a browser without scripts sees them."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from api.pages import built, render
from api.people import SESSION_COOKIE
from devices.reasons import EXPLANATIONS, Reason
from tests.servers.console import Console, running_console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def console(database: str) -> Iterator[Console]:
    """Give a console over a day of a small county."""
    with running_console(database) as console:
        yield console


@pytest.fixture
def client(console: Console) -> Iterator[httpx.Client]:
    """Give a browser that is not signed in."""
    with _browser(console) as client:
        yield client


@pytest.fixture
def signed_in(client: httpx.Client, console: Console) -> httpx.Client:
    """Give a browser that is signed in."""
    assert _sign_in(client, console).status_code == 200
    return client


def _browser(console: Console) -> httpx.Client:
    return httpx.Client(base_url=console.url, headers=_BROWSER, follow_redirects=True, timeout=30)


def _sign_in(client: httpx.Client, console: Console, password: str = "", wanted: str = "/") -> httpx.Response:
    form = client.get("/login", params={"next": wanted})
    values = {"user": console.user, "password": password or console.password}
    return client.post("/login", data=values | {name: _field(form, name) for name in ("csrf", "next")})


def _field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]


class _Cells(HTMLParser):
    """Collects the words of every table row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - as the parent has it
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())


def _rows(page: httpx.Response) -> list[list[str]]:
    cells = _Cells()
    cells.feed(page.text)
    return cells.rows


def _row(page: httpx.Response, head: str) -> list[str]:
    return next(row for row in _rows(page) if row and row[0].startswith(head))


@pytest.mark.parametrize("path", ["/", "/status", "/sites/high-west-street?range=7d"])
def test_page_without_session_asks_to_sign_in_and_returns(client: httpx.Client, console: Console, path: str) -> None:
    """Nobody unknown sees a page; after signing in it is the page they wanted."""
    answer = client.get(path, follow_redirects=False)

    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == [path]
    assert _sign_in(client, console, wanted=path).url.raw_path.decode() == path


def test_login_with_wrong_password_tells_in_a_summary(client: httpx.Client, console: Console) -> None:
    """A wrong password opens no session, and the summary leads to the field."""
    answer = _sign_in(client, console, "wrong")

    assert answer.status_code == 422
    assert 'href="#user">This user name and password do not fit together</a>' in answer.text
    assert SESSION_COOKIE not in client.cookies


def test_login_without_name_and_password_asks_for_both(client: httpx.Client) -> None:
    """Each empty field has its own line in the summary."""
    form = client.get("/login")

    answer = client.post("/login", data={"csrf": _field(form, "csrf")})

    assert 'href="#user">Enter your user name</a>' in answer.text
    assert 'href="#password">Enter your password</a>' in answer.text


def test_login_from_another_page_is_refused(client: httpx.Client, console: Console) -> None:
    """A form of somebody else's page lacks what this browser's form carries."""
    answer = client.post("/login", data={"user": console.user, "password": console.password})

    assert answer.status_code == 422
    assert SESSION_COOKIE not in client.cookies


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", ""])
def test_login_never_leads_to_another_host(client: httpx.Client, console: Console, wanted: str) -> None:
    """An address made up by others ends at the overview."""
    assert _sign_in(client, console, wanted=wanted).url.path == "/"


def test_logout_ends_the_session(signed_in: httpx.Client) -> None:
    """After signing out the cookie is gone, and worthless if somebody kept it."""
    token = signed_in.cookies[SESSION_COOKIE]
    csrf = _field(signed_in.get("/"), "csrf")

    assert signed_in.post("/logout", data={"csrf": csrf}).url.path == "/login"
    assert SESSION_COOKIE not in signed_in.cookies
    signed_in.cookies.set(SESSION_COOKIE, token)
    assert signed_in.get("/", follow_redirects=False).status_code == 303


def test_logout_from_another_page_is_refused(signed_in: httpx.Client) -> None:
    """Nobody else's page can sign a person out."""
    answer = signed_in.post("/logout", data={"csrf": "0" * 64})

    assert answer.status_code == 403
    assert "You may not do this" in answer.text
    assert signed_in.get("/").status_code == 200


def test_overview_shows_every_site_with_status_values_and_time(signed_in: httpx.Client) -> None:
    """Each row says how a site is in words, its main values with units and when it was last heard."""
    page = signed_in.get("/")

    assert "66 sites" in page.text
    name, domain, status, values, heard = _row(page, "Dorchester")
    assert (name, domain, status) == ("Dorchester, High West Street", "Air quality", "OK")
    assert re.fullmatch(r"PM2\.5 [\d.]+ µg/m³ NO₂ [\d.]+ µg/m³ Air temperature [\d.]+ °C", values)
    assert heard.endswith("ago") or heard == "just now"
    assert re.search(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ" title="[^"]+">', page.text)
    names = [row[0] for row in _rows(page) if row[0].startswith("Gully")]
    assert names.index("Gully 14, Mill Lane") < names.index("Gully 101, Bridport Road")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=frome&domain=&status=", ["River Frome at Lower Bockhampton"]),
        ("q=HR-YELLOWHAM", ["A35 Yellowham Hill, eastbound"]),
        ("q=gully-12&domain=asset", [f"Gully 12{n}, Bridport Road" for n in range(10)]),
        ("domain=mixed", ['Maiden Castle <car park> & "kiosk"']),
        ("status=late", ["Puddletown First School"]),
        ("status=stale", ["Gully 14, Mill Lane"]),
        ("status=waiting", ['Maiden Castle <car park> & "kiosk"']),
        ("q=100%25", []),
    ],
)
def test_overview_narrowed_shows_only_what_fits(signed_in: httpx.Client, query: str, names: list[str]) -> None:
    """Search, domain and status narrow the list on the server; signs in a search stand for themselves."""
    page = signed_in.get(f"/?{query}")

    assert [row[0] for row in _rows(page)[1:]] == names
    assert f"{len(names)} of 66 sites" in page.text
    assert ("No site fits" in page.text) == (not names)


def test_overview_second_page_continues_the_first(signed_in: httpx.Client) -> None:
    """Pages together hold every site once and keep the filter."""
    first, second = signed_in.get("/?domain=asset"), signed_in.get("/?domain=asset&page=2")

    names = [row[0] for page in (first, second) for row in _rows(page)[1:]]
    assert len(names) == len(set(names)) == 61
    assert 'href="/?domain=asset&amp;page=2"' in first.text


def test_overview_of_empty_county_says_what_to_do(database: str) -> None:
    """A first visitor learns how a site comes to be, and that nothing is running."""
    with running_console(database, filled=False) as console, _browser(console) as client:
        page = _sign_in(client, console)

        assert "No sites yet" in page.text
        assert 'href="/register">Register one' in page.text
        assert "Not running" in client.get("/status").text


def test_site_page_shows_facts_values_and_tables(signed_in: httpx.Client) -> None:
    """Without scripts the page tells everything: facts, last values with doubts, and tables instead of charts."""
    page = signed_in.get("/sites/high-west-street")

    for words in ("50.71560° N, 2.43970° W", "hr-high-west-street", "every 5 minutes", "measured in very damp air"):
        assert words in page.text
    assert re.search(r"Mean [\d.]+\xa0µg/m³; lowest .+; 28[789] readings\.", page.text)
    tables = [row for row in _rows(page) if len(row) == 5 and row[0] != "From"]
    assert 45 * 5 <= len(tables) <= 50 * 5
    assert max(float(row[3]) for row in tables) < 100, "a value with an excluding flag stays out"


def test_site_page_with_doubtful_readings_has_them(signed_in: httpx.Client) -> None:
    """What is left out by default is there for those who ask."""
    page = signed_in.get("/sites/high-west-street?include_flagged=true")

    assert "highest 940\xa0µg/m³" in page.text


def test_site_page_with_gap_tells_it(signed_in: httpx.Client) -> None:
    """Two hours without readings are said in words."""
    assert "One gap, of about 2 hours." in signed_in.get("/sites/yellowham-hill").text


def test_site_page_without_data_says_what_comes(signed_in: httpx.Client) -> None:
    """A registered site that was never heard is no error; its name is shown as it is."""
    page = signed_in.get("/sites/maiden-castle")

    assert page.status_code == 200
    assert "No reading has arrived at this site yet" in page.text
    assert "<car park>" not in page.text


def test_site_page_outside_the_data_leads_to_the_last_day(signed_in: httpx.Client) -> None:
    """A range without readings offers the one that has some."""
    page = signed_in.get("/sites/mill-lane-14?range=1h")
    assert "No readings in this range." in page.text
    link = re.search(r'href="(/sites/mill-lane-14\?range=custom[^"]+)"', page.text)
    assert link is not None

    assert "Mean " in signed_in.get(link[1].replace("&amp;", "&")).text


def test_site_page_with_unusable_range_tells_the_field(signed_in: httpx.Client) -> None:
    """What was typed stays to be mended, and the last day is shown meanwhile."""
    page = signed_in.get("/sites/high-west-street?range=custom&from=2026-01-02T00:00&to=2026-01-01T00:00")

    assert page.status_code == 422
    assert 'href="#to">The end must be after the start</a>' in page.text
    assert 'value="2026-01-02T00:00"' in page.text


def test_site_page_of_no_site_is_a_page(signed_in: httpx.Client) -> None:
    """A mistyped code ends at a page of the console, for a program at a problem."""
    page = signed_in.get("/sites/nowhere")
    told = signed_in.get("/sites/nowhere", headers={"Accept": "application/json"})

    assert (page.status_code, told.status_code) == (404, 404)
    assert "Page not found" in page.text
    assert told.headers["content-type"] == "application/problem+json"


def test_site_links_give_the_same_figures_as_csv_and_json(signed_in: httpx.Client) -> None:
    """Both links under a chart answer, with equal means."""
    page = signed_in.get("/sites/high-west-street")
    links = re.findall(r'href="([^"]+metric=pm2_5[^"]+)"', page.text)
    as_csv, as_json = (signed_in.get(link.replace("&amp;", "&")) for link in links)

    rows = list(csv.DictReader(as_csv.text.splitlines()))
    assert len(rows) > 280
    assert [float(row["mean"]) for row in rows] == [bucket["mean"] for bucket in as_json.json()]
    assert rows[0]["unit"] == "µg/m³"


def test_status_page_tells_counts_reasons_and_messages(signed_in: httpx.Client) -> None:
    """The sum is shown, every reason has its explanation, and messages appear without becoming part of the page."""
    page = signed_in.get("/status")

    assert "The sum is right" in page.text
    assert "432,100" in {cell for row in _rows(page) for cell in row}
    assert _row(page, "payload_empty") == ["payload_empty", EXPLANATIONS[Reason.PAYLOAD_EMPTY], "30"]
    assert _row(page, "new-bin-7")[:2] == ["new-bin-7", "3"]
    assert "<script>alert" not in page.text


def test_status_page_of_one_reason_pages_back(signed_in: httpx.Client) -> None:
    """A reason's messages come newest first, twenty at a time; bytes that are no text are shown as such."""
    first = signed_in.get("/status?reason=payload_empty")
    older = re.search(r'href="(/status\?after=\d+&amp;reason=payload_empty)#quarantine"', first.text)
    assert older is not None

    assert first.text.count("The message is empty.") == 20
    assert signed_in.get(older[1].replace("&amp;", "&")).text.count("The message is empty.") == 10
    assert "00 ff 12 01 de ad be ef" in signed_in.get("/status?reason=not_utf8").text


def test_status_page_with_silent_worker_says_so(signed_in: httpx.Client, database: str) -> None:
    """A worker that stopped speaking, or lost the broker, is named at the top."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ingest_status SET connected = false")
    assert "Not connected" in signed_in.get("/status").text
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ingest_status SET updated_at = now() - interval '10 minutes'")

    assert "The ingest worker has said nothing for 10 minutes." in signed_in.get("/status").text


def test_pages_when_nothing_is_built_say_what_is_missing(
    signed_in: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without npm the pages work, plainly, and say how to get the rest."""
    monkeypatch.setattr(render, "find_built", lambda: built.find_built(tmp_path))

    page = signed_in.get("/")

    assert page.status_code == 200
    assert "npm run build" in page.text
    assert "<script" not in page.text


def test_pages_carry_no_inline_script_or_style(signed_in: httpx.Client) -> None:
    """The content security policy would stop both."""
    for path in ("/", "/sites/high-west-street", "/status", "/nowhere"):
        page = signed_in.get(path)
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", page.text)
        assert "default-src 'self'" in page.headers["content-security-policy"]


def test_fault_is_a_page_with_its_number(signed_in: httpx.Client, database: str) -> None:
    """A fault of ours is told without details of the inside."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE site SET time_zone = 'Nowhere/Land' WHERE code = 'gully-101'")

    page = signed_in.get("/sites/gully-101")

    assert page.status_code == 500
    assert "Sorry, there is a fault in Hedgerow" in page.text
    assert "Nowhere/Land" not in page.text
