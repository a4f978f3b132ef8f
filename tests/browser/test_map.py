"""The map of the overview, and the console in the light and in the dark."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.telephones import PASSWORD, add_engineer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.servers.console import Console

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.chromium

_PAGES = {
    "overview": "/",
    "register": "/register",
    "site": "/sites/high-west-street",
    "status": "/status",
    "credentials": "/devices/hr-high-west-street/credentials",
    "login": "/login",
}
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def engineers_session(chromium: Browser, console: Console) -> dict[str, object]:
    """Give what the browser keeps of an engineer who has signed in."""
    add_engineer(console, "maud")
    with chromium.new_context(base_url=console.url) as context:
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("User name").fill("maud")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{console.url}/")
        return dict(context.storage_state())


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("overview", "light"),
        ("overview", "dark"),
        ("register", "light"),
        ("register", "dark"),
        ("site", "dark"),
        ("status", "dark"),
        ("credentials", "light"),
        ("credentials", "dark"),
        ("login", "dark"),
    ],
)
def test_page_in_light_and_dark_is_accessible(
    chromium: Browser,
    console: Console,
    engineers_session: dict[str, object],
    axe: str,
    test_artefacts: Path,
    name: str,
    width: int,
    scheme: str,
) -> None:
    """No page breaks a rule of WCAG 2.2 AA that axe-core can check, whatever the setting; its picture is kept."""
    with chromium.new_context(
        base_url=console.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        storage_state=None if name == "login" else engineers_session,  # type: ignore[arg-type]
        geolocation={"latitude": 50.7156, "longitude": -2.4366, "accuracy": 7.5},
        permissions=["geolocation"],
    ) as context:
        page = context.new_page()
        page.goto(_PAGES[name])
        _prepare(page, name)
        page.screenshot(path=test_artefacts / f"console-{name}-{scheme}-{width}.png", full_page=True)
        page.evaluate(axe)
        found = page.evaluate(f"axe.run({{runOnly: {_RULES}}})")

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]] == []


def _prepare(page: Page, name: str) -> None:
    if name == "overview":
        _wait_for_map(page)
    elif name == "site":
        page.wait_for_timeout(1000)
    elif name == "register":
        page.get_by_role("button", name="Use this telephone").click()
        expect(page.get_by_text("right to about 8 m")).to_be_visible()
        page.get_by_label("EUI or uid").fill("hr-high-west-street")
        page.get_by_label("Name", exact=True).fill("High Street north")
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.locator("#queue li")).to_contain_text("Needs mending")
        page.get_by_role("button", name=re.compile("^Mend ")).click()
        expect(page.get_by_role("application")).to_be_visible()


_IS_STILL = """(() => {
    const {map, dataset} = document.querySelector('[data-map]');
    return !!map && dataset.sites !== undefined && map.loaded() && !map.isMoving();
})()"""


def _wait_for_map(page: Page) -> None:
    """Wait until the map has its sites and stands still; Playwright's own way needs eval, which the policy forbids."""
    give_up, still = time.monotonic() + 40, 0
    while still < 2:  # between its sites' coming and their drawing it stands still once
        assert time.monotonic() < give_up, "the map was never drawn"
        page.wait_for_timeout(100)
        still = still + 1 if page.evaluate(_IS_STILL) else 0


def _shown(page: Page) -> list[str]:
    icons: list[str] = page.evaluate(
        """document.querySelector('[data-map]').map.queryRenderedFeatures({layers: ['sites', 'groups']})
            .map(({properties: {name, point_count}}) => name ?? `${point_count} sites`)"""
    )
    return icons


def test_map_shows_every_site_that_has_a_place(open_page: OpenPage) -> None:
    """Sites stand on the map alone or in a group that tells its number: 65 of 66 have a position."""
    page = open_page("/")
    _wait_for_map(page)

    counts = [int(found[1]) if (found := re.fullmatch(r"(\d+) sites", one)) else 1 for one in _shown(page)]

    assert page.locator("[data-map]").get_attribute("data-sites") == "65"
    assert sum(counts) == 65


def test_map_follows_the_filters_of_the_list(open_page: OpenPage) -> None:
    """What is searched for is what the map shows, too."""
    page = open_page("/")
    _wait_for_map(page)

    page.get_by_label("Search").fill("frome")
    expect(page.locator("[data-map]")).to_have_attribute("data-sites", "1")
    _wait_for_map(page)

    assert _shown(page) == ["River Frome at Lower Bockhampton"]


def test_map_by_keyboard_opens_the_site_in_the_middle(open_page: OpenPage) -> None:
    """Enter on the map opens the nearest site's name as a link, with its state in words; Escape goes back."""
    page = open_page("/?q=frome")
    _wait_for_map(page)
    canvas = page.locator(".maplibregl-canvas")
    canvas.focus()
    page.keyboard.press("Enter")

    link = page.locator(".maplibregl-popup").get_by_role("link", name="River Frome at Lower Bockhampton")
    expect(link).to_have_attribute("href", "/sites/lower-bockhampton")
    expect(page.locator(".maplibregl-popup")).to_contain_text("OK")
    expect(page.locator(".maplibregl-popup")).to_contain_text("Water level")
    page.keyboard.press("Escape")
    expect(canvas).to_be_focused()
