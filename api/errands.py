"""Errands: what people ask of ingest beside the path, to decode again and to replay; `ingest/errands.py` does it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from psycopg.errors import InsufficientPrivilege
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.description import example
from api.errors import NotFound, Slip, Unusable
from api.schemas import Code, Line, Note, Uid
from api.times import Time

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.people import Person

_SPAN = {"from": "2026-11-14T00:00:00Z", "to": "2026-11-21T00:00:00Z"}


class _Asked(BaseModel):
    """What is to be done."""

    model_config = ConfigDict(extra="forbid")

    device: Uid | None = Field(None, description="One device; default: every device")
    note: Note = Field("", description="Why; it stands in the audit")


class NewRedecode(_Asked):
    """Messages to be decoded again by a device profile as it is now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(profile="dragino-lse01", dry_run=True, **_SPAN))

    profile: Code
    start: Time = Field(alias="from", description="Arrival of the first message")
    end: Time = Field(alias="to", description="Arrival before which the last message lies")
    remove: bool = Field(default=False, description="Remove readings that are no longer given; they are kept as corrections")
    dry_run: bool = Field(default=False, description="Only tell what would change")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> NewRedecode:
        if self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


class QuarantineFilter(BaseModel):
    """Which part of the quarantine."""

    model_config = ConfigDict(extra="forbid")

    reason: Line | None = Field(None, description="Reason code")
    device: Uid | None = Field(None, description="Uid of a device")
    start: Time | None = Field(None, alias="from", description="Arrival of the first message")
    end: Time | None = Field(None, alias="to", description="Arrival before which the last message lies")


class NewReplay(QuarantineFilter):
    """What of the quarantine is to be replayed: one row, or all that wait and fit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(reason="codec_broken"))

    id: int | None = Field(None, ge=1, le=2**63 - 1, description="Id of one row")
    note: Note = Field("", description="Why; it stands in the audit")


class Errand(BaseModel):
    """What was asked of ingest, how far it is, and what came of it."""

    id: int
    device: str | None = Field(description="Uid of the one device; null: every device")
    start: datetime | None = Field(alias="from", description="Arrival of the first message; null: unbounded")
    end: datetime | None = Field(alias="to", description="Arrival before which the last message lies; null: unbounded")
    requested_by: str
    requested_at: datetime
    state: Literal["requested", "running", "done", "failed"]
    before: int = Field(description="How many that are not done were asked for earlier: they come first")
    started_at: datetime | None
    finished_at: datetime | None
    progress: float = Field(description="Part that is done, 0 to 1")
    counts: dict[str, Any] | None = Field(description="How many messages and readings, by what became of them")
    error: str | None = Field(description="Why it could not be done")

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ("done", "failed")


class Redecode(Errand):
    """Messages decoded again, or to be."""

    profile: str
    remove: bool
    dry_run: bool
    examples: list[dict[str, Any]] | None = Field(description="Some of the readings that change, or would")
    run: int | None = Field(description="Number of the run, as corrections name it; null: dry run")


class Replay(Errand):
    """Quarantine replayed, or to be."""

    quarantined: int | None = Field(description="Id of the one row; null: all that fit")
    reason: str | None


async def ask_redecode(connection: AsyncConnection, person: Person, wanted: NewRedecode) -> Redecode:
    """Ask for messages to be decoded again.

    Raises
    ------
    NotFound
        When there is no such profile.
    Unusable
        When someone limited to areas names no device of them.
    """
    if await row_of(connection, dict[str, Any], "find_profile", {"key": wanted.profile}) is None:
        raise NotFound(f"There is no device profile {wanted.profile}. Those there are: /api/v1/profiles")
    return await find_redecode(connection, await _asked(connection, person, "ask_redecode", wanted))


async def ask_replay(connection: AsyncConnection, person: Person, wanted: NewReplay) -> Replay:
    """Ask for quarantine to be replayed.

    Raises
    ------
    Unusable
        When someone limited to areas names neither a row nor a device of them.
    """
    if wanted.id is not None and await row_of(connection, dict[str, Any], "find_quarantined", {"id": wanted.id}) is None:
        raise Unusable(f"There is no row {wanted.id} in quarantine.", Slip("body.id", "there is no such row"))
    return await find_replay(connection, await _asked(connection, person, "ask_replay", wanted))


async def _asked(connection: AsyncConnection, person: Person, name: str, wanted: NewRedecode | NewReplay) -> int:
    """Ask by a named query; gives the number of the errand."""
    try:
        async with changes(connection, person, wanted.note):
            return int(await value_of(connection, name, {**wanted.model_dump(), "person": person.name}))
    except InsufficientPrivilege as error:
        what = "must be one of your areas: you are limited to them"
        raise Unusable(
            "You are limited to areas: name a device of them, or one row of its quarantine.", Slip("body.device", what)
        ) from error


async def list_redecodes(
    connection: AsyncConnection, *, profile: str | None = None, after: int | None = None, limit: int = 100
) -> list[Redecode]:
    """List what was asked to be decoded again, the last ones first; one more than `limit` where there are more."""
    values = {"id": None, "kind": "redecode", "profile": profile, "after": after, "limit": limit}
    return [Redecode.model_validate(row) for row in await rows_of(connection, dict[str, Any], "page_of_errands", values)]


async def list_replays(connection: AsyncConnection, *, after: int | None = None, limit: int = 100) -> list[Replay]:
    """List what was asked to be replayed, the last ones first; one more than `limit` where there are more."""
    values = {"id": None, "kind": "replay", "profile": None, "after": after, "limit": limit}
    return [Replay.model_validate(row) for row in await rows_of(connection, dict[str, Any], "page_of_errands", values)]


async def find_redecode(connection: AsyncConnection, number: int) -> Redecode:
    """Find one redecode.

    Raises
    ------
    NotFound
        When there is none with this id.
    """
    values = {"id": number, "kind": "redecode", "profile": None, "after": None, "limit": 1}
    if row := await row_of(connection, dict[str, Any], "page_of_errands", values):
        return Redecode.model_validate(row)
    raise NotFound(f"There is no redecode {number}. Those there are: /api/v1/redecodes")


async def find_replay(connection: AsyncConnection, number: int) -> Replay:
    """Find one replay.

    Raises
    ------
    NotFound
        When there is none with this id.
    """
    values = {"id": number, "kind": "replay", "profile": None, "after": None, "limit": 1}
    if row := await row_of(connection, dict[str, Any], "page_of_errands", values):
        return Replay.model_validate(row)
    raise NotFound(f"There is no replay {number}. Those there are: /api/v1/quarantine/replays")
