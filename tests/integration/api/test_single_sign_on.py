"""Single sign-on against a small provider: who comes in, as what, and every token that must not be believed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from api.people import add_person
from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, Provider, _new_key, running_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.integration.api.conftest import Api, Serve

_ROLES = "Hedgerow.Engineer=engineer, Hedgerow.Admin=admin, 11111111-2222=viewer"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Give a running provider."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
def signing_on(serve: Serve, plain_database: str, provider: Provider) -> Api:
    """Give an API that people reach by single sign-on."""
    return serve(
        plain_database,
        public_url="http://console.example",
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_roles=_ROLES,
        oidc_name="County Hall",
    )


def sign_on(api: Api, wanted: str = "/status") -> tuple[httpx.Client, httpx.Response]:
    """Go the way of a browser: to the provider and back; give the browser and the last answer."""
    browser = api.client()
    away = browser.get("/login/sso", params={"next": wanted})
    assert away.status_code == 303, away.text
    back = browser.get(away.headers["location"]).headers["location"]
    assert back.startswith("http://console.example/login/sso/callback?")
    return browser, browser.get(back.removeprefix("http://console.example"))


def told_in_audit(api: Api) -> list[tuple[Any, ...]]:
    """Give name, action and note of the sign-ins in the audit."""
    return api.execute("SELECT key, action, note FROM audit_entry WHERE kind = 'login' ORDER BY audit_id")


def test_sign_on_first_time_makes_the_person_and_goes_where_they_wanted(signing_on: Api) -> None:
    """Whoever has a role of ours comes in at once, as what the role says, and without a password here."""
    assert "Sign in with County Hall" in signing_on.client().get("/login").text

    browser, answer = sign_on(signing_on)

    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    assert "kim@county.example" in browser.get("/account").text
    assert "Change your password" not in browser.get("/account").text
    assert signing_on.execute("SELECT name, role, password_hash FROM principal") == [("kim@county.example", "engineer", None)]
    assert told_in_audit(signing_on) == [("kim@county.example", "signed in", "single sign-on")]
    sign_on(signing_on)
    assert signing_on.execute("SELECT count(*) FROM principal") == [(1,)]


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"roles": ["Hedgerow.Admin", "Hedgerow.Engineer"]}, "admin"),
        ({"roles": None, "groups": ["other", "11111111-2222"]}, "viewer"),
    ],
)
def test_sign_on_gives_the_highest_role_of_roles_and_groups(
    signing_on: Api, provider: Provider, claims: dict[str, object], role: str
) -> None:
    """App roles and groups count alike; of several the highest is taken, and the next sign-on may change it."""
    provider.claims = claims
    sign_on(signing_on)
    assert signing_on.execute("SELECT role FROM principal") == [(role,)]


def spoil_nonce(provider: Provider) -> None:
    """Answer another question than was asked."""
    provider.claims = {"nonce": "another"}


def spoil_key(provider: Provider) -> None:
    """Sign with a key nobody knows, under the name of a known one."""
    provider.foreign = _new_key("first")


def spoil_algorithm(provider: Provider) -> None:
    """Do not sign at all."""
    provider.unsigned = True


def claiming(**claims: object) -> Callable[[Provider], None]:
    """Say something else."""

    def spoil(provider: Provider) -> None:
        provider.claims = claims

    return spoil


_BAD = {
    "wrong nonce": spoil_nonce,
    "no nonce": claiming(nonce=None),
    "wrong audience": claiming(aud="another-client"),
    "several audiences, not for us": claiming(aud=[CLIENT_ID, "another"], azp="another"),
    "expired": claiming(exp=int(time.time()) - 3600),
    "no expiry": claiming(exp=None),
    "wrong issuer": claiming(iss="https://elsewhere.example"),
    "not valid yet": claiming(nbf=int(time.time()) + 3600),
    "no subject": claiming(sub=None),
    "alg none": spoil_algorithm,
    "foreign key": spoil_key,
}


@pytest.mark.parametrize("name", list(_BAD))
def test_sign_on_with_a_token_that_is_not_good_opens_nothing(
    signing_on: Api, provider: Provider, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that is not for us, now, of this provider and this very sign-on lets nobody in; the log says why."""
    _BAD[name](provider)

    browser, answer = sign_on(signing_on)

    assert answer.status_code == 403
    assert "did not succeed" in answer.text
    assert browser.get("/api/v1/sites").status_code == 401
    assert signing_on.execute("SELECT count(*) FROM principal") == [(0,)]
    assert "id token is not good" in caplog.text


def test_sign_on_of_another_browser_or_state_opens_nothing(signing_on: Api) -> None:
    """A way back that this browser did not begin, or with another state, lets nobody in: nobody is signed in as another."""
    browser = signing_on.client()
    back = browser.get(browser.get("/login/sso").headers["location"]).headers["location"]
    address = back.removeprefix("http://console.example")

    assert signing_on.client().get(address).status_code == 403
    assert browser.get(address.replace("state=", "state=x")).status_code == 403
    assert browser.get("/login/sso/callback?error=access_denied").status_code == 403
    assert browser.get(address).status_code == 303


def test_sign_on_after_the_keys_have_changed_fetches_them_anew(signing_on: Api, provider: Provider) -> None:
    """Keys are kept between sign-ons, and fetched again when one comes that is not known."""
    sign_on(signing_on)
    sign_on(signing_on)
    assert provider.keys_fetched == 1

    provider.rotate()

    assert sign_on(signing_on)[1].status_code == 303
    assert provider.keys_fetched == 2


def test_sign_on_without_a_role_closes_the_account_at_once(signing_on: Api, provider: Provider) -> None:
    """Nobody without a role of ours is let in; whoever was let in before is out, on every device, and stays out."""
    browser, _ = sign_on(signing_on)
    assert browser.get("/api/v1/sites").status_code == 200

    provider.claims = {"roles": ["Something.Else"]}
    _, answer = sign_on(signing_on)

    assert answer.status_code == 403
    assert "You have no role in Hedgerow" in answer.text
    assert browser.get("/api/v1/sites").status_code == 401
    provider.claims = {}
    assert "Your account in Hedgerow is closed" in sign_on(signing_on)[1].text
    assert [action for _, action, _ in told_in_audit(signing_on)] == ["signed in", "refused", "refused"]


def test_sign_on_under_the_name_of_a_local_account_does_not_take_it_over(signing_on: Api) -> None:
    """A name that somebody has here already is theirs: the provider cannot sign in as them."""
    with psycopg.connect(signing_on.database) as connection:
        add_person(connection, "kim@county.example", "admin", "a long enough password")

    assert "Somebody else has the name" in sign_on(signing_on)[1].text
    assert signing_on.execute("SELECT role, sso_subject FROM principal") == [("admin", None)]


def test_sign_on_goes_only_to_pages_of_ours(signing_on: Api) -> None:
    """The address to go on to cannot lead elsewhere."""
    assert sign_on(signing_on, "https://elsewhere.example/")[1].headers["location"] == "/"


def test_sign_on_where_it_is_not_set_up_is_not_there(plain_api: Api) -> None:
    """Without a provider there is neither button nor address."""
    assert plain_api.client().get("/login/sso").status_code == 404
    assert "Sign in with" not in plain_api.client().get("/login").text
