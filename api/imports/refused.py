"""Refused rows: as they came, each with its reason, to be mended and sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.imports.cells import unguarded
from api.imports.export import to_csv
from api.imports.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.imports.plan import RowResult

_REASON = "reason"


def refused_as_csv(content: bytes, results: Iterable[RowResult]) -> str:
    """Give the refused rows of a file as CSV, with a column `reason` at the end."""
    table = read_table(content)
    width = len(table.header)
    kept = [at for at, heading in enumerate(table.header) if heading.strip().casefold() != _REASON]
    reasons = {result.row: result.reason for result in results if result.status == "refused"}
    rows = [
        [*(unguarded(cells[at]) if at < len(cells) else "" for at in kept), *cells[width:], reasons[number]]
        for number, cells in table.rows
        if number in reasons
    ]
    return to_csv([*(table.header[at] for at in kept), _REASON], rows)
