"""Excel workbooks: a zip of unknown size and shape is bounded before the reader sees it; formulas are not evaluated."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from api.imports.cells import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ZIP_MARK = b"PK\x03\x04"

_SHARED_TEXTS = "xl/sharedStrings.xml"
_MOST_OF_A_TEXT = 40_000  # bytes of its XML; no row that is read has more than a few hundred
_MOST_UNPACKED = 64 * 2**20  # 50,000 rows of 20 columns are half of it
_MOST_PARTS = 500
_MOST_CELLS = 2_000_000  # the reader makes the whole rectangle up to the last cell: 32 bytes each
_NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/(_rels/|worksheets/)?[^/]+\.(xml|rels)|xl/worksheets/_rels/[^/]+", re.IGNORECASE
)
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
# A cell's tag, and one that begins with its place, as every usual program writes it: <c r="BC123" …>
_CELL = re.compile(rb"<(?:[^\s<>/=]+:)?c[\s/>]")
_PLACED_CELL = re.compile(rb"""<(?:[^\s<>/=]+:)?c\s+r\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7})["']""")


class WorkbookError(ValueError):
    """A workbook that is not read; its text says what to do."""


def read_workbook(content: bytes, most_rows: int, most_columns: int) -> Iterator[list[str]]:
    """Give the rows of a workbook's first visible sheet as text, from the first on.

    Raises
    ------
    WorkbookError
        When it is damaged or too large.
    """
    packed = _bounded(content, most_rows, most_columns)
    try:
        with CalamineWorkbook.from_filelike(packed) as workbook:
            names = [
                sheet.name
                for sheet in workbook.sheets_metadata
                if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
            ]
            if not names:
                raise WorkbookError("the workbook has no sheet with cells")
            rows = workbook.get_sheet_by_name(names[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise WorkbookError("the workbook is damaged, or not an Excel workbook: open it in Excel and save it again") from error
    return ([text_of(value) for value in row] for row in rows)


def _bounded(content: bytes, most_rows: int, most_columns: int) -> io.BytesIO:
    """Unpack what is needed, counting as it comes, and give it packed without compression: no reader is surprised by it."""
    packed = io.BytesIO()
    left = _MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as bounded:
            parts = given.infolist()
            if len(parts) > _MOST_PARTS:
                raise WorkbookError("the workbook has too many parts: copy the rows into a new one")
            for part in parts:
                if not _NEEDED.fullmatch(part.filename):
                    continue
                with given.open(part) as stream:
                    unpacked = stream.read(left + 1)
                left -= len(unpacked)
                if left < 0:
                    raise WorkbookError(
                        f"the workbook has more than {_MOST_UNPACKED // 2**20} MiB unpacked: save it as CSV UTF-8"
                    )
                if part.filename == _SHARED_TEXTS:
                    _check_texts(unpacked)
                if _SHEET.fullmatch(part.filename):
                    _check_extent(unpacked, most_rows, most_columns)
                bounded.writestr(part.filename, unpacked)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorkbookError("the workbook is damaged, or has a password: open it in Excel and save it again") from error
    packed.seek(0)
    return packed


def _check_texts(shared: bytes) -> None:
    """Refuse texts that no cell of Excel's can hold: each is given again for every cell that refers to it."""
    longest = max(map(len, shared.split(b"</si>")), default=0)
    if longest > _MOST_OF_A_TEXT:
        raise WorkbookError("a cell has more text than Excel itself takes: delete what is no device, or save it as CSV UTF-8")


def _check_extent(sheet: bytes, most_rows: int, most_columns: int) -> None:
    """Refuse a sheet whose last cell is far out, however few cells it has, or whose cells do not say where they are."""
    places = _PLACED_CELL.findall(sheet)
    if len(places) != len(_CELL.findall(sheet)) or b"\x00" in sheet:
        raise WorkbookError("an unusual program wrote the workbook: open it in Excel and save it again")
    columns = max((_column_number(letters) for letters in {letters for letters, _ in places}), default=0)
    rows = max((int(figures) for figures in {figures for _, figures in places}), default=0)
    if rows > most_rows or columns > most_columns or rows * columns > _MOST_CELLS:
        raise WorkbookError(
            f"a sheet reaches to row {rows:,} and column {columns:,}; at most {most_rows:,} rows and {most_columns} columns are"
            " read. Delete empty rows and columns that are formatted, or save it as CSV UTF-8"
        )


def _column_number(letters: bytes) -> int:
    """Count columns as Excel does: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
