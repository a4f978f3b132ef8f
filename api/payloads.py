"""Payloads as people paste them: hex in any usual spelling, or base64, told apart."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error

_NOT_HEX = re.compile(r"[\s:,;_-]+|0[xX]")


class PayloadError(ValueError):
    """A payload that cannot be read."""


def payload_of(text: str, spelling: str = "auto") -> tuple[bytes, str]:
    """Read a payload as people paste it.

    Parameters
    ----------
    text
        Hex in any usual spelling (`01 75 5c`, `01-75-5C`, `0x01, 0x75`), or base64.
    spelling
        `hex`, `base64`, or `auto`: hex where it can be that.

    Returns
    -------
    tuple
        The payload, and the spelling it was read by.

    Raises
    ------
    PayloadError
        Saying what is wrong with it.
    """
    digits, packed = _NOT_HEX.sub("", text), "".join(text.split())
    if not packed:
        raise PayloadError("Enter a payload")
    if spelling == "hex" or (spelling == "auto" and len(digits) % 2 == 0 and not re.search(r"[^0-9a-fA-F]", digits)):
        return _hex(digits), "hex"
    try:
        return b64decode(packed.replace("-", "+").replace("_", "/") + "=" * (-len(packed) % 4), validate=True), "base64"
    except Base64Error as error:
        if spelling == "auto":
            raise PayloadError("The payload is neither hex nor base64: check that all of it was copied") from error
        raise PayloadError("The payload is not base64: check that all of it was copied") from error


def _hex(digits: str) -> bytes:
    if wrong := re.search(r"[^0-9a-fA-F]", digits):
        raise PayloadError(f"The payload is not hex: {wrong[0]!r} is no hex digit")
    if len(digits) % 2:
        raise PayloadError(f"The payload is not hex: it has {len(digits)} digits, and every byte takes two")
    return bytes.fromhex(digits)
