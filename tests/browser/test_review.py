"""Readings are taken out and let in again with the keyboard alone, on a telephone's width; and everyone can use the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import expect

from api.people import add_person
from tests.browser.test_swap import _assert_accessible, _tab_to

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.servers.console import Console

pytestmark = pytest.mark.chromium

_PASSWORD = "long enough for the test"  # noqa: S105 - of a database that lives as long as the test
_END = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
_START = _END - timedelta(hours=2)
_WIDTH = 360
_LINE = """
WITH place AS (
    INSERT INTO site (code, name, latitude, longitude) VALUES ('review-mill', 'Review mill', 50.7, -2.4) RETURNING site_id
), line AS (
    INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM place, metric WHERE key = 'water_level'
    RETURNING series_id
), made AS (
    INSERT INTO reading SELECT series_id, time, 1, 0
    FROM line, generate_series(%(end)s::timestamptz - interval '4 hours', %(end)s::timestamptz, interval '10 minutes') time
    RETURNING *
)
INSERT INTO latest SELECT DISTINCT ON (series_id) *, time FROM made ORDER BY series_id, time DESC
"""
_COUNT = """
SELECT count(*) FROM reading JOIN series USING (series_id) JOIN site USING (site_id) WHERE code = 'review-mill' AND flags > 0
"""


@pytest.fixture
def page(chromium: Browser, console: Console) -> Page:
    """Give a page on which a manager has signed in, at a site with readings."""
    with psycopg.connect(console.database) as connection:
        add_person(connection, "reviewer", "manager", _PASSWORD)
        connection.execute("SELECT ensure_partition('reading', %s)", (_START - timedelta(hours=2),))
        connection.execute(_LINE.encode(), {"end": _END})
    context = chromium.new_context(base_url=console.url, viewport={"width": _WIDTH, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto("/login")
    page.locator("#user").focus()
    page.keyboard.type("reviewer")
    page.keyboard.press("Tab")
    page.keyboard.type(_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{console.url}/")
    page.goto("/sites/review-mill")
    return page


def _type_time(page: Page, moment: datetime) -> None:
    """Type a time into the field that has the focus, in whichever order the browser has day and month, and whichever clock."""
    local = moment.astimezone(ZoneInfo("Europe/London"))
    for day, clock in product(("%d%m%Y", "%m%d%Y"), ("%I%M%p", "%H%M")):
        page.keyboard.press("Home")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        page.keyboard.type(local.strftime(day))
        page.keyboard.press("ArrowRight")
        page.keyboard.type(local.strftime(clock))
        if page.evaluate("document.activeElement.value") == f"{local:%Y-%m-%dT%H:%M}":
            return
    raise AssertionError(f"typed {page.evaluate('document.activeElement.value')!r}, not {local}")


def _follow(page: Page, selector: str) -> None:
    _tab_to(page, selector)
    page.keyboard.press("Enter")


def _flagged(console: Console) -> int:
    with psycopg.connect(console.database) as connection:
        [(count,)] = connection.execute(_COUNT).fetchall()
    return int(count)


def test_readings_are_taken_out_and_let_in_again_with_the_keyboard(
    page: Page, console: Console, axe: str, test_artefacts: Path
) -> None:
    """From the site's page to the list and back, at 360 px: told before, done, undone, every page without a fault of axe."""

    def look(name: str) -> None:
        _assert_accessible(page, axe, test_artefacts / f"review-{name}.png", _WIDTH)

    _follow(page, "a[href='/sites/review-mill/review']")
    look("list-empty")
    _follow(page, "a[href$='/review/invalidation']")
    expect(page.get_by_role("heading", name="Take readings out")).to_be_visible()
    _tab_to(page, "#series")
    page.keyboard.press("Space")
    for field, moment in (("#start", _START), ("#end", _END)):
        _tab_to(page, field)
        _type_time(page, moment)
    _follow(page, "main button")
    expect(page.get_by_role("alert")).to_contain_text("Enter the reason")
    look("form-slip")
    _tab_to(page, "#reason")
    page.keyboard.type("weed on the sensor")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Check before it is done")).to_be_visible()
    expect(page.get_by_role("row", name="Water level")).to_contain_text("12")
    look("check")
    assert _flagged(console) == 0
    _follow(page, "main button")
    expect(page.get_by_role("status").filter(has_text="Done.")).to_be_visible()
    expect(page.get_by_role("row", name="Water level")).to_contain_text("weed on the sensor")
    look("list")
    assert _flagged(console) == 12

    _follow(page, "a[href$='/undo']")
    expect(page.get_by_text("12 readings count again.")).to_be_visible()
    look("undo")
    _follow(page, "main button")
    expect(page.get_by_role("status").filter(has_text="Undone.")).to_be_visible()
    assert _flagged(console) == 0
    for kind in ("adjustment", "status"):
        page.goto(f"/sites/review-mill/review/{kind}")
        look(kind)
