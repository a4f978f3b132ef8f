"""Quarantine: what could not be stored and why; tried again, replayed, or set aside for good."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.changes import changes
from api.database import row_of, rows_of
from api.dependencies import Connection, Engineer, PagingById
from api.description import example, problems
from api.errands import NewReplay, QuarantineFilter, Replay, ask_replay, find_replay, list_replays
from api.errors import Conflict, NotFound
from api.people import Person
from api.schemas import Note, Page
from api.trials import Trial, read_registered, try_message
from devices.digest import digest_of
from devices.topics import device_topic

router = APIRouter(prefix="/quarantine", tags=["path"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

MOST_DISMISSED = 1_000
"""Rows set aside for good at once: each leaves an entry in the audit."""


class QuarantineAsked(QuarantineFilter, PagingById):
    """Which part of the quarantine."""

    state: Literal["waiting", "replayed", "dismissed"] | None = Field(
        None, description="waiting: neither replayed with success nor set aside for good (dismissed)"
    )


class Quarantined(BaseModel):
    """A message or reading that could not be stored."""

    id: int
    received_at: datetime
    device: str | None = Field(description="Uid of the device, where the message names one")
    topic: str
    payload: str | None = Field(None, description="What a replay publishes again, where it is UTF-8 text")
    payload_base64: str | None = Field(None, description="The same in base64, where it is not")
    reason: str = Field(description="Reason code")
    detail: str = Field(description="Where and what exactly")
    replayed_at: datetime | None = Field(description="When a replay stored it; null: not yet")
    replay_result: str | None = Field(description="What came of the last replay; null: there was none")
    dismissed_at: datetime | None = Field(description="When it was set aside for good; null: it was not")
    dismissed_by: str | None
    dismissed_note: str | None

    @model_validator(mode="before")
    @classmethod
    def _payload_as_text(cls, row: dict[str, object]) -> dict[str, object]:
        payload = row.pop("payload", None)
        if isinstance(payload, bytes):
            try:
                row["payload"] = payload.decode()
            except UnicodeDecodeError:
                row["payload_base64"] = b64encode(payload).decode()
        return row


class ReasonCount(BaseModel):
    """How much stands in quarantine for one reason."""

    reason: str
    count: int
    waiting: int = Field(description="Of these, neither replayed with success nor set aside for good")
    first_received_at: datetime
    last_received_at: datetime


class NewDismissal(QuarantineFilter):
    """What is to be set aside for good: one row, or the newest thousand that wait and fit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(reason="not_json", note="A test of the supplier's"))

    id: int | None = Field(None, ge=1, le=2**63 - 1, description="Id of one row")
    note: Annotated[Note, Field(min_length=1, description="Why")]


class Dismissed(BaseModel):
    """What was set aside for good."""

    count: int


@router.get("", summary="List the quarantine")
async def list_quarantine(connection: Connection, asked: Annotated[QuarantineAsked, Query()]) -> Page[Quarantined]:
    """Give messages and readings that could not be stored, newest first."""
    rows = await rows_of(connection, Quarantined, "page_of_quarantine", asked.model_dump())
    return Page[Quarantined].cut(rows, asked.limit, "id")


@router.get("/reasons", summary="Count the quarantine by reason")
async def list_quarantine_reasons(connection: Connection) -> Page[ReasonCount]:
    """Count what stands in quarantine for each reason, most first. There are few reasons: it is one page."""
    rows = await rows_of(connection, ReasonCount, "count_quarantine_by_reason")
    return Page[ReasonCount](items=rows, next=None)


@router.post("/replays", status_code=202, summary="Replay quarantine")
async def make_replay(connection: Connection, person: Engineer, wanted: NewReplay, response: Response) -> Replay:
    """Ask ingest to take what waits in quarantine through the path again: one row, or all that fit.

    What is stored already stays as it is: to replay twice is the same as once.
    """
    made = await ask_replay(connection, person, wanted)
    response.headers["Location"] = f"/api/v1/quarantine/replays/{made.id}"
    return made


@router.get("/replays", summary="List replays")
async def read_replays(connection: Connection, asked: Annotated[PagingById, Query()]) -> Page[Replay]:
    """Give what was asked to be replayed, the last ones first."""
    rows = await list_replays(connection, after=asked.after, limit=asked.limit)
    return Page[Replay].cut(rows, asked.limit, "id")


@router.get("/replays/{number}", summary="Read one replay", responses=problems(404))
async def read_replay(connection: Connection, number: Number) -> Replay:
    """Give one replay: how far it is, and what came of it."""
    return await find_replay(connection, number)


@router.post("/dismissals", summary="Set quarantine aside for good")
async def make_dismissal(connection: Connection, person: Engineer, wanted: NewDismissal) -> Dismissed:
    """Say of what waits that nothing more is to be done about it. Nothing is deleted, and it can be taken back."""
    return Dismissed(count=await dismiss(connection, person, wanted))


@router.delete("/dismissals/{number}", summary="Take back that a row was set aside for good", responses=problems(404, 409))
async def undo_dismissal(connection: Connection, person: Engineer, number: Number) -> Quarantined:
    """Let a row wait again that was set aside for good."""
    await restore(connection, person, number)
    return await read_quarantined(connection, number)


@router.get("/{number}", summary="Read one row of the quarantine", responses=problems(404))
async def read_quarantined(connection: Connection, number: Number) -> Quarantined:
    """Give one message or reading that could not be stored."""
    return Quarantined.model_validate(await find_quarantined(connection, number))


@router.post("/{number}/decode", summary="Try what a row of the quarantine decodes to now", responses=problems(404))
async def try_quarantined(connection: Connection, _: Engineer, number: Number) -> Trial:
    """Give what a replay would make of one row. Nothing is stored."""
    return await trial_of(connection, await find_quarantined(connection, number))


async def find_quarantined(connection: Connection, number: int) -> dict[str, Any]:
    """Find a row of the quarantine, with the payload of its message where it has none of its own.

    Raises
    ------
    NotFound
        When there is none with this id.
    """
    if row := await row_of(connection, dict[str, Any], "find_quarantined", {"id": number}):
        return row
    raise NotFound(f"There is no row {number} in quarantine. What there is: /api/v1/quarantine")


async def trial_of(connection: Connection, row: dict[str, Any]) -> Trial:
    """Try a row of the quarantine: the whole message, or the part of it that the row stands for."""
    is_whole = row["device"] is None or digest_of(row["topic"], row["payload"]) == row["digest"]
    topic = row["topic"] if is_whole else device_topic(row["device"])
    return await run_sync(try_message, await read_registered(connection), topic, row["payload"], row["received_at"])


async def dismiss(connection: Connection, person: Person, wanted: NewDismissal) -> int:
    """Set rows aside for good; gives how many."""
    values = {**wanted.model_dump(), "person": person.name, "limit": MOST_DISMISSED}
    async with changes(connection, person, wanted.note):
        return len(await rows_of(connection, dict[str, Any], "dismiss_quarantined", values))


async def restore(connection: Connection, person: Person, number: int) -> None:
    """Take back that a row was set aside for good.

    Raises
    ------
    NotFound
        When there is no such row.
    Conflict
        When it was not set aside.
    """
    await find_quarantined(connection, number)
    async with changes(connection, person):
        if not await rows_of(connection, dict[str, Any], "restore_quarantined", {"id": number}):
            raise Conflict(f"The row {number} is not set aside for good.")
