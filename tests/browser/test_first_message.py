"""From a sticker to a first message: the whole story of a field engineer at the roadside, with the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from paho.mqtt import publish
from playwright.sync_api import expect

from devices.topics import device_topic
from tests.browser.telephones import FAKE_CAMERA, add_engineer, film_of, sign_in, tab_to, telephone
from tests.servers.console import Console
from tests.servers.path import running_path

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.servers.databases import Databases
    from tests.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

_UID = "a81758fffe0000b7"
_SOON_MS = 80_000  # a try that fails is followed by the next one half a minute later


def test_device_scanned_and_registered_shows_its_first_message(
    chromium: Browser, plain_databases: Databases, module_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The camera reads the sticker; registered, the device's page waits, and tells of the first message as it arrives."""
    film = film_of(_UID.upper(), tmp_path / "sticker.y4m")
    with plain_databases.migrated() as database, running_path(database, module_mosquitto, tmp_path) as path:
        console = Console(path.http_url, database)
        add_engineer(console, "erin")
        with telephone(chromium, console, tmp_path / "memory", *FAKE_CAMERA, film) as context:
            page = context.new_page()
            page.goto("/register")
            sign_in(page, "erin")
            page.wait_for_url("**/register")
            tab_to(page, "#scan")
            page.keyboard.press("Enter")
            expect(page.get_by_label("EUI or uid")).to_have_value(_UID, timeout=_SOON_MS)
            tab_to(page, "#name")
            page.keyboard.type("By the ford")
            tab_to(page, "#use-position")
            page.keyboard.press("Enter")
            expect(page.get_by_label("Latitude")).to_have_value("50.715600")
            tab_to(page, "#register-form [type=submit]")
            page.keyboard.press("Enter")
            expect(page.locator("#queue li")).to_contain_text("Sent", timeout=_SOON_MS)
            tab_to(page, "#queue a")
            page.keyboard.press("Enter")

            page.wait_for_url(f"**/devices/{_UID}")
            expect(page.locator("#arrived")).to_contain_text("Not yet")
            publish.single(device_topic(_UID), b'{"water_level": 0.42}', 1, hostname=path.broker.host, port=path.broker.port)
            expect(page.locator("#arrived")).to_contain_text("Yes: the last message came", timeout=_SOON_MS)
            expect(page.get_by_role("row", name="Water level")).to_contain_text("0.42", timeout=_SOON_MS)
