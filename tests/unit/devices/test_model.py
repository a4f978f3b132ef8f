"""The one way a device uid is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import normalise_uid
from tests.unit.devices.examples import DETERMINISTIC


@pytest.mark.parametrize(
    "text",
    [
        "00112233aabbccdd",
        "00112233AABBCCDD",
        "00-11-22-33-aa-bb-cc-dd",
        "00:11:22:33:AA:BB:CC:DD",
        "00 11 22 33 aa bb cc dd",
        "  00112233AabbccDD\n",
    ],
)
def test_normalise_uid_eui_in_any_spelling_becomes_sixteen_hex_digits(text: str) -> None:
    """However a label prints an EUI-64, it is the same device."""
    assert normalise_uid(text) == "00112233aabbccdd"


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("Gully-7", "gully-7"),
        ("a", "a"),
        ("7", "7"),
        ("a" * 128, "a" * 128),
        ("urn.x_y:z-9", "urn.x_y:z-9"),
        ("00-11-22-33-aa-bb-cc", "00-11-22-33-aa-bb-cc"),
        ("00112233aabbccdd0", "00112233aabbccdd0"),
        ("00112233aabbccdg", "00112233aabbccdg"),
    ],
)
def test_normalise_uid_name_is_lower_cased_and_else_kept(text: str, uid: str) -> None:
    """A name that is no EUI-64 keeps its separators."""
    assert normalise_uid(text) == uid


@pytest.mark.parametrize(
    "text", ["", " ", "-a", ".a", ":a", "_a", "a/b", "a+b", "a#", "a b", "a\x00", "ä", "a\nb", "a" * 129, "٣"]
)
def test_normalise_uid_impossible_name_is_refused(text: str) -> None:
    """What would break topics, texts or look-ups is no uid."""
    with pytest.raises(ValueError, match="is no device uid"):
        normalise_uid(text)


@DETERMINISTIC
@given(st.text(max_size=30) | st.from_regex(r"\A\s?[0-9A-Fa-f:\- ]{16,24}\Z"))
def test_normalise_uid_any_text_is_refused_or_settles_at_once(text: str) -> None:
    """Whatever is accepted is safe in a topic, plain ASCII, and stays as it is when written again."""
    try:
        uid = normalise_uid(text)
    except ValueError:
        return

    assert normalise_uid(uid) == uid
    assert uid.isascii()
    assert uid == uid.lower()
    assert not set(uid) & set("/+#$ \x00")
    assert 1 <= len(uid) <= 128
