"""Import: a spreadsheet is sent, what it would do is shown row by row, and just that is carried out."""

from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.dependencies import Connection, Engineer
from api.errors import Unusable
from api.imports.plan import RowResult
from api.imports.refused import refused_as_csv
from api.imports.runs import ImportAnswer, carry_out_shown, find_run, list_runs, show
from api.pages.render import render, visitor_of

router = APIRouter()

_PAGE = 100  # rows shown at once
_REFUSED_FIRST = ("refused", "changed", "created", "unchanged")
_NO_FILE = "Choose a CSV file or an Excel workbook"

ImportId = Annotated[UUID, Path()]


class Chosen(BaseModel):
    """Which rows are to be shown."""

    show: Literal["created", "changed", "unchanged", "refused"] | None = None
    page: int = Field(1, ge=1, le=10_000)
    again: bool = False


@router.get("/import")
async def import_page(request: Request, person: Engineer, connection: Connection) -> Response:
    """Show the form, and the imports this person has made."""
    runs = await list_runs(connection, person)
    return render("import.html", visitor_of(request, person), here="/import", runs=runs, error=None)


@router.post("/import")
async def send_file(request: Request, person: Engineer, connection: Connection, file: UploadFile | None = None) -> Response:
    """Keep a file and go on to what it would do; one that cannot be read is refused with the reason."""
    error = _NO_FILE
    if file is not None and file.filename:
        try:
            import_id = await show(connection, person, await file.read(), file.filename[:200])
        except Unusable as refusal:
            error = refusal.detail
        else:
            return RedirectResponse(f"/import/{import_id}", HTTPStatus.SEE_OTHER)
    visitor = visitor_of(request, person)
    runs = await list_runs(connection, person)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render("import.html", visitor, status, here="/import", runs=runs, error=error)


@router.get("/import/{import_id}")
async def import_run_page(
    request: Request, person: Engineer, connection: Connection, import_id: ImportId, chosen: Annotated[Chosen, Query()]
) -> Response:
    """Show what would become, or became, of each row."""
    run = await find_run(connection, person, import_id)
    answer = run.read()
    rows = _rows_shown(answer, chosen)
    address = f"/import/{import_id}"
    return render(
        "import_run.html",
        visitor_of(request, person),
        here="/import",
        run=run,
        answer=answer,
        chosen=chosen,
        importable=answer.counts["created"] + answer.counts["changed"],
        total=len(rows),
        rows=rows[(chosen.page - 1) * _PAGE : chosen.page * _PAGE],
        address=address,
        pagination=_pagination(address, chosen, len(rows)),
    )


@router.post("/import/{import_id}")
async def carry_out_file(person: Engineer, connection: Connection, import_id: ImportId) -> Response:
    """Carry out what was shown; where something changed meanwhile, show it anew."""
    is_done = await carry_out_shown(connection, person, import_id)
    return RedirectResponse(f"/import/{import_id}{'' if is_done else '?again=true'}", HTTPStatus.SEE_OTHER)


@router.get("/import/{import_id}/refused.csv")
async def refused_rows(person: Engineer, connection: Connection, import_id: ImportId) -> Response:
    """Give the refused rows as they came, each with its reason, to be mended and sent again."""
    run = await find_run(connection, person, import_id)
    text = await anyio.to_thread.run_sync(refused_as_csv, bytes(run.content), run.read().results)
    named = {"Content-Disposition": 'attachment; filename="refused.csv"'}
    return Response(text, media_type="text/csv", headers=named)


def _rows_shown(answer: ImportAnswer, chosen: Chosen) -> list[RowResult]:
    """Give the rows of the status asked for, or all with the refused first."""
    if chosen.show:
        return [row for row in answer.results if row.status == chosen.show]
    return sorted(answer.results, key=lambda row: _REFUSED_FIRST.index(row.status))


def _pagination(address: str, chosen: Chosen, total: int) -> dict[str, object] | None:
    """Give what the pagination component needs; nothing where one page is enough."""
    last = max(1, -(-total // _PAGE))
    if last == 1:
        return None
    named = {"show": chosen.show} if chosen.show else {}

    def link(page: int) -> dict[str, str]:
        return {"href": f"{address}?{urlencode(named | {'page': page})}"}

    return {
        "previous": link(chosen.page - 1) if chosen.page > 1 else None,
        "next": link(chosen.page + 1) if chosen.page < last else None,
        "items": [{"number": chosen.page, "current": True, **link(chosen.page)}],
    }
