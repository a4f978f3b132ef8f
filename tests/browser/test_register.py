"""The register page on a telephone: by scan, without signal, refused and mended, and by keyboard alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.telephones import FAKE_CAMERA, add_engineer, film_of, sign_in, tab_to, telephone

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.servers.console import Console

pytestmark = pytest.mark.chromium


_SENT_MS = 80_000
"""Patience: a try that fails is followed by the next one half a minute later."""


@pytest.fixture(scope="module")
def engineer(console: Console) -> str:
    """Give the name of an engineer who may sign in."""
    add_engineer(console, "erin")
    return "erin"


def _open(context: BrowserContext, engineer: str) -> Page:
    """Open the register page, signing in where it is asked for, and wait until it can do without signal."""
    page = context.new_page()
    page.goto("/register")
    if page.url.find("/login") > 0:
        sign_in(page, engineer)
        page.wait_for_url("**/register")
    page.evaluate("Promise.race([navigator.serviceWorker.ready, new Promise((resolve, reject) => setTimeout(reject, 20000))])")
    return page


def _fill(page: Page, uid: str, name: str) -> None:
    """Fill in the form, with the keyboard alone."""
    for field, text in (("uid", uid), ("name", name)):
        tab_to(page, f"#{field}")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
    tab_to(page, "#use-position")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Latitude")).to_have_value("50.715600")


def _register(page: Page, uid: str, name: str) -> None:
    """Fill in the form and send it, with the keyboard alone."""
    _fill(page, uid, name)
    tab_to(page, "#register-form [type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{name} is saved on this telephone.")).to_be_visible()


def _devices(console: Console, pattern: str) -> list[tuple[Any, ...]]:
    query = (
        "SELECT uid, device.name, count(*) OVER (PARTITION BY device.name), position_accuracy_m FROM device"
        " JOIN deployment USING (device_id) JOIN site USING (site_id) WHERE device.name LIKE %s ORDER BY uid"
    )
    with psycopg.connect(console.database) as connection:
        return connection.execute(query, (pattern,)).fetchall()


def _queue(page: Page) -> list[str]:
    return page.locator("#queue li").all_inner_texts()


def test_register_by_scan_with_keyboard_alone_device_is_there(
    chromium: Browser, console: Console, engineer: str, tmp_path: Path
) -> None:
    """A vendor's sticker before the camera fills in the EUI and serial; name, position and Enter do the rest."""
    film = film_of("LW:D0:70B3D57ED0000000:A81758FFFE0000A1:00420001:SSN1234:C0000"[:-6], tmp_path / "sticker.y4m")
    with telephone(chromium, console, tmp_path / "memory", *FAKE_CAMERA, film) as context:
        page = _open(context, engineer)
        tab_to(page, "#scan")
        page.keyboard.press("Enter")

        expect(page.get_by_label("EUI or uid")).to_have_value("a81758fffe0000a1", timeout=20_000)
        expect(page.get_by_label("Serial number")).to_have_value("SN1234")
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        page.keyboard.type("Scanned by the gate")
        tab_to(page, "#use-position")
        page.keyboard.press("Enter")
        expect(page.get_by_text("right to about 8 m")).to_be_visible()
        tab_to(page, "#register-form [type=submit]")
        page.keyboard.press("Enter")

        expect(page.locator("#queue li")).to_contain_text("Sent", timeout=_SENT_MS)
        expect(page.locator("#queue").get_by_role("link", name="Did it arrive?")).to_have_attribute(
            "href", "/devices/a81758fffe0000a1"
        )
    assert _devices(console, "Scanned%") == [("a81758fffe0000a1", "Scanned by the gate", 1, 7.5)]


def test_register_three_without_signal_closed_and_reopened_are_sent_once_each(
    chromium: Browser, console: Console, engineer: str, tmp_path: Path
) -> None:
    """What was registered without signal outlives the browser and is sent, once, when there is signal again."""
    memory = tmp_path / "memory"
    with telephone(chromium, console, memory) as context:
        page = _open(context, engineer)
        context.set_offline(True)
        page.reload()
        for number in (1, 2, 3):
            _register(page, f"00112233445566b{number}", f"Lay-by {number}")
        expect(page.get_by_role("link", name="3 waiting to be sent")).to_be_visible()
    assert _devices(console, "Lay-by%") == []

    with telephone(chromium, console, memory) as context:
        context.set_offline(True)
        page = context.new_page()
        page.goto("/register")
        expect(page.locator("#queue li")).to_have_count(3)
        expect(page.get_by_text("No signal, or the server cannot be reached.")).to_be_visible()
        context.set_offline(False)
        page.evaluate("window.dispatchEvent(new Event('online'))")
        for number in (1, 2, 3):
            expect(page.locator("#queue li").filter(has_text=f"Lay-by {number}")).to_contain_text("Sent", timeout=_SENT_MS)
    assert [(uid, name, count) for uid, name, count, _ in _devices(console, "Lay-by%")] == [
        (f"00112233445566b{number}", f"Lay-by {number}", 1) for number in (1, 2, 3)
    ]


def test_register_refused_comes_back_to_be_mended(chromium: Browser, console: Console, engineer: str, tmp_path: Path) -> None:
    """A uid that is taken is told at its field; mended, it is sent; nothing is lost between."""
    with telephone(chromium, console, tmp_path / "memory") as context:
        page = _open(context, engineer)
        _register(page, "hr-high-west-street", "Mended mast")
        line = page.locator("#queue li").filter(has_text="Mended mast")
        expect(line).to_contain_text("Needs mending")
        expect(page.get_by_role("link", name="1 to mend")).to_be_visible()
        page.reload()

        line.get_by_role("button", name=re.compile("^Mend ")).click()
        expect(page.get_by_label("EUI or uid")).to_have_value("hr-high-west-street")
        expect(page.get_by_label("EUI or uid")).to_have_accessible_description(re.compile("registered already"))
        expect(page.get_by_role("alert")).to_contain_text("registered already")
        page.get_by_label("EUI or uid").fill("00112233445566c1")
        page.get_by_role("button", name="Register", exact=True).click()

        expect(line).to_contain_text("Sent", timeout=_SENT_MS)
        expect(page.locator("#queue li")).to_have_count(1)
    assert [uid for uid, *_ in _devices(console, "Mended mast")] == ["00112233445566c1"]


def test_register_incomplete_links_to_each_field(chromium: Browser, console: Console, engineer: str, tmp_path: Path) -> None:
    """What is missing is said before anything is saved, above with links and at the fields."""
    with telephone(chromium, console, tmp_path / "memory") as context:
        page = _open(context, engineer)
        page.get_by_role("button", name="Register", exact=True).click()

        summary = page.locator("#slips")
        expect(summary).to_be_focused()
        assert summary.get_by_role("link").count() == 4
        summary.get_by_role("link", name="Enter a name").click()
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        assert _queue(page) == []


def test_register_session_over_asks_to_sign_in_and_keeps_the_queue(
    chromium: Browser, console: Console, engineer: str, tmp_path: Path
) -> None:
    """Signed out while away: the page says so, what waits stays, and is sent after signing in, by the same person only."""
    add_engineer(console, "olu")
    with telephone(chromium, console, tmp_path / "memory") as context:
        page = _open(context, engineer)
        context.clear_cookies()
        _register(page, "00112233445566d1", "Kept for Erin")
        link = page.get_by_role("link", name="sign in to send it")
        expect(link).to_be_visible()

        link.click()
        sign_in(page, "olu")
        page.wait_for_url("**/register")
        expect(page.get_by_text("1 registration of erin")).to_be_visible()
        assert _devices(console, "Kept%") == []

        context.clear_cookies()
        page.goto("/register")
        sign_in(page, engineer)
        expect(page.locator("#queue li")).to_contain_text("Sent", timeout=_SENT_MS)
    assert [uid for uid, *_ in _devices(console, "Kept%")] == ["00112233445566d1"]


def test_register_in_two_tabs_sends_once(chromium: Browser, console: Console, engineer: str, tmp_path: Path) -> None:
    """Two open pages that both notice the signal send one request for one registration."""
    sent = []
    with telephone(chromium, console, tmp_path / "memory") as context:
        context.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        page, other = _open(context, engineer), _open(context, engineer)
        sent.clear()
        context.set_offline(True)
        _register(page, "00112233445566e1", "One of two tabs")
        context.set_offline(False)
        for one in (page, other):
            one.evaluate("window.dispatchEvent(new Event('online'))")
        for one in (page, other):
            expect(one.locator("#queue li")).to_contain_text("Sent", timeout=_SENT_MS)
    assert [url for url in sent if url.endswith("/api/v1/devices")] == [f"{console.url}/api/v1/devices"]
    assert len(_devices(console, "One of two%")) == 1


def test_register_pin_moves_with_tap_and_keys(chromium: Browser, console: Console, engineer: str, tmp_path: Path) -> None:
    """The pin goes where the map is tapped or the arrow keys push it; a place put by hand has no accuracy."""
    with telephone(chromium, console, tmp_path / "memory") as context:
        page = _open(context, engineer)
        _fill(page, "00112233445566f1", "Pinned")
        pin = page.get_by_role("application")
        pin.focus()
        page.keyboard.press("ArrowUp")
        north = float(page.get_by_label("Latitude").input_value())
        box = pin.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2 + 100, box["y"] + box["height"] / 2)

        assert 50.7156 < north < 50.7160
        assert -2.4366 < float(page.get_by_label("Longitude").input_value()) < -2.4350
        assert page.locator("#position_accuracy_m").input_value() == ""
