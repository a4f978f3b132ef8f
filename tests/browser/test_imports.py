"""Import and labels in Chromium: a spreadsheet with wrong rows, sheets to print, for everyone and with the keyboard alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.telephones import add_engineer, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.servers.console import Console

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.chromium

_RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"


@pytest.fixture(scope="module")
def session(chromium: Browser, console: Console) -> dict[str, object]:
    """Sign an engineer in once, and give what the browser keeps of it."""
    add_engineer(console, "imogen")
    context = chromium.new_context(base_url=console.url)
    page = context.new_page()
    page.goto("/login")
    sign_in(page, "imogen")
    page.wait_for_url(f"{console.url}/")
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture(scope="module")
def shown(chromium: Browser, console: Console, session: dict[str, object]) -> Iterator[str]:
    """Give the address of a dry run of 2,000 rows of which 20 are wrong."""
    context = chromium.new_context(base_url=console.url, storage_state=session)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/import")
    content = sheet(2000, lambda number: number % 100 == 50).encode()
    page.get_by_label("Spreadsheet").set_input_files({"name": "gullies.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Show what would happen").click()
    page.wait_for_url("**/import/*-*")
    yield page.url.removeprefix(console.url)
    context.close()


def sheet(rows: int, is_wrong: Callable[[int], bool], first: int = 0) -> str:
    """Write a sheet of gullies of which some have an impossible grid reference."""
    lines = [
        f"0011AABBCC{number:06X};Gully no. {number};generic;{'SY 827 79' if is_wrong(number) else 'SY 827 798'}"
        for number in range(first, first + rows)
    ]
    return "\n".join(["DevEUI;Name;Profile;Grid ref", *lines])


def devices(console: Console, pattern: str) -> int:
    """Count devices by their uids."""
    with psycopg.connect(console.database) as connection:
        [count] = connection.execute("SELECT count(*) FROM device WHERE uid LIKE %s", (pattern,)).fetchone() or (0,)
    return int(count)


def assert_everyone_can_use(page: Page, axe: str, width: int) -> None:
    """Check that a page does not scroll sideways, and breaks no rule that axe-core can check."""
    page.evaluate(axe)
    found = page.evaluate(f"axe.run({_RULES})")
    told = [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    assert len(found["passes"]) > 15


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["import", "import-run", "labels-slip", "label-sheets"])
def test_page_in_any_look_is_accessible(
    open_page: OpenPage, shown: str, axe: str, test_artefacts: Path, name: str, width: int
) -> None:
    """Light and dark, wide and narrow: nothing breaks a rule of WCAG 2.2 AA; the page's picture is kept."""
    addresses = {
        "import": "/import",
        "import-run": shown,
        "labels-slip": "/labels/sheets?sheet=21",
        "label-sheets": "/labels/sheets?profile=gully-1h&skip=2",
    }
    page = open_page(addresses[name], width=width)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=test_artefacts / f"console-{name}-{width}-{scheme}.png", full_page=True)
        assert_everyone_can_use(page, axe, width)


def test_import_of_2000_rows_says_which_20_are_wrong_and_leaves_them_out(
    open_page: OpenPage, console: Console, shown: str, test_artefacts: Path
) -> None:
    """The dry run names the twenty rows and why, and changes nothing; the commit leaves just those out, and they can be had."""
    page = open_page(shown)
    expect(page.get_by_role("link", name=re.compile("Refused 20"))).to_be_visible()
    page.get_by_role("link", name=re.compile("Refused 20")).click()
    expect(page.locator("tbody tr")).to_have_count(20)
    expect(page.locator("tbody tr").first).to_contain_text("Grid ref: 'SY 827 79' is no OS grid reference")
    numbers = page.locator("tbody th").all_inner_texts()
    assert numbers == [str(number) for number in range(52, 2000, 100)]
    assert devices(console, "0011aabbcc%") == 0

    page.get_by_role("button", name="Import 1,980 rows").click()

    expect(page.get_by_role("heading", name="Imported", exact=True)).to_be_visible(timeout=30_000)
    assert devices(console, "0011aabbcc%") == 1980
    expect(page.get_by_role("button", name=re.compile("^Import"))).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused rows").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert (len(lines), lines[0]) == (21, "DevEUI,Name,Profile,Grid ref,reason")
    page.screenshot(path=test_artefacts / "console-imported.png")


def test_import_and_labels_with_the_keyboard_alone(open_page: OpenPage, console: Console, tmp_path: Path) -> None:
    """From the file to the printed label without a mouse; only choosing the file is the browser's own window."""
    file = tmp_path / "three.csv"
    file.write_text(sheet(3, lambda _: False, first=0x900000))
    page = open_page("/import")
    page.get_by_label("Spreadsheet").set_input_files(file)
    page.get_by_label("Spreadsheet").focus()
    press_on(page, "Show what would happen")
    page.wait_for_url("**/import/*-*")
    press_on(page, "Import 3 rows")
    expect(page.get_by_role("heading", name="Imported", exact=True)).to_be_visible(timeout=30_000)
    assert devices(console, "0011aabbcc9%") == 3
    press_on(page, "Print labels for the new devices")
    page.wait_for_url("**/labels?import=*")
    press_on(page, "Make labels")

    expect(page.get_by_role("heading", name="3 labels on 1 sheet")).to_be_visible()
    expect(page.get_by_text("0011 AABB CC90 0002")).to_be_visible()


def press_on(page: Page, name: str) -> None:
    """Go to a link or button with the Tab key, and press Enter."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText.trim()") == name:
            page.keyboard.press("Enter")
            return
    pytest.fail(f"sixty tabs did not reach {name!r}")


def test_labels_printed_fit_their_sheet(open_page: OpenPage, test_artefacts: Path) -> None:
    """On paper there are labels and nothing else, each where the sheet has it, to a tenth of a millimetre."""
    page = open_page("/labels/sheets?profile=gully-1h&sheet=21")
    page.emulate_media(media="print")
    pixels_a_mm = 96 / 25.4
    box = page.locator(".hr-label").nth(4).bounding_box()
    sheet_box = page.locator(".hr-sheet").first.bounding_box()
    assert box is not None
    assert sheet_box is not None

    across, down = ((box[side] - sheet_box[side]) / pixels_a_mm for side in ("x", "y"))
    assert (across, down) == pytest.approx((7.2 + 66, 15.1 + 38.1), abs=0.1)
    assert (box["width"] / pixels_a_mm, box["height"] / pixels_a_mm) == pytest.approx((63.5, 38.1), abs=0.1)
    expect(page.locator(".hr-header")).to_be_hidden()
    pdf = page.pdf(path=test_artefacts / "labels.pdf", prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == page.locator(".hr-sheet").count() > 1
