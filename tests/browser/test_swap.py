"""A sensor is swapped with the keyboard alone: one line with a mark; and everyone can use the pages on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import expect

from api.people import add_person
from tests.browser.test_console import _let_charts_draw, _told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.servers.console import Console

    Open = Callable[..., Page]

pytestmark = pytest.mark.chromium

_PASSWORD = "long enough for the test"  # noqa: S105 - of a database that lives as long as the test
_SWAPPED = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
_LOCAL = _SWAPPED.astimezone(ZoneInfo("Europe/London"))
_PLACES = """
WITH place AS (
    INSERT INTO site (code, name, latitude, longitude)
    VALUES (%(site)s, 'Swap weir', 50.7, -2.4), (%(store)s, 'Swap store', 50.7, -2.4)
    RETURNING site_id, code
), sensor AS (
    INSERT INTO device (uid, name, profile_id)
    SELECT uid, 'Sensor ' || uid, profile_id FROM device_profile, unnest(ARRAY[%(old)s, %(new)s]) uid WHERE key = 'generic'
    RETURNING device_id, uid
)
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, '[-infinity,)' FROM sensor JOIN place ON (uid = %(old)s) = (code = %(site)s)
"""
_READINGS = """
WITH line AS (
    INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE code = %s AND key = 'water_level'
    RETURNING series_id
), made AS (
    INSERT INTO reading
    SELECT series_id, time, %s, 0
    FROM line, generate_series(%s::timestamptz, now(), interval '10 minutes') time
    RETURNING *
)
INSERT INTO latest SELECT DISTINCT ON (series_id) *, time FROM made ORDER BY series_id, time DESC
"""


@pytest.fixture(scope="module")
def _places(console: Console) -> None:
    """Make an engineer, and two sensors at two sites; the old one measured 1, the new one 2."""
    names = {"site": "swap-weir", "store": "swap-store", "old": "swap-old", "new": "swap-new"}
    with psycopg.connect(console.database) as connection:
        add_person(connection, "swapper", "engineer", _PASSWORD)
        connection.execute("SELECT ensure_partition('reading', %s)", (_SWAPPED - timedelta(hours=6),))
        connection.execute(_PLACES.encode(), names)
        connection.execute(_READINGS.encode(), ("swap-weir", 1.0, _SWAPPED - timedelta(hours=6)))
        connection.execute(_READINGS.encode(), ("swap-store", 2.0, _SWAPPED - timedelta(minutes=10)))


@pytest.fixture
def open_as_engineer(chromium: Browser, console: Console, _places: None) -> Iterator[Open]:
    """Give what signs in with the keyboard and opens a page."""
    contexts = []

    def open_page(path: str, *, width: int = 1280, dark: bool = False) -> Page:
        context = chromium.new_context(
            base_url=console.url,
            viewport={"width": width, "height": 800},
            locale="en-GB",
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/login")
        page.locator("#user").focus()
        page.keyboard.type("swapper")
        page.keyboard.press("Tab")
        page.keyboard.type(_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{console.url}/")
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _tab_to(page: Page, selector: str) -> None:
    """Press the tabulator until something has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"the tabulator never reaches {selector}")


def _type_time(page: Page, wanted: str) -> None:
    """Type a time into the field that has the focus, in whichever order the browser has day and month."""
    for order in ("%d%m%Y", "%m%d%Y"):
        page.keyboard.press("Home")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        page.keyboard.type(_LOCAL.strftime(order))
        page.keyboard.press("ArrowRight")
        page.keyboard.type(_LOCAL.strftime("%I%M%p" if "M" in _clock(page) else "%H%M"))
        if page.evaluate("document.activeElement.value") == wanted:
            return
    raise AssertionError(f"typed {page.evaluate('document.activeElement.value')!r}, not {wanted!r}")


def _clock(page: Page) -> str:
    """Tell how the browser writes an hour: with AM and PM or without."""
    return str(page.evaluate("new Date(0).toLocaleTimeString(navigator.language)"))


def _marked_share(page: Page) -> float:
    """Give how much of the chart's height has ink where the swap was, and nowhere beside it."""
    return float(
        page.evaluate(
            """time => {
              const chart = document.querySelector('[data-chart="water_level"]').chart;
              const { ctx, bbox } = chart;
              const share = (x) => {
                const data = ctx.getImageData(x, bbox.top, 1, bbox.height).data;
                const dark = [...Array(data.length / 4).keys()].filter((i) => data[4 * i + 3] > 120);
                return dark.length / (data.length / 4);
              };
              const x = Math.round(chart.valToPos(time, "x", true));
              return Math.max(share(x - 1), share(x)) - share(x - 9);
            }""",
            _SWAPPED.timestamp(),
        )
    )


def test_swap_with_the_keyboard_makes_one_line_with_a_mark(
    open_as_engineer: Open, console: Console, test_artefacts: Path
) -> None:
    """From the site's page to the mark on its chart, without a mouse: what will change is told before, and the line goes on."""
    page = open_as_engineer("/sites/swap-weir")
    _tab_to(page, "a[href^='/actions/new']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What did you do?")).to_be_visible()
    _tab_to(page, "input[type=radio]")
    page.keyboard.press("Space")
    _tab_to(page, "main button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Swap one sensor for another")).to_be_visible()
    expect(page.get_by_label("Which sensor was taken away?")).to_have_value("swap-old")
    _tab_to(page, "#device")
    page.keyboard.type("swap-new")
    _tab_to(page, "#at")
    _type_time(page, f"{_LOCAL:%Y-%m-%dT%H:%M}")
    _tab_to(page, "#note")
    page.keyboard.type("float stuck")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Check before it is done")).to_be_visible()
    expect(page.get_by_text("swap-new took the place of swap-old at swap-weir")).to_be_visible()
    expect(page.get_by_text("stored readings move to the line of the site")).to_be_visible()
    page.screenshot(path=test_artefacts / "swap-review.png", full_page=True)
    _tab_to(page, "main button")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Done.")).to_be_visible()
    expect(page.get_by_role("row", name="swap-new took the place of swap-old")).to_contain_text("float stuck")
    page.screenshot(path=test_artefacts / "swap-history.png", full_page=True)
    _tab_to(page, "a[href='/sites/swap-weir']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Swap weir", exact=True)).to_be_visible()
    _let_charts_draw(page)
    page.screenshot(path=test_artefacts / "swap-chart.png", full_page=True)

    expect(page.locator("[data-chart]")).to_have_count(1)
    times, means = page.evaluate("[...document.querySelector('[data-chart]').chart.data].slice(0, 2).map((all) => [...all])")
    values = [(time, mean) for time, mean in zip(times, means, strict=True) if mean is not None]
    assert {mean for time, mean in values if time < _SWAPPED.timestamp() - 600} == {1}
    assert {mean for time, mean in values if time >= _SWAPPED.timestamp()} == {2}
    assert len(values) > 40
    [mark] = json.loads(page.locator("[data-charts]").get_attribute("data-marks") or "")
    assert (mark["time"], mark["label"]) == (f"{_SWAPPED:%Y-%m-%dT%H:%M:%SZ}", "Swap: swap-new")
    expect(page.get_by_text("Dashed line: swap-new took the place of swap-old at swap-weir")).to_be_visible()
    assert _marked_share(page) > 0.3
    with psycopg.connect(console.database) as connection:
        assert connection.execute("SELECT count(*) > 10, min(value), max(value) FROM unplaced_reading").fetchone() == (
            True,
            1,
            1,
        )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_action_pages_at_any_width_are_accessible(
    open_as_engineer: Open, axe: str, test_artefacts: Path, width: int, *, dark: bool
) -> None:
    """No page scrolls sideways or breaks a rule of WCAG 2.2 AA that axe-core can check, in the light and in the dark."""
    page = open_as_engineer("/sites/swap-weir/history", width=width, dark=dark)
    paths = {
        "site": "/sites/swap-weir?range=24h",
        "site-history": "/sites/swap-weir/history",
        "device-history": "/devices/swap-new/history",
        "kind": "/actions/new?from_site=swap-weir",
        "kind-slip": "/actions/new?from_site=swap-weir&kind=",
        "swap": "/actions/new?from_site=swap-weir&kind=swap",
        "move": "/actions/new?from_device=swap-new&kind=co-locate",
    }
    for name, path in paths.items():
        page.goto(path)
        _assert_accessible(page, axe, test_artefacts / f"action-{name}-{width}-{'dark' if dark else 'light'}.png", width)
    page.keyboard.press("End")
    page.locator("#device").fill("nobody")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _assert_accessible(page, axe, test_artefacts / f"action-slip-{width}-{'dark' if dark else 'light'}.png", width)


def _assert_accessible(page: Page, axe: str, picture: Path, width: int) -> None:
    page.screenshot(path=picture, full_page=True)
    page.evaluate(axe)
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, picture.name
    assert _told(found["violations"]) == [], picture.name
