"""Export: every device in use, as a table that an import takes and finds unchanged."""

from __future__ import annotations

import csv
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING

from api.imports.cells import guarded
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import AsyncConnection

_COLUMNS = (
    *("uid", "name", "profile", "serial", "note", "site", "site_name", "domain", "latitude", "longitude", "uprn", "usrn"),
    *("channel", "installed_at"),
)


async def export_devices(connection: AsyncConnection) -> str:
    """Give every device that is not retired, and where it is, as CSV."""
    rows = await (await connection.execute(query("list_devices_to_export"))).fetchall()
    return to_csv(_COLUMNS, rows)


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV of which no cell is taken for a formula."""
    text = StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case _:
            return guarded(str(value))
