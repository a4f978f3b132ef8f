"""What a scanned code says: a LoRaWAN TR005 sticker, a bare EUI, or the short link of one of our labels.

`web/src/scan_text.ts` reads the same in a browser; `tests/data/scan_texts.json` holds both to the same answers.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from devices.model import normalise_uid

_MOST = 1000  # characters; a QR code holds more, but none of ours or TR005's does
_LINK = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?/d/(?P<uid>[^/?#\s]+)/?(?:[?#]\S*)?", re.IGNORECASE)
_PREFIX = re.compile(r"(?:dev(?:ice)? ?)?eui(?:-?64)? ?[:=#]? ?|0x", re.IGNORECASE)
_BETWEEN = re.compile(r"[-:. _]")
_EUI = re.compile(r"[0-9a-f]{16}")
_PROFILE = re.compile(r"[0-9A-F]{8}")


class ScanError(ValueError):
    """A code that names no device; its text says what it is instead."""


class Scan(NamedTuple):
    """What a code says of a device; None where it does not say."""

    uid: str
    join_eui: str | None = None
    """16 lower-case hex digits."""
    profile_id: str | None = None
    """LoRa Alliance's id of the vendor and the vendor's of the model: 8 upper-case hex digits."""
    serial: str | None = None


def read_scan(text: str) -> Scan:
    """Read the text of a scanned code.

    Source of the sticker's format: LoRa Alliance, TR005 LoRaWAN Device Identification QR Codes, version 1.0.

    Raises
    ------
    ScanError
        When it names no device.
    """
    text = text.strip()
    if not text or len(text) > _MOST:
        raise ScanError("The code is empty." if not text else "The code is too long to be that of a device.")
    if text[:6].upper() == "LW:D0:":
        return _sticker(text)
    if link := _LINK.fullmatch(text):
        return Scan(_uid_of_link(link["uid"]))
    if eui := _eui(_PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text):
        return Scan(eui)
    raise ScanError("This is no code of a device: it holds neither a LoRaWAN sticker, nor an EUI, nor the link of a label.")


def _sticker(text: str) -> Scan:
    """Read `LW:D0:JoinEUI:DevEUI:ProfileID` with its optional parts, each told by its first letter."""
    fields = text.split(":")
    if len(fields) < 5:
        raise ScanError("The LoRaWAN code is not complete. Scan it again, or type the DevEUI.")
    join_eui, uid = (_eui(field) for field in fields[2:4])
    profile_id = fields[4].upper()
    if uid is None or join_eui is None or not _PROFILE.fullmatch(profile_id):
        raise ScanError("The LoRaWAN code holds no JoinEUI, DevEUI and profile. Scan it again, or type the DevEUI.")
    if fields[-1][:1].upper() == "C" and fields[5:]:
        _check(text, fields[-1][1:])
    serials = (field[1:] for field in fields[5:] if field[:1].upper() == "S")
    return Scan(uid, join_eui, profile_id, next(serials, "") or None)


def _check(text: str, told: str) -> None:
    """Compare the checksum at the end with that of what stands before it."""
    if told.upper() != f"{_crc16(text.upper().rpartition(':')[0]):04X}":
        raise ScanError("The LoRaWAN code was misread: its checksum does not fit. Scan it again.")


def _crc16(text: str) -> int:
    """CRC-16/MODBUS, as TR005 wants."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def _eui(text: str) -> str | None:
    """Write an EUI-64 the one way it is stored; None where the text is none."""
    plain = _BETWEEN.sub("", text).lower()
    return plain if _EUI.fullmatch(plain) else None


def _uid_of_link(text: str) -> str:
    try:
        return normalise_uid(unquote(text, errors="strict"))
    except ValueError:
        raise ScanError("The link names no device: what follows /d/ is no EUI and no name of a device.") from None
