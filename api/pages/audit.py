"""The page of the audit: who changed what, from what to what, and who came in."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from api.database import rows_of
from api.dependencies import Admin, Connection
from api.pages.forms import Problems
from api.pages.render import render, visitor_of
from api.people.audit_words import changed_words, kind_words
from api.routes.audit import AuditEntry
from sql.queries import query

router = APIRouter(prefix="/audit")

_ZONE = ZoneInfo("Europe/London")
_SHOWN = 50
Text = Annotated[str, Query(max_length=200)]


@router.get("")
async def audit_page(
    request: Request,
    person: Admin,
    connection: Connection,
    kind: Text = "",
    key: Text = "",
    who: Text = "",
    start: Annotated[str, Query(alias="from", max_length=40)] = "",
    end: Annotated[str, Query(alias="to", max_length=40)] = "",
    after: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Show changes and sign-ins, newest first."""
    chosen = {"kind": kind, "key": key.strip(), "who": who.strip(), "from": start, "to": end}
    problems = Problems()
    values = {
        "kind": kind or None,
        "key": chosen["key"] or None,
        "person": chosen["who"] or None,
        "start": _moment("from", start, problems),
        "end": _moment("to", end, problems),
        "after": after,
        "limit": _SHOWN,
    }
    rows = [] if problems else await rows_of(connection, AuditEntry, "page_of_audit", values)
    kinds = [row[0] for row in await (await connection.execute(query("list_audit_kinds"))).fetchall()]
    given = {name: text for name, text in chosen.items() if text}
    return render(
        "audit.html",
        visitor_of(request, person),
        problems.status,
        here="/audit",
        entries=rows[:_SHOWN],
        kinds=kinds,
        kind_words=kind_words,
        changed_words=changed_words,
        chosen=chosen,
        problems=problems,
        older=f"/audit?{urlencode(given | {'after': rows[_SHOWN - 1].id})}" if len(rows) > _SHOWN else None,
        is_newest=after is None,
        zone=_ZONE,
    )


def _moment(field: str, text: str, problems: Problems) -> datetime | None:
    """Read a moment of the form; without an offset it is local time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=_ZONE)
    except ValueError:
        problems.add(field, "Enter a date and time, for example 2026-11-21T08:30")
        return None
