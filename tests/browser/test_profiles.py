"""Profiles and quarantine in Chromium: payloads tried, codecs mended, old messages decoded again, quarantine replayed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.sync_api import Page, expect

from api.people import add_person
from devices.digest import digest_of
from devices.shipped_profiles import ship_profiles
from ingest.errands import run_errands
from tests.servers.console import Console, running_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.servers.databases import Databases

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.chromium

_PASSWORD = "a long password of a manager"  # noqa: S105 - of a database that lives as long as a test
_LAYOUT = 'port = 2\n\n[[field]]\nmetric = "air_temperature"\nat = 0\ntype = "u8"\nunit = "Cel"\n'
_TOPIC = "hedgerow/v1/q1/up"
_AXE = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"


@pytest.fixture(scope="module")
def desk(plain_databases: Databases) -> Iterator[Console]:
    """Give a console with a profile, a device that has it, its messages in quarantine and in the archive, and a manager."""
    with plain_databases.migrated() as database, running_console(database, filled=False) as console:
        with psycopg.connect(database) as connection:
            add_person(connection, "morgan", "manager", _PASSWORD)
            ship_profiles(connection)
            _fill(connection)
        yield console


def _fill(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO device_profile (key, name, vendor, model, codec, definition)"
        " VALUES ('ours', 'Our probe', 'Acme', 'P1', 'layout', %s)",
        (_LAYOUT,),
    )
    connection.execute("INSERT INTO site (code, name) VALUES ('lane', 'Mill Lane')")
    connection.execute(
        "INSERT INTO device (uid, name, profile_id) SELECT 'q1', 'Probe 1', profile_id FROM device_profile WHERE key = 'ours'"
    )
    connection.execute(
        "INSERT INTO deployment (device_id, site_id, channel, during)"
        " SELECT device_id, site_id, '', tstzrange(NULL, NULL) FROM device, site WHERE uid = 'q1'"
    )
    for minute, payload in ((3, b"\x14"), (2, b"\x15")):
        connection.execute(
            "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
            " VALUES (now() - %s * interval '1 minute', %s, 0, 'q1', %s, %s, 'codec_broken', 'field 1 (a).at: is missing')",
            (minute, digest_of(_TOPIC, payload), _TOPIC, payload),
        )


@pytest.fixture(scope="module")
def manager(chromium: Browser, desk: Console) -> dict[str, object]:
    """Sign the manager in and give what the browser keeps of it."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{desk.url}/login")
    page.locator("#user").fill("morgan")
    page.locator("#password").fill(_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{desk.url}/")
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def visit(chromium: Browser, desk: Console, manager: dict[str, object]) -> Iterator[OpenPage]:
    """Give what opens a page as the manager; whatever a page complains of fails the test."""
    contexts, complaints = [], []

    def visit(path: str, *, width: int = 1280, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=desk.url,
            viewport={"width": width, "height": 900},
            locale="en-GB",
            java_script_enabled=scripts,
            storage_state=manager,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [text for text in complaints if "status of 422" not in text] == []


def _press(page: Page, name: str) -> None:
    """Go to a link or button with the tabulator, and press it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || ''").strip().startswith(name):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the tabulator never comes to {name!r}")


def _type(page: Page, field: str, text: str) -> None:
    """Go to a field with the tabulator, and put a text in the place of what is there."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == field:
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(text)
            return
    raise AssertionError(f"the tabulator never comes to {field!r}")


def test_try_it_box_reads_what_is_typed_not_what_is_saved(visit: OpenPage) -> None:
    """A payload by the edited text, with unit and flag; the page stays, and the saved profile too."""
    page = visit("/profiles/ours/edit")
    page.get_by_label("Definition (TOML)").fill(_LAYOUT + "scale = 10\n")
    page.get_by_label("Payload", exact=True).fill("0x14")
    page.get_by_label("Port").fill("2")
    page.get_by_role("button", name="Try it").click()

    row = page.get_by_role("row", name=re.compile("Air temperature"))
    expect(row).to_contain_text("200\N{NO-BREAK SPACE}°C")
    expect(row).to_contain_text("outside the range")
    expect(page.locator("#trial-result")).to_be_focused()
    expect(page.get_by_label("Definition (TOML)")).to_have_value(re.compile("scale = 10"))
    page.goto("/profiles/ours")
    expect(page.get_by_text("Version 1: the present one")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_try_it_box_with_a_wrong_payload_says_what_and_where(visit: OpenPage, *, scripts: bool) -> None:
    """A payload that is none stands beside its field; one that cannot be read gives the reason; with scripts and without."""
    page = visit("/profiles/ours", scripts=scripts)
    page.get_by_label("Payload", exact=True).fill("01 7z!")
    page.get_by_role("button", name="Try it").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("neither hex nor base64")
    expect(summary.get_by_role("link")).to_have_attribute("href", "#payload")

    page.get_by_label("Payload", exact=True).fill("14")
    page.get_by_label("Port").fill("9")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial-result")).to_contain_text("codec_failed")
    expect(page.locator("#trial-result")).to_contain_text("port")


def test_definition_that_cannot_be_used_names_the_line(visit: OpenPage) -> None:
    """Saving is refused; the summary leads to the line, which is selected."""
    page = visit("/profiles/ours/edit")
    page.get_by_label("Definition (TOML)").fill(_LAYOUT.replace('"u8"', '"u9"'))
    page.get_by_role("button", name="Save").click()

    link = page.get_by_role("alert").get_by_role("link")
    expect(link).to_contain_text('line 6 (type = "u9")')
    link.click()
    expect(page.get_by_label("Definition (TOML)")).to_be_focused()
    chosen = (
        "(() => { const t = document.getElementById('definition'); return t.value.slice(t.selectionStart, t.selectionEnd); })()"
    )
    assert page.evaluate(chosen) == 'type = "u9"'


def test_quarantine_replayed_by_keyboard_alone(visit: OpenPage, desk: Console) -> None:
    """From the list to one message, what it is read as now, and its replay; the row says what came of it."""
    page = visit("/quarantine?reason=codec_broken")
    expect(page.get_by_role("listitem").filter(has_text="codec_broken")).to_have_count(2)
    row = page.get_by_role("link", name=re.compile("row 1$"))
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/quarantine/1$"))
    expect(page.get_by_text("0000  14")).to_be_visible()
    _press(page, "Try it")
    expect(page.get_by_role("row", name=re.compile("Air temperature"))).to_contain_text("20\N{NO-BREAK SPACE}°C")
    _press(page, "Replay it")
    page.wait_for_url(re.compile("/quarantine/replays/"))
    expect(page.get_by_text("Waiting.")).to_be_visible()

    run_errands(desk.database)

    expect(page.get_by_role("row", name=re.compile("^Stored"))).to_contain_text("1", timeout=10_000)
    page.goto("/quarantine/1")
    expect(page.get_by_text("stored by replay")).to_be_visible()
    with psycopg.connect(desk.database) as connection:
        assert connection.execute("SELECT value FROM reading").fetchall() == [(20.0,)]


def test_edit_makes_a_version_and_offers_a_redecode(visit: OpenPage, desk: Console) -> None:
    """By keyboard: a mended definition is version 2, what it would change is shown, and then done; the way back is there."""
    page = visit("/profiles/ours/edit")
    _type(page, "definition", _LAYOUT + "scale = 0.5\n")
    _press(page, "Save")
    page.wait_for_url(re.compile("/profiles/ours/redecode"))
    expect(page.get_by_text("Our probe is at version 2.")).to_be_visible()
    _press(page, "See what would change")
    page.wait_for_url(re.compile("/redecodes/"))
    run_errands(desk.database)
    row = page.get_by_role("row", name=re.compile("Mill Lane|lane"))
    expect(row.first).to_be_visible(timeout=10_000)
    with psycopg.connect(desk.database) as connection:
        before = connection.execute("SELECT max(value) FROM reading").fetchall()
    trial = page.url
    _press(page, "Decode these messages again now")
    page.wait_for_url(lambda url: "/redecodes/" in url and url != trial)
    run_errands(desk.database)
    expect(page.get_by_text("Done")).to_be_visible(timeout=10_000)

    with psycopg.connect(desk.database) as connection:
        values = [value for (value,) in connection.execute("SELECT value FROM reading ORDER BY time").fetchall()]
    assert before == [(20.0,)]
    assert values == [10.0, 10.5]
    page.goto("/profiles/ours")
    page.get_by_text("What changed in version 2").click()
    expect(page.locator(".hr-diff__line--added")).to_have_text("+scale = 0.5\n")
    page.get_by_role("button", name="Go back to version 1").click()
    expect(page.get_by_text("Our probe is at version 3.")).to_be_visible()


def test_clone_of_a_built_in_profile_is_edited(visit: OpenPage) -> None:
    """A built-in profile says what becomes of it; its clone opens in the form; a key that is taken is said beside the field."""
    page = visit("/profiles/dragino-lse01")
    expect(page.get_by_text("This profile came with Hedgerow, and an update")).to_be_visible()
    page.get_by_label("Key of the clone").fill("ours")
    page.get_by_label("Name of the clone").fill("Our LSE01")
    page.get_by_role("button", name="Clone and edit").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", "#new_key")
    page.get_by_label("Key of the clone").fill("our-lse01")
    page.get_by_role("button", name="Clone and edit").click()

    page.wait_for_url(re.compile("/profiles/our-lse01/edit"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("Our LSE01")


def test_quarantine_set_aside_for_good_and_back(visit: OpenPage, desk: Console) -> None:
    """A reason must be given; the row says who set it aside and why; it can wait again."""
    with psycopg.connect(desk.database) as connection:
        [number] = connection.execute(
            "INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail)"
            " VALUES (now(), 5, 0, 'x/y', '{', 'topic_unknown', '') RETURNING quarantine_id"
        ).fetchone() or (0,)
    page = visit(f"/quarantine/{number}")
    page.get_by_role("button", name="Set aside for good").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", "#note")
    page.get_by_label("Why it is set aside for good").fill("a test of the supplier's")
    page.get_by_role("button", name="Set aside for good").click()
    expect(page.get_by_text("set aside for good by morgan")).to_be_visible()
    page.get_by_role("button", name="Let it wait again").click()
    expect(page.get_by_role("button", name="Replay it")).to_be_visible()


_PAGES = {
    "profiles": "/profiles",
    "profile": "/profiles/our-pages",
    "profile-edit": "/profiles/our-pages/edit",
    "profile-redecode": "/profiles/our-pages/redecode?saved=new",
    "redecode": "/redecodes/{redecode}",
    "quarantine": "/quarantine?state=all",
    "quarantined": "/quarantine/1",
    "replay": "/quarantine/replays/{replay}",
}


@pytest.fixture(scope="module")
def numbers(desk: Console) -> dict[str, int]:
    """Give a profile with two versions, and a redecode and a replay that are done."""
    counts = '{"archived": 3, "quarantined": 1, "corrected": 2, "new": 1, "refused": {"frame_incomplete": 2}}'
    replayed = '{"stored": 2, "held": 1, "refused": 1, "readings": 3, "new": 2, "reasons": {"not_json": 1}}'
    examples = (
        '[{"outcome": "corrected", "site": "lane", "channel": "", "metric": "air_temperature", "unit": "°C",'
        ' "time": "2026-11-20T10:00:00+00:00", "old_value": 20.0, "old_flags": 1, "new_value": 2.0, "new_flags": 0}]'
    )
    with psycopg.connect(desk.database) as connection:
        connection.execute(
            "INSERT INTO device_profile (key, name, codec, definition) VALUES ('our-pages', 'Pages', 'layout', %s)", (_LAYOUT,)
        )
        connection.execute("UPDATE device_profile SET definition = definition || 'scale = 2' WHERE key = 'our-pages'")
        found = connection.execute(
            "INSERT INTO errand"
            " (kind, profile, newest, from_at, to_at, dry_run, requested_by, state, finished_at, counts, examples)"
            " VALUES ('redecode', 'our-pages', NULL, now() - interval '1 day', now(), true, 'morgan', 'done', now(), %s, %s),"
            " ('replay', NULL, 9, NULL, NULL, false, 'morgan', 'done', now(), %s, NULL) RETURNING errand_id",
            (counts, examples, replayed),
        ).fetchall()
    return {"redecode": found[0][0], "replay": found[1][0]}


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", list(_PAGES))
def test_page_of_profiles_and_quarantine_is_accessible(
    visit: OpenPage, axe: str, numbers: dict[str, int], test_artefacts: Path, name: str, width: int
) -> None:
    """No page scrolls sideways or breaks a rule of WCAG 2.2 AA that axe-core can check, in the light and in the dark."""
    page = visit(_PAGES[name].format(**numbers), width=width)
    page.evaluate("for (const closed of document.querySelectorAll('main details')) closed.open = true")
    page.evaluate(axe)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=test_artefacts / f"console-{name}-{width}-{scheme}.png", full_page=True)
        found = page.evaluate(_AXE)
        told = [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]
        assert told == [], scheme
        assert len(found["passes"]) > 15
