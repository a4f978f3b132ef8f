"""People in Chromium: signing in as each role, and their pages by keyboard, narrow and wide, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from playwright.sync_api import expect

from api.people import ROLES, add_person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from api.people import Role
    from tests.servers.console import Console

    SignIn = Callable[..., Page]

pytestmark = pytest.mark.chromium

_PASSWORD = "three random words do"  # noqa: S105 - of a database that lives as long as a test
_RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
_LEAST: dict[str, Role] = {"/account": "viewer", "/areas": "manager", "/people": "admin", "/audit": "admin"}


@pytest.fixture(scope="module", autouse=True)
def _people(console: Console) -> None:
    """Make someone of each role known, an area, and someone with a password that is good for once."""
    with psycopg.connect(console.database) as connection:
        for role in ROLES:
            add_person(connection, f"an {role}", role, _PASSWORD)
        add_person(connection, "a newcomer", "viewer", _PASSWORD)
        connection.execute("UPDATE principal SET password_is_due = true WHERE name = 'a newcomer'")
        connection.execute("INSERT INTO area (code, name) VALUES ('west', 'West')")
        connection.execute("INSERT INTO area_site SELECT area_id, site_id FROM area, site WHERE site.code LIKE 'gully-1%'")


@pytest.fixture
def sign_in(chromium: Browser, console: Console) -> Iterator[SignIn]:
    """Give what signs a person in with nothing but the keyboard: `sign_in("an admin", color_scheme="dark")`."""
    opened = []

    def sign_in(name: str, **options: Any) -> Page:  # noqa: ANN401 - of a browser's context
        context = chromium.new_context(base_url=console.url, locale="en-GB", **options)
        opened.append(context)
        page = context.new_page()
        page.goto("/login")
        page.locator("#user").focus()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address: not address.endswith("/login"))
        return page

    yield sign_in
    for context in opened:
        context.close()


@pytest.mark.parametrize("role", ROLES)
def test_sign_in_as_each_role_shows_what_it_may_see(sign_in: SignIn, role: Role) -> None:
    """The header leads each role to its pages and no other; the others answer that it may not."""
    page = sign_in(f"an {role}")
    expect(page.get_by_text(f"an {role}")).to_be_visible()

    for address, least in _LEAST.items():
        may = ROLES.index(role) >= ROLES.index(least)
        links = page.locator(f'nav[aria-label="Main"] a[href="{address}"]')
        expect(links).to_have_count(1 if may else 0)
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == (200 if may else 403), address
        if not may:
            expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/login")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_of_people_are_accessible(sign_in: SignIn, axe: str, test_artefacts: Path, width: int, scheme: str) -> None:
    """No page of people breaks a rule of WCAG 2.2 AA that axe-core can check, or scrolls sideways."""
    viewport = {"width": width, "height": 800}
    page = sign_in("an admin", viewport=viewport, color_scheme=scheme)
    page.goto("/people")
    person = page.get_by_role("link", name="an engineer").get_attribute("href")
    found: list[str] = []
    for address in ("/account", "/people", str(person), "/areas", "/areas/west", "/audit", "/audit?from=x"):
        page.goto(address)
        page.screenshot(
            path=test_artefacts / f"people{address.replace('/', '-').replace('?', '-')}-{width}-{scheme}.png", full_page=True
        )
        page.evaluate(axe)
        violations = page.evaluate(f"axe.run({{runOnly: {_RULES}}})")["violations"]
        found += [f"{address} {one['id']}: {node['html'][:150]}" for one in violations for node in one["nodes"]]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{address} scrolls sideways")

    assert found == []


def test_newcomer_chooses_a_password_with_the_keyboard_alone(sign_in: SignIn, console: Console) -> None:
    """A one-time password leads to one's account and nowhere else; slips lead to their field; then everything is open."""
    page = sign_in("a newcomer")
    page.wait_for_url("**/account")
    page.goto("/")
    page.wait_for_url("**/account")

    def fill(old: str, new: str, again: str) -> None:
        for field, text in (("old", old), ("new", new), ("again", again)):
            page.locator(f"#{field}").focus()
            page.keyboard.type(text)
        page.keyboard.press("Enter")

    fill(_PASSWORD, "short", "short")
    link = page.get_by_role("alert").get_by_role("link")
    expect(link).to_have_text("The new password must have 12 characters or more")
    link.press("Enter")
    expect(page.locator("#new")).to_be_focused()
    fill(_PASSWORD, "four other random words", "four other random words")
    page.wait_for_url("**/account?done=password")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url == f"{console.url}/"
