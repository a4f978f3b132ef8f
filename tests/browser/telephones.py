"""Telephones for the browser tests: Chromium with a memory of its own, an engineer's hands, and a picture for a camera."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
import segno

from api.people import add_person
from tests.browser.conftest import ARGUMENTS
from tests.servers.places import chromium_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.servers.console import Console

PASSWORD = "stile gate lane hedge"  # noqa: S105 - of a database that lives as long as a test
FAKE_CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
"""Arguments of Chromium that let a page film without asking; `film_of` gives what it sees."""

_WIDTH, _HEIGHT = 640, 480  # pixels of the camera
_DOT = 8  # pixels of a module of the code


def add_engineer(console: Console, name: str) -> None:
    """Let an engineer sign in."""
    with psycopg.connect(console.database) as connection:
        add_person(connection, name, "engineer", PASSWORD)


@contextmanager
def telephone(chromium: Browser, console: Console, memory: Path, *more: str, width: int = 390) -> Iterator[BrowserContext]:
    """Switch a telephone on; with the same `memory` it is the same telephone as before. It stands in Dorchester.

    Parameters
    ----------
    more
        Further arguments of Chromium.
    """
    context = chromium.browser_type.launch_persistent_context(
        memory,
        executable_path=chromium_program(),
        args=[*ARGUMENTS, *more],
        base_url=console.url,
        viewport={"width": width, "height": 800},
        locale="en-GB",
        permissions=["geolocation"],
        geolocation={"latitude": 50.7156, "longitude": -2.4366, "accuracy": 7.5},
    )
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    try:
        yield context
    finally:
        context.close()
    assert complaints == []


def sign_in(page: Page, name: str) -> None:
    """Sign in at the page that asks for it."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def tab_to(page: Page, wanted: str) -> None:
    """Go on with the Tab key until the one thing that `wanted` (CSS) means has the focus."""
    for _ in range(80):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{wanted} is not reached with the Tab key")


def film_of(code: str, path: Path) -> str:
    """Write a film (YUV4MPEG2, for Chromium's file camera) of a QR code held still; give the arguments that show it."""
    dots = np.array(segno.make_qr(code, error="m").matrix, dtype=np.uint8)
    square = np.kron(1 - dots, np.ones((_DOT, _DOT), dtype=np.uint8)) * 235
    frame = np.full((_HEIGHT, _WIDTH), 235, dtype=np.uint8)
    top, left = (_HEIGHT - len(square)) // 2, (_WIDTH - len(square)) // 2
    frame[top : top + len(square), left : left + len(square)] = np.maximum(square, 16)
    grey = np.full(_WIDTH * _HEIGHT // 2, 128, dtype=np.uint8)
    head = f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + (b"FRAME\n" + frame.tobytes() + grey.tobytes()) * 4)
    return f"--use-file-for-fake-video-capture={path}"
