"""Tables: the bytes of a CSV file or an Excel workbook become rows of text, within limits."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, NamedTuple

from api.errors import Slip, Unusable
from api.imports.columns import field_of
from api.imports.workbook import ZIP_MARK, WorkbookError, read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_BYTES = 5 * 2**20
MOST_ROWS = 50_000
MOST_COLUMNS = 200

_SEPARATORS = (",", ";", "\t")
_OLD_EXCEL_MARK = bytes.fromhex("d0cf11e0")
_EXCELS_HINT = re.compile(r"sep=(.)\r?\n")
_SAVE_AS_UTF8 = "In Excel choose File, Save As and the type 'CSV UTF-8 (Comma delimited)', or send the workbook (.xlsx) itself"


class Table(NamedTuple):
    """What a file holds."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    """The number each row has in a spreadsheet (the first has 1), and its cells; blank rows are left out."""


def read_table(content: bytes) -> Table:
    """Read a CSV file (UTF-8; comma, semicolon or tab) or an Excel workbook (.xlsx).

    Raises
    ------
    Unusable
        When it is neither, or beyond the limits.
    """
    if len(content) > MOST_BYTES:
        raise _unreadable(f"the file has more than {MOST_BYTES // 2**20} MiB: divide it into several")
    if content.startswith(_OLD_EXCEL_MARK):
        raise _unreadable("this is a workbook of an old Excel (.xls), or one with a password: save it as .xlsx without one")
    if content.startswith(ZIP_MARK):
        try:
            return _table(read_workbook(content, MOST_ROWS + 1, MOST_COLUMNS))
        except WorkbookError as error:
            raise _unreadable(str(error)) from error
    try:
        return _table(_records(_text_of(content)))
    except csv.Error as error:
        raise _unreadable(f"a cell does not end: check that every quotation mark is closed ({error})") from error


def _table(records: Iterable[list[str]]) -> Table:
    """Take the first row that is not blank for the header, the others for rows."""
    header: list[str] | None = None
    rows = []
    for number, cells in enumerate(records, 1):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = cells
            if len(header) > MOST_COLUMNS:
                raise _unreadable(f"there are more than {MOST_COLUMNS} columns")
            continue
        rows.append((number, cells))
        if len(rows) > MOST_ROWS:
            raise _unreadable(f"there are more than {MOST_ROWS:,} rows: divide the file into several")
    if header is None:
        raise _unreadable("the file is empty")
    return Table(header, rows)


def _text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"it is not UTF-8 (line {line}). {_SAVE_AS_UTF8}") from error


def _records(text: str) -> Iterator[list[str]]:
    """Cut CSV into records, by the separator that makes most sense of the header."""
    hint = _EXCELS_HINT.match(text)
    if hint:
        return _cut(text[hint.end() :], hint[1])
    # Quoted separators and line breaks stand in headings too: each separator is tried in earnest.
    headers = {separator: next(filter(any, _cut(text, separator)), []) for separator in _SEPARATORS}
    known = {separator: sum(map(_is_known, header)) for separator, header in headers.items()}
    best = max(_SEPARATORS, key=known.__getitem__)
    return _cut(text, best)


def _cut(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


def _is_known(heading: str) -> bool:
    return field_of(heading) is not None


def _unreadable(text: str) -> Unusable:
    return Unusable(f"The file cannot be read: {text}.", Slip("body", text))
