"""Cells of spreadsheets: no exported one is taken for a formula, and an imported one loses only what the export added."""

from __future__ import annotations

import re
from datetime import datetime

# What a spreadsheet takes for a formula, after spaces too; what begins so behind apostrophes gets one more, so that
# taking one off again gives what was there.
_FORMULA = re.compile(
    "'*\\s*[=+\\-@\\t\\r\\n"
    "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_EXACT_BELOW = 1e15  # whole numbers beyond it have lost figures in a spreadsheet


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; plain numbers stay numbers."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Take that apostrophe off again."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def text_of(value: object) -> str:
    """Write the value of a workbook's cell as a person would read it there."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < _EXACT_BELOW:
            return str(int(value))
        case float():
            return f"{value:.15g}"
        case datetime():
            return value.isoformat(sep=" ")
        case _:
            return "" if value is None else str(value)
