"""Rows: the cells of one row become what it wants, or reasons that name the column and say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from api.imports.cells import unguarded
from api.times import parse_time
from devices.model import normalise_uid
from devices.positions import GridSquare, Position, grid_square, one_position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.imports.columns import Column

Value = TypeVar("Value")

_MOST_CHARACTERS = 1000
_MOST_IN_NOTE = 2000  # what the registry keeps: an export must come back
_MOST_IN_LINE = 200
_BREAKS = re.compile(r"\s*[\r\n\t]\s*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOST_FIGURES = re.compile(r"[0-9](\.[0-9]+e\+?|e\+)[0-9]+", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")  # 1e-05 is what lies just east of Greenwich
_BRITISH_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?: ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?")
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_CHANNEL = re.compile(r"[A-Za-z0-9._-]{0,40}")
_OF_DEVICES = ("name", "profile", "serial", "note", "channel", "installed_at")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row wants; what it does not say is empty or None."""

    uid: str = ""
    """Empty: the row is about a site alone."""
    name: str = ""
    profile: str = ""
    """As it stands there: a key, or the name of a device profile."""
    serial: str = ""
    note: str = ""
    site: str = ""
    """Code."""
    site_name: str = ""
    domain: str = ""
    position: Position | None = None
    square: GridSquare | None = None
    """Where the position is only known to lie in this square."""
    uprn: int | None = None
    usrn: int | None = None
    channel: str | None = None
    installed_at: datetime | None = None


def read_row(cells: list[str], columns: Mapping[str, Column], width: int) -> tuple[Wanted, list[str]]:
    """Read a row.

    Parameters
    ----------
    width
        How many columns the header has.

    Returns
    -------
    tuple
        What it wants, and why it cannot be taken as it is: nothing where it can.
    """
    problems: list[str] = []
    if any(cell.strip() for cell in cells[width:]):
        problems.append("the row has more cells than the first row has headings: put a text with the separator in it in quotes")
    said = {field: _plain(cells[column.at]) for field, column in columns.items() if column.at < len(cells)}

    def read(field: str, reader: Callable[[str], Value]) -> Value | None:
        text = said.get(field, "")
        if not text:
            return None
        try:
            return reader(text)
        except ValueError as error:
            problems.append(f"{columns[field].heading}: {error}")
            return None

    values: dict[str, Any] = {field: read(field, reader) or "" for field, reader in _TEXTS.items()}
    values |= {"channel": read("channel", _channel), "installed_at": read("installed_at", _time)}
    values |= {"uprn": read("uprn", _number_up_to(12)), "usrn": read("usrn", _number_up_to(8))}
    position, square = _place(said, read, problems)
    wanted = Wanted(position=position, square=square, **values)
    if not wanted.uid and not problems:
        problems += _without_uid(wanted, said)
    return wanted, problems


def _plain(cell: str) -> str:
    return unguarded(cell.strip()).strip()


def _without_uid(wanted: Wanted, said: Mapping[str, str]) -> list[str]:
    """Tell what is wrong with a row that names no device."""
    if any(said.get(field) for field in _OF_DEVICES):
        return ["the row names no device: fill in its DevEUI (or delete what only a device has: name, profile, serial, note)"]
    if not (wanted.site or wanted.site_name):
        return ["the row names neither a device nor a site: fill in a DevEUI, or the code or name of a site"]
    return []


def _place(
    said: Mapping[str, str], read: Callable[[str, Callable[[str], Any]], Any], problems: list[str]
) -> tuple[Position | None, GridSquare | None]:
    """Make one position of the up to three a row gives, and tell whether it is only a square."""
    before = len(problems)
    pairs = {}
    for one, other, reader in (("latitude", "longitude", _degrees), ("easting", "northing", _metres)):
        if bool(said.get(one)) != bool(said.get(other)):
            problems.append(f"{one} and {other} belong together: fill in both, or neither")
        pairs[one] = (read(one, reader), read(other, reader))
    reference = read("grid_ref", grid_square)
    if len(problems) > before:
        return None, None
    degrees = Position(*pairs["latitude"]) if said.get("latitude") else None
    metres = GridSquare(*pairs["easting"]) if said.get("easting") else None
    try:
        position = one_position(degrees, metres, reference)
    except ValueError as error:
        problems.append(f"position: {error}")
        return None, None
    return position, reference if degrees is None and metres is None else None


def _line(text: str, most: int = _MOST_IN_LINE) -> str:
    """Read one line; line breaks within a cell become spaces."""
    if len(text) > most:
        raise ValueError(f"it has {len(text):,} characters: shorten it to {most:,}")
    line = _BREAKS.sub(" ", text)
    if _CONTROL.search(line):
        raise ValueError("it has a control character in it: type it again")
    return line


def _note(text: str) -> str:
    return _line(text, _MOST_IN_NOTE)


def _uid(text: str) -> str:
    if _LOST_FIGURES.fullmatch(text):
        raise ValueError(
            f"{text!r} is what a spreadsheet makes of an EUI that it takes for a number, and figures are lost: format the"
            " column as Text, and enter or paste the EUIs again"
        )
    return normalise_uid(_line(text, _MOST_CHARACTERS))


def _code(text: str) -> str:
    code = text.lower()
    if not _CODE.fullmatch(code):
        raise ValueError(f"{text[:60]!r} is no code of a site: use letters a to z, digits, '_' and '-', at most 80 of them")
    return code


def _domain(text: str) -> str:
    return _line(re.sub(r"[\s-]+", "_", text.lower()), 40)


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise ValueError("use letters, digits, '.', '_' and '-', at most 40 of them")
    return text


def _degrees(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no number of degrees: write decimal degrees, for example 50.7156 or -2.4366")
    return float(text)


def _metres(text: str) -> float:
    plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    if not _DECIMAL.fullmatch(plain):
        raise ValueError(f"{text[:40]!r} is no number of metres: write it like 382700")
    return float(plain)


def _number_up_to(figures: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(f"[0-9]{{1,{figures}}}", text) or not int(text):
            raise ValueError(f"{text[:40]!r} is no reference number: it has up to {figures} figures and nothing else")
        return int(text)

    return read


def _time(text: str) -> datetime:
    """Read ISO 8601, or a day (and time) the British way; without an offset it is UTC."""
    match = _BRITISH_DATE.fullmatch(text)
    if not match:
        return parse_time(text)
    day, month, year, hour, minute, second = (int(figures or 0) for figures in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is no day there is: write it like 21/11/2026 or 2026-11-21") from None


_TEXTS: Mapping[str, Callable[[str], str]] = {
    "uid": _uid,
    "name": _line,
    "profile": _line,
    "serial": _line,
    "note": _note,
    "site": _code,
    "site_name": _line,
    "domain": _domain,
}
