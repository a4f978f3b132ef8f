"""Production mode: what is too weak to start with is named, and told never."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.production import weaknesses
from api.settings import ApiSettings

_STRONG = "c1f7a09be2d84c5f9a36"
_GOOD = {
    "database_url": f"postgresql://hedgerow:{_STRONG}@localhost/hedgerow",
    "public_url": "https://hedgerow.example.org",
}
_SSO = {
    "oidc_issuer": "https://login.example.org/tenant/v2.0",
    "oidc_client_id": "11111111-2222",
    "oidc_client_secret": _STRONG,
    "oidc_roles": "Hedgerow.Admin=admin",
}


def test_production_with_strong_settings_starts() -> None:
    """Nothing is complained of where all is well, with single sign-on or without; a socket needs no password."""
    assert ApiSettings(**_GOOD, production=True).production  # type: ignore[arg-type]
    assert ApiSettings(**_GOOD, **_SSO, production=True).production  # type: ignore[arg-type]
    assert ApiSettings(**_GOOD | {"database_url": "postgresql:///hedgerow"}, production=True).production  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("database_url", "postgresql://hedgerow:hedgerow@localhost/hedgerow"),
        ("database_url", "host=localhost user=hedgerow password=short"),
        ("database_url", "postgresql://hedgerow:aaaaaaaaaaaaaaaaaaaaaaaa@localhost/hedgerow"),
        ("database_url", "postgresql://hedgerow:changeme-changeme-changeme@localhost/hedgerow"),
        ("oidc_client_secret", "secret"),
        ("oidc_issuer", "http://login.example.org"),
        ("public_url", ""),
        ("public_url", "http://hedgerow.example.org"),
        ("session_hours", "1000"),
    ],
)
def test_production_refuses_what_is_weak_by_the_name_of_its_setting(setting: str, value: str) -> None:
    """The message names the setting and says what to do, and repeats no secret; without production mode it starts."""
    given = _GOOD | _SSO | {setting: value}
    name = f"HEDGEROW_{setting.upper()}"

    with pytest.raises(ValidationError) as refused:
        ApiSettings(**given, production=True)  # type: ignore[arg-type]

    assert name in str(refused.value)
    for secret in (_STRONG, "changeme-changeme", "aaaaaaaa"):
        assert secret not in str(refused.value)
    if setting != "public_url":
        relaxed = ApiSettings(**given)  # type: ignore[arg-type]
        assert any(name in weakness for weakness in weaknesses(relaxed))


@pytest.mark.parametrize("missing", ["oidc_client_id", "oidc_client_secret", "oidc_roles", "public_url"])
def test_single_sign_on_set_up_by_half_does_not_start(missing: str) -> None:
    """Whoever names a provider names the rest too, in production mode or not."""
    with pytest.raises(ValidationError, match=f"HEDGEROW_{missing.upper()}"):
        ApiSettings(**_GOOD | _SSO | {missing: ""})  # type: ignore[arg-type]


@pytest.mark.parametrize("roles", ["admin", "Hedgerow.Admin=king", "=admin", "a=b=owner"])
def test_roles_of_single_sign_on_that_make_no_sense_are_refused(roles: str) -> None:
    """A slip in the list of roles is told at the start, not when somebody cannot come in."""
    with pytest.raises(ValidationError, match="value=role"):
        ApiSettings(**_GOOD | _SSO | {"oidc_roles": roles})  # type: ignore[arg-type]
