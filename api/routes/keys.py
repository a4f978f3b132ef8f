"""API keys: one's own, and for administrators those of services."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Connection, Settled, settled
from api.description import example, problems
from api.people import Scope
from api.people.keys import KEY_LASTS, ApiKey, list_keys
from api.people.own_keys import make_key_for, owner_id_of, revoke
from api.schemas import Name, Page

# Beside the other routes: a viewer may make and revoke their own keys, though they may write nothing else.
router = APIRouter(
    prefix="/api/v1/keys", tags=["people"], dependencies=[Depends(settled)], responses=problems(401, 403, 422, 500, 503)
)

Owner = Annotated[str | None, Query(max_length=200, description="Administrators only: name of another owner; default: oneself")]


class NewKey(BaseModel):
    """A key for a program."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(label="spreadsheet", scope="read"))

    label: Name = Field(description="What it is for")
    scope: Scope = Field("read", description="read; write: all its owner may but people and keys; admin: all its owner may")
    days: int = Field(KEY_LASTS.days, ge=1, le=1096, description="How long it is good for")
    owner: str | None = Field(None, max_length=200, description="Administrators only: name of a service; default: oneself")


class KnownKey(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    owner: str
    label: str
    scope: Scope
    prefix: str = Field(description="How it begins")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute")


class MadeKey(KnownKey):
    """A new key; its secret is told here and never again."""

    key: str


@router.get("", summary="List API keys")
async def list_own_keys(connection: Connection, person: Settled, owner: Owner = None) -> Page[KnownKey]:
    """Give one's own keys, newest first; nobody has many: it is one page."""
    owner_id = await owner_id_of(connection, person, owner)
    return Page[KnownKey](items=[_known(key) for key in await list_keys(connection, owner_id)], next=None)


@router.post("", status_code=201, summary="Make an API key")
async def make_own_key(connection: Connection, person: Settled, wanted: NewKey) -> MadeKey:
    """Make a key. Its secret is told only in this answer."""
    expires_at = datetime.now(UTC) + timedelta(days=wanted.days)
    key, secret = await make_key_for(connection, person, wanted.owner, wanted.label, wanted.scope, expires_at)
    return MadeKey(**_known(key).model_dump(), key=secret)


@router.delete("/{id}", status_code=204, summary="Revoke an API key", responses=problems(404))
async def revoke_own_key(connection: Connection, person: Settled, id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> None:  # noqa: A002
    """End a key at once: one's own, and for administrators anybody's."""
    await revoke(connection, person, id)


def _known(key: ApiKey) -> KnownKey:
    return KnownKey.model_validate(key)
