"""Payloads as people paste them: spellings of hex, base64, and what is neither."""

from __future__ import annotations

import pytest

from api.payloads import PayloadError, payload_of


@pytest.mark.parametrize(
    ("text", "spelling", "payload", "read_as"),
    [
        ("01755c", "auto", b"\x01\x75\x5c", "hex"),
        (" 01 75\n5C ", "auto", b"\x01\x75\x5c", "hex"),
        ("0x01, 0x75", "auto", b"\x01\x75", "hex"),
        ("01:75-5c", "auto", b"\x01\x75\x5c", "hex"),
        ("AXVc", "auto", b"\x01\x75\x5c", "base64"),
        ("AXU", "auto", b"\x01\x75", "base64"),
        ("_-8=", "auto", b"\xff\xef", "base64"),
        ("abcd", "auto", b"\xab\xcd", "hex"),
        ("abcd", "base64", b"\x69\xb7\x1d", "base64"),
    ],
)
def test_payload_of_any_spelling_is_told_apart(text: str, spelling: str, payload: bytes, read_as: str) -> None:
    """What can be hex is hex, unless base64 is chosen."""
    assert payload_of(text, spelling) == (payload, read_as)


@pytest.mark.parametrize(
    ("text", "spelling", "told"),
    [
        ("", "auto", "Enter a payload"),
        ("  ", "hex", "Enter a payload"),
        ("017", "hex", "it has 3 digits"),
        ("01zz", "hex", "'z' is no hex digit"),
        ("*", "auto", "neither hex nor base64"),
        ("a", "base64", "is not base64"),
    ],
)
def test_payload_that_is_none_says_what_is_wrong(text: str, spelling: str, told: str) -> None:
    """The message names what to mend."""
    with pytest.raises(PayloadError, match=told):
        payload_of(text, spelling)
