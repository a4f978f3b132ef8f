"""Tokens against forged writes."""

from __future__ import annotations

import pytest

from api.people import Person, csrf_token, is_csrf_token


def test_csrf_token_belongs_to_one_session() -> None:
    """The token is the session's own, always the same, and does not give the session away."""
    assert is_csrf_token("session", csrf_token("session"))
    assert csrf_token("session") == csrf_token("session")
    assert csrf_token("session") != csrf_token("other")
    assert "session" not in csrf_token("session")


@pytest.mark.parametrize("given", ["", "wrong", "é", "\ud800", csrf_token("other"), csrf_token("session")[:-1]])
def test_csrf_token_of_another_session_is_refused(given: str) -> None:
    """Nothing but the session's own token lets a write pass."""
    assert not is_csrf_token("session", given)


def test_roles_all_but_the_viewer_may_write() -> None:
    """A viewer reads; everyone else may change the registry."""
    may_write = {role: Person(1, "kim", role).may_write for role in ("viewer", "engineer", "manager", "admin")}

    assert may_write == {"viewer": False, "engineer": True, "manager": True, "admin": True}
