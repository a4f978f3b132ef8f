"""Tables: the same rows come out of every usual CSV dialect and out of a workbook; what is too large is never unpacked."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import Unusable
from api.imports.tables import read_table
from tests.unit.api.imports.workbooks import packed, workbook

_HEADINGS = ("DevEUI", "Device, name", "lat", "Site\nname")
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)
_ROWS = st.lists(st.lists(_TEXT, min_size=4, max_size=4).filter(lambda row: any(cell.strip() for cell in row)), max_size=5)


@settings(max_examples=100, deadline=None)
@given(
    rows=_ROWS,
    separator=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.sampled_from(["", "\ufeff"]),
    blank=st.integers(0, 2),
)
def test_csv_of_any_dialect_gives_the_same_rows(
    rows: list[list[str]], separator: str, line_end: str, quoting: int, mark: str, blank: int
) -> None:
    """Separator, line ends, quoting, byte order mark and blank rows change nothing but the numbers of the rows."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([*[[]] * blank, _HEADINGS, *[[]] * blank, *rows])

    table = read_table((mark + text.getvalue()).encode())

    assert table.header == list(_HEADINGS)
    assert [cells for _, cells in table.rows] == rows
    assert [number for number, _ in table.rows] == list(range(2 * blank + 2, 2 * blank + 2 + len(rows)))


def test_csv_with_excels_own_line_about_the_separator_is_read_by_it() -> None:
    """`sep=` is what Excel writes, and hides from whoever looks at the file: it is no row."""
    table = read_table(b"sep=|\r\nuid|name\r\na|b,c\r\n")

    assert table == (["uid", "name"], [(2, ["a", "b,c"])])


def test_workbook_gives_the_rows_of_the_same_csv() -> None:
    """Numbers are written as a person reads them, blank rows are left out, a formula counts with the value it had."""
    content = workbook(
        [["DevEUI", "UPRN", "lat", "Note"], [], ["0011223344556677", 100040228000.0, 50.7156, "=1+6"], ["x", 12.0]]
    )

    table = read_table(content)

    assert table.header == ["DevEUI", "UPRN", "lat", "Note"]
    assert table.rows == [(3, ["0011223344556677", "100040228000", "50.7156", "7"]), (4, ["x", "12", "", ""])]


def test_workbook_with_an_eui_kept_as_number_shows_that_figures_are_lost() -> None:
    """Sixteen figures do not fit a spreadsheet's number: the cell must not look like an EUI."""
    [(_, [uid])] = read_table(workbook([["DevEUI"], [1122334455667788.0]])).rows

    assert uid == "1.12233445566779e+15"


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        (b'<worksheet><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>', "1,048,576"),
        (b'<worksheet><sheetData><row r="50001"><c r="GR50001"><v>1</v></c></row></sheetData></worksheet>', "reaches to"),
        (b"<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>", "unusual program"),
        (b"<worksheet><sheetData><row><c s=\" r='A1'\"><v>1</v></c></row></sheetData></worksheet>", "unusual program"),
        ('<worksheet><sheetData><row><c r="A1"/></row></sheetData></worksheet>'.encode("utf-16"), "unusual program"),
        (b"<worksheet>" + b" " * (65 * 2**20), "MiB unpacked"),
        (b"<worksheet", "damaged"),
    ],
    ids=["far", "rectangle", "no places", "hidden place", "utf-16", "bomb", "broken"],
)
def test_workbook_made_to_do_harm_is_refused_before_it_is_read(sheet: bytes, said: str) -> None:
    """A small file that would fill the memory, by its size unpacked or by one cell far out, is refused in words."""
    content = packed(sheet)
    assert len(content) < 100_000

    with pytest.raises(Unusable, match=said):
        read_table(content)


def test_workbook_whose_cells_share_a_text_without_end_is_refused() -> None:
    """A shared text is given again for every cell that refers to it: a small file could ask for all memory there is."""
    content = io.BytesIO(workbook([["DevEUI"], ["0011223344556677"]]))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as more:
        more.writestr("xl/sharedStrings.xml", "<sst><si><t>" + "x" * 500_000 + "</t></si></sst>")

    with pytest.raises(Unusable, match="more text than Excel itself takes"):
        read_table(content.getvalue())
