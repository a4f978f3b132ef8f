"""Codes of sites made from names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.registration import slug_of


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("High Street", "high-street"),
        ("Bridport, West Bay Rd.", "bridport-west-bay-rd"),
        ("  A31 / M27 (east)  ", "a31-m27-east"),
        ("Château d'Eau", "chateau-d-eau"),
        ("水", "site"),
        ("---", "site"),
        ("x" * 100, "x" * 60),
        ("x" * 59 + " y", "x" * 59),
    ],
)
def test_slug_keeps_what_can_stand_in_an_address(name: str, slug: str) -> None:
    """Letters and digits stay, accents go, everything between becomes one hyphen."""
    assert slug_of(name) == slug


@given(st.text())
def test_slug_of_any_name_is_a_code(name: str) -> None:
    """Whatever a site is called, its code is one the database takes."""
    assert re.fullmatch("[a-z0-9][a-z0-9_-]{0,59}", slug_of(name))
