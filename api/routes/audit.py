"""The audit: who changed what, and who came in. For administrators; nobody can alter it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.database import rows_of
from api.dependencies import Admin, Connection, PagingById
from api.schemas import Line, Page
from api.times import Time

router = APIRouter(prefix="/audit", tags=["people"])


class AuditAsked(PagingById):
    """Which entries."""

    kind: Line | None = Field(None, description="What was changed: device, site, deployment, principal, login, …")
    key: Line | None = Field(None, description="Which: uid, code, name")
    person: Line | None = Field(None, description="Name of who did it")
    start: Time | None = Field(None, alias="from", description="Start, included")
    end: Time | None = Field(None, alias="to", description="End, not included")


class AuditEntry(BaseModel):
    """One change, or one login."""

    id: int
    at: datetime
    person: str = Field(description="Who did it")
    note: str = Field(description="Why, where they said so; of a login: how")
    kind: str
    key: str
    action: str = Field(description="added, changed, removed; of a login: signed in, refused")
    before: dict[str, Any] | None = Field(description="null: it was not there")
    after: dict[str, Any] | None = Field(description="null: it is gone")


@router.get("", summary="List changes and logins")
async def list_audit(connection: Connection, _person: Admin, asked: Annotated[AuditAsked, Query()]) -> Page[AuditEntry]:
    """Give who changed what and who came in, newest first."""
    rows = await rows_of(connection, AuditEntry, "page_of_audit", asked.model_dump())
    return Page[AuditEntry].cut(rows, asked.limit, "id")
