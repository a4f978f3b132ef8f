"""The console in Chromium: what it shows, that it moves, and that everyone can use it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.console import Console

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.chromium

_PAGES = {
    "login": "/login",
    "overview": "/",
    "overview-nothing-fits": "/?q=nowhere",
    "site-air": "/sites/high-west-street",
    "site-traffic": "/sites/yellowham-hill",
    "site-hour": "/sites/lower-bockhampton?range=1h",
    "site-week": "/sites/high-west-street?range=7d",
    "site-no-data": "/sites/maiden-castle",
    "site-own-range-slip": "/sites/high-west-street?range=custom&from=2026-01-02T00:00&to=2026-01-01T00:00",
    "status": "/status?reason=metric_unknown",
    "not-found": "/sites/nowhere",
}
_SERIES = (
    "SELECT series_id FROM series JOIN site USING (site_id) JOIN metric m USING (metric_id) WHERE code = %s AND m.key = %s"
)


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", list(_PAGES))
def test_page_at_any_width_is_accessible(open_page: OpenPage, axe: str, test_artefacts: Path, name: str, width: int) -> None:
    """No page scrolls sideways or breaks a rule of WCAG 2.2 AA that axe-core can check; its picture is kept."""
    page = open_page(_PAGES[name], width=width, signed_in=name != "login")
    _let_charts_draw(page)
    page.screenshot(path=test_artefacts / f"console-{name}-{width}.png", full_page=True)
    page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
    page.evaluate(axe)
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert _told(found["violations"]) == []
    assert len(found["passes"]) > 15


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{found['id']}: {node['html'][:200]} {node['failureSummary']}" for found in violations for node in found["nodes"]]


def _let_charts_draw(page: Page) -> None:
    _until(page, "[...document.querySelectorAll('[data-rate-chart]')].every((holder) => holder.querySelector('canvas'))")
    _until(page, "[...document.querySelectorAll('[data-chart]')].every((holder) => holder.chart || holder.hidden)")


def _until(page: Page, expression: str, seconds: float = 15) -> None:
    """Wait until an expression is true; Playwright's own way needs eval, which the security policy forbids."""
    give_up = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < give_up, f"never became true: {expression}"
        page.wait_for_timeout(50)


def test_overview_search_while_typing_narrows_and_keeps_focus(open_page: OpenPage) -> None:
    """Sites that do not fit go while one types; the address can be shared, and the field keeps the keyboard."""
    page = open_page("/")
    expect(page.locator("tbody tr")).to_have_count(50)

    page.get_by_label("Search").press_sequentially("frome", delay=20)

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="1 of 66 sites")).to_be_visible()
    assert page.url.endswith("/?q=frome")
    expect(page.get_by_label("Search")).to_be_focused()
    page.get_by_label("Search").fill("")
    expect(page.locator("tbody tr")).to_have_count(50)


def test_overview_filter_by_status_shows_shape_and_word(open_page: OpenPage) -> None:
    """Choosing a status acts at once; each row says it with a word and a shape."""
    page = open_page("/")

    page.get_by_label("Status").select_option("Stale")

    row = page.get_by_role("row", name=re.compile("Gully 14, Mill Lane"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(row.get_by_role("cell", name="Stale")).to_be_visible()
    assert row.locator("svg path").count() == 2


def test_overview_updates_itself_without_losing_place(open_page: OpenPage, console: Console) -> None:
    """A new value appears by itself; focus and scroll stay; while paused nothing moves."""
    page = open_page("/")
    row = page.get_by_role("row", name=re.compile("Gully 130,"))
    link = row.get_by_role("link")
    link.focus()
    place = page.evaluate("window.scrollY")
    assert place > 0

    _measure(console, "gully-130", "fill_level", 67)
    expect(row).to_contain_text("67%", timeout=10_000)
    expect(link).to_be_focused()
    assert page.evaluate("window.scrollY") == place

    page.get_by_role("button", name="Pause updates").click()
    _measure(console, "gully-130", "fill_level", 68)
    page.wait_for_timeout(6500)
    expect(row).to_contain_text("67%")
    page.get_by_role("button", name="Resume updates").click()
    expect(row).to_contain_text("68%")


def _measure(console: Console, site: str, metric: str, value: float) -> None:
    """Store a reading as ingest does: into the readings and the latest values."""
    with psycopg.connect(console.database) as connection:
        [series_id] = connection.execute(_SERIES, (site, metric)).fetchone() or (None,)
        connection.execute("INSERT INTO reading VALUES (%s, now(), %s, 0)", (series_id, value))
        connection.execute(
            "UPDATE latest SET time = now(), received_at = now(), value = %s WHERE series_id = %s", (value, series_id)
        )


def test_site_chart_shows_the_readings(open_page: OpenPage, console: Console) -> None:
    """The chart's line is the day that is stored, drawn in ink, without the one impossible value."""
    page = open_page("/sites/high-west-street")
    _let_charts_draw(page)

    times, means, *_ = _chart(page, "no2")
    with psycopg.connect(console.database) as connection:
        [series_id] = connection.execute(_SERIES, ("high-west-street", "no2")).fetchone() or (None,)
        query = (
            "SELECT extract(epoch FROM time)::float8, value FROM reading WHERE series_id = %s AND flags & 1 = 0 ORDER BY time"
        )
        stored = connection.execute(query, (series_id,)).fetchall()
    drawn = {time: mean for time, mean in zip(times, means, strict=True) if mean is not None}
    expected = {time // 180 * 180: value for time, value in stored}
    # The oldest reading leaves the day while the test runs.
    assert list(drawn.items())[1:] == list(expected.items())[-len(drawn) + 1 :]
    assert len(drawn) > 280
    for metric in ("pm2_5", "no2", "air_temperature", "relative_humidity", "battery_level"):
        assert _ink(page, metric) > 300


def _chart(page: Page, metric: str) -> list[list[Any]]:
    data: list[list[Any]] = page.evaluate(f"[...document.querySelector('[data-chart={metric}]').chart.data]")
    return data


def _ink(page: Page, metric: str) -> int:
    """Count the pixels of a chart that have the colour of its line."""
    count: int = page.evaluate(
        """(metric) => {
            const canvas = document.querySelector(`[data-chart=${metric}] canvas`);
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i] < 80 && data[i + 1] > 80 && data[i + 1] < 140 && data[i + 2] < 110 && data[i + 3] > 200) count++;
            return count;
        }""",
        metric,
    )
    return count


def test_site_chart_breaks_where_nothing_came(open_page: OpenPage) -> None:
    """Two hours without readings are a gap in the line, not a straight one across."""
    page = open_page("/sites/yellowham-hill")
    _let_charts_draw(page)

    times, means, *_ = _chart(page, "vehicle_count")
    [gap] = [index for index, mean in enumerate(means) if mean is None]
    assert times[gap + 1] - times[gap - 1] == pytest.approx(7800, abs=180)


def test_site_chart_over_a_week_has_a_band(open_page: OpenPage) -> None:
    """Wider buckets show how far the readings spread."""
    page = open_page("/sites/high-west-street?range=7d")
    _let_charts_draw(page)

    _, means, lowest, highest = _chart(page, "pm2_5")
    spreads = [high - low for low, high in zip(lowest, highest, strict=True) if low is not None]
    assert max(spreads) > 1
    assert all(low <= mean <= high for mean, low, high in zip(means, lowest, highest, strict=True) if mean is not None)


def test_site_page_moves_with_new_readings(open_page: OpenPage, console: Console) -> None:
    """A reading that arrives appears in the latest values and at the end of the line."""
    page = open_page("/sites/lower-bockhampton?range=1h")
    _let_charts_draw(page)
    page.locator("figure").first.get_by_text("Show as table").click()

    _measure(console, "lower-bockhampton", "water_level", 1.234)

    expect(page.get_by_role("row", name=re.compile("^Water level"))).to_contain_text("1.23\N{NO-BREAK SPACE}m", timeout=15_000)
    _until(page, "document.querySelector('[data-chart=water_level]').chart.data[1].at(-1) === 1.234")
    expect(page.locator("figure").first.locator("table")).to_be_visible()


def test_site_range_drawn_on_a_chart_opens_it(open_page: OpenPage) -> None:
    """Dragging across a chart shows those hours, in finer steps."""
    page = open_page("/sites/high-west-street")
    _let_charts_draw(page)
    plot = page.locator("[data-chart=pm2_5] .u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("range=custom"))
    _let_charts_draw(page)

    times, *_ = _chart(page, "pm2_5")
    assert times[-1] - times[0] == pytest.approx(6 * 3600, abs=900)
    expect(page.get_by_role("heading", name=re.compile("^Readings from "))).to_be_visible()


def test_keyboard_alone_reaches_a_sites_values(open_page: OpenPage) -> None:
    """From the top of the overview to the table under a chart without a mouse, always seeing where one is."""
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pause updates")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("dorchester")
    expect(page.locator("tbody tr")).to_have_count(1)
    _tab_to(page, "Dorchester, High West Street")
    assert page.evaluate("getComputedStyle(document.activeElement).backgroundColor") == "rgb(255, 221, 0)"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/sites/high-west-street"))
    _tab_to(page, "7 days")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("range=7d"))
    _tab_to(page, "Show as table: PM2.5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Values of PM2.5")).to_be_visible()


def _tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText.replace(/\\s+/g, ' ').replace(' :', ':').trim()") == name:
            return
    pytest.fail(f"forty tabs did not reach {name!r}")


def test_status_page_computes_rates_from_the_counters(open_page: OpenPage, console: Console, test_artefacts: Path) -> None:
    """A thousand messages in some seconds are a rate, as a figure and as a line."""
    page = open_page("/status")
    expect(page.locator("[data-rate=messages]")).to_have_text("0", timeout=10_000)

    for _ in range(4):
        with psycopg.connect(console.database) as connection:
            connection.execute(
                "UPDATE ingest_status SET updated_at = now(), messages = messages + 250, readings = readings + 1250,"
                " readings_stored = readings_stored + 1250"
            )
        page.wait_for_timeout(1000)

    expect(page.locator("[data-rate=messages]")).not_to_have_text("0", timeout=6000)
    messages, readings = (float(page.locator(f"[data-rate={name}]").inner_text()) for name in ("messages", "readings"))
    assert 20 < messages < 500
    assert readings == pytest.approx(5 * messages, rel=0.1)
    page.wait_for_timeout(5000)
    page.screenshot(path=test_artefacts / "console-status-busy.png")


def test_page_after_signing_out_elsewhere_says_so(open_page: OpenPage, console: Console) -> None:
    """A page left open does not pretend to be fresh when its session has ended."""
    page = open_page("/", signed_in=False)
    page.get_by_label("User name").fill(console.user)
    page.get_by_label("Password", exact=True).fill(console.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    csrf = page.locator("input[name=csrf]").get_attribute("value")
    page.request.post("/logout", form={"csrf": csrf or ""})

    expect(page.get_by_text("You have been signed out.")).to_be_visible(timeout=10_000)


def test_console_without_scripts_shows_tables(open_page: OpenPage, test_artefacts: Path) -> None:
    """Everything a chart tells stands in tables that need no script; search works by its button."""
    page = open_page("/", scripts=False)
    page.get_by_label("Search").fill("dorchester")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Dorchester, High West Street").click()

    expect(page.get_by_text("Charts need JavaScript.")).to_be_visible()
    page.get_by_text("Show as table").first.click()
    assert page.locator("figure").first.locator("tbody tr").count() > 40
    page.screenshot(path=test_artefacts / "console-site-without-scripts.png", full_page=True)


def test_console_loads_nothing_from_elsewhere(open_page: OpenPage, console: Console) -> None:
    """Every file comes from Hedgerow itself, and no page is heavy."""
    page = open_page("/sites/high-west-street")
    _let_charts_draw(page)

    loaded = json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('resource'))"))
    assert {entry["name"].split("/")[2] for entry in loaded} == {console.url.removeprefix("http://")}
    assert sum(entry["transferSize"] for entry in loaded if entry["name"].endswith((".js", ".css"))) < 100_000
