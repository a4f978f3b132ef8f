"""Did it arrive? The page of a device over the real path: a broker, ingest and the API, and Chromium in front."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from paho.mqtt import publish
from playwright.sync_api import expect

from api.people import add_person
from devices.topics import device_topic
from tests.servers.path import running_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.servers.databases import Databases
    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath

    OpenPage = Callable[..., Page]

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

_PASSWORD = "correct horse battery staple"  # noqa: S105 - of a database that lives as long as a test
_UID = "0011223344556677"
_SOON_MS = 15_000


@pytest.fixture(scope="module")
def path(
    plain_databases: Databases, module_mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholePath]:
    """Give the whole path, with an engineer who may sign in."""
    with plain_databases.migrated() as database:
        with psycopg.connect(database) as connection:
            connection.execute(
                "INSERT INTO device_profile (key, name, expected_interval_s) VALUES ('minutely', 'Minutely', 60)"
            )
        with running_path(database, module_mosquitto, tmp_path_factory.mktemp("path")) as path:
            with psycopg.connect(database) as connection:
                add_person(connection, "robin", "engineer", _PASSWORD)
            yield path


@pytest.fixture(scope="module")
def engineer(chromium: Browser, path: WholePath) -> dict[str, object]:
    """Sign in once, and give what the browser keeps of it."""
    context = chromium.new_context(base_url=path.http_url)
    page = context.new_page()
    page.goto("/login")
    page.fill("#user", "robin")
    page.fill("#password", _PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"{path.http_url}/")
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def open_device(chromium: Browser, path: WholePath, engineer: dict[str, object]) -> Iterator[OpenPage]:
    """Give what opens a page as the engineer."""
    contexts = []

    def open_device(address: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=path.http_url,
            viewport={"width": width, "height": 800},
            locale="en-GB",
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            storage_state=engineer,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield open_device
    for context in contexts:
        context.close()


def _register(path: WholePath, uid: str) -> None:
    with path.client as client:
        place = {"latitude": 50.7, "longitude": -2.4, "profile": "minutely"}
        answer = client.post("/devices", json={"uid": uid, "name": f"Sensor {uid[-4:]}", **place})
        assert answer.status_code == 201, answer.text


def _publish(path: WholePath, uid: str, payload: bytes) -> None:
    publish.single(device_topic(uid), payload, qos=1, hostname=path.broker.host, port=path.broker.port)


def test_device_page_shows_each_message_without_reload(open_device: OpenPage, path: WholePath) -> None:
    """Held before registration, stored at it, then a good one and a refused one: the page says so by itself, in words."""
    page = open_device(f"/devices/{_UID}")
    arrived, live = page.locator("#arrived"), page.locator("#live")
    expect(arrived).to_contain_text("Not yet")
    expect(live).to_contain_text("Is the device switched on")
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    page.evaluate("window.stillHere = true")

    _publish(path, _UID, b'{"pm2_5": 7.25}')
    expect(arrived).to_contain_text("is not registered", timeout=_SOON_MS)
    expect(live.get_by_role("region", name="The last held message", exact=True)).to_contain_text('{"pm2_5": 7.25}')
    expect(page.get_by_role("button", name="Register this device")).to_have_attribute("href", f"/register?uid={_UID}")

    _register(path, _UID)
    expect(page.get_by_role("row", name="PM2.5")).to_contain_text("7.25", timeout=_SOON_MS)

    _publish(path, _UID, json.dumps({"pm2_5": 8.5, "battery_level": 71}).encode())
    expect(page.get_by_role("row", name="PM2.5")).to_contain_text("8.5", timeout=_SOON_MS)
    expect(page.get_by_role("row", name="Battery")).to_contain_text("71%")
    expect(arrived).to_contain_text("Yes: the last message came")
    expect(live.get_by_role("region", name="The last message", exact=True)).to_contain_text("71")

    _publish(path, _UID, b'{"pm2_5": ')
    expect(page.get_by_role("heading", name="Refused lately")).to_be_visible(timeout=_SOON_MS)
    expect(arrived).to_contain_text("was refused")
    expect(live).to_contain_text("often it was cut off on the way")
    expect(live).to_contain_text("What to do: Compare what came")
    assert page.evaluate("window.stillHere")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_device_pages_are_accessible(
    open_device: OpenPage, path: WholePath, axe: str, test_artefacts: Path, *, width: int, dark: bool
) -> None:
    """The list, a device with a refusal and an unknown one break no rule of WCAG 2.2 AA, and none scrolls sideways."""
    uid = f"axe-{width}-{dark}".lower()
    _register(path, uid)
    _publish(path, uid, b'{"pm2_5": 8.5}')
    _publish(path, uid, b"\x00\x01\xff")
    page = open_device(f"/devices/{uid}", width=width, dark=dark)
    expect(page.get_by_role("heading", name="Refused lately")).to_be_visible(timeout=_SOON_MS)
    for name, address in {"device": f"/devices/{uid}", "device-unknown": "/devices/nobody", "devices": "/devices"}.items():
        page.goto(address)
        page.screenshot(path=test_artefacts / f"{name}-{width}-{'dark' if dark else 'light'}.png", full_page=True)
        page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
        page.evaluate(axe)
        found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert _told(found["violations"]) == []
        assert len(found["passes"]) > 15


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{found['id']}: {node['html'][:200]} {node['failureSummary']}" for found in violations for node in found["nodes"]]


def test_device_is_reached_from_the_list_by_keyboard_alone(open_device: OpenPage, path: WholePath) -> None:
    """Type a part of the uid, go to the one row left, and read its state."""
    _register(path, "keyboard-1")
    page = open_device("/devices")
    page.get_by_label("Search").focus()
    page.keyboard.type("keyboard-1")
    expect(page.locator("tbody tr")).to_have_count(1)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/devices/keyboard-1":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/devices/keyboard-1")

    expect(page.get_by_text("Waiting", exact=True)).to_be_visible()


def test_device_page_without_scripts_offers_to_reload(open_device: OpenPage) -> None:
    """Without JavaScript the page says how to see what has come since."""
    page = open_device("/devices/nobody", scripts=False)

    expect(page.get_by_role("link", name="Reload it")).to_have_attribute("href", "/devices/nobody")
