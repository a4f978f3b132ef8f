"""Chromium in front of a real console: fixtures of the browser tests."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from api.pages.built import find_built
from tests.servers.console import Console, running_console
from tests.servers.places import chromium_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.servers.databases import Databases

    OpenPage = Callable[..., Page]

_WEB = Path(__file__).parents[2] / "web"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# What Chromium itself says of an answer with an error, which some tests want, and of drawing a map without a graphics card.
_EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of (401|404|422)"
    r"|\[\.WebGL-\w+\]GL Driver Message .* ReadPixels"
)


@pytest.fixture(scope="session")
def _built_console() -> None:
    """Need what `npm run build` makes; where npm was wanted it must be there."""
    if find_built() is None or not (_WEB / "node_modules" / "axe-core").exists():
        missing = "the console is not built: run 'npm ci' and 'npm run build' in web/"
        if "chromium" in os.environ.get("HEDGEROW_TEST_REQUIRE", ""):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def console(plain_databases: Databases) -> Iterator[Console]:
    """Give one console over a day of a small county; tests that write do so at sites of their own."""
    with plain_databases.migrated() as database, running_console(database) as console:
        yield console


@pytest.fixture(scope="module")
def chromium(_built_console: None) -> Iterator[Browser]:
    """Give Chromium; not for longer than a module: while Playwright runs, no other test may run an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def session(chromium: Browser, console: Console) -> dict[str, object]:
    """Sign in once, with the keyboard, and give what the browser keeps of it."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{console.url}/login")
    page.locator("#user").focus()
    page.keyboard.type(console.user)
    page.keyboard.press("Tab")
    page.keyboard.type(console.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{console.url}/")
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def open_page(chromium: Browser, console: Console, session: dict[str, object]) -> Iterator[OpenPage]:
    """Give what opens a page of the console; whatever a page complains of fails the test."""
    contexts, complaints = [], []

    def open_page(path: str, *, width: int = 1280, signed_in: bool = True, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=console.url,
            viewport={"width": width, "height": 800},
            locale="en-GB",
            java_script_enabled=scripts,
            storage_state=session if signed_in else None,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if not _EXPECTED.match(text)] == []


@pytest.fixture(scope="session")
def axe(_built_console: None) -> str:
    """Give the source of axe-core."""
    return (_WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
