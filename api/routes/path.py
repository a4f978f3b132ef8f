"""What happened to messages on their way: held messages and the status of ingest."""

from datetime import datetime
from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.database import rows_of
from api.dependencies import Connection, OnePage, Settings
from api.schemas import Page

router = APIRouter(tags=["path"])


class HeldCount(BaseModel):
    """How many messages of a device wait for it to be registered."""

    device: str = Field(description="Uid of the device")
    messages: int
    first_received_at: datetime
    last_received_at: datetime


class Counters(BaseModel):
    """Give what ingest has counted since the database was made."""

    messages: int = Field(description="Received, each delivery once")
    messages_redelivered: int = Field(description="Of these, deliveries that the broker repeated")
    messages_quarantined: int
    messages_held: int = Field(description="Of devices not registered at the time")
    readings: int = Field(description="stored + duplicate + quarantined")
    readings_stored: int
    readings_duplicate: int
    readings_conflicting: int = Field(description="Of the duplicates, those with another value")
    readings_quarantined: int
    sessions_lost: int = Field(description="How often the broker had forgotten our session")
    restarts: int = Field(description="How often a worker was started again after it had died")
    identity_conflicts: int = Field(description="How often another process was found to use a worker's identity")
    queue_messages: int = Field(description="Received and not acknowledged yet")


class Worker(Counters):
    """What one ingest worker last said of itself."""

    worker: str
    state: Literal["working", "draining", "retired"] = Field(
        description="draining: wanted no more, empties its session at the broker; retired: has done so"
    )
    started_at: datetime
    updated_at: datetime
    silent_s: float = Field(description="Since when it has said nothing [s]")
    connected: bool = Field(description="To the broker")
    connections: int = Field(description="How often it has connected to the broker")
    lag_ms: float = Field(description="From received to committed, of its last batch [ms]")
    fresh: bool = Field(default=False, description="Whether it has said something lately")


class Stored(BaseModel):
    """How much is there."""

    quarantine: int = Field(description="Messages and readings in quarantine")
    held: int = Field(description="Messages of devices that are not registered")
    devices: int
    sites: int
    series: int


class Status(Counters, Stored):
    """How the path is: sums over all workers, and each worker."""

    lag_ms: float | None = Field(description="The longest of the fresh workers [ms]; null: none is fresh")
    connected: bool = Field(description="Whether any fresh worker is connected to the broker")
    workers: list[Worker]

    @classmethod
    def sum_up(cls, workers: list[Worker], stored: Stored) -> Self:
        """Add up what the workers said."""
        fresh = [worker for worker in workers if worker.fresh]
        return cls(
            **{name: sum(getattr(worker, name) for worker in workers) for name in Counters.model_fields},
            **stored.model_dump(),
            lag_ms=max((worker.lag_ms for worker in fresh), default=None),
            connected=any(worker.connected for worker in fresh),
            workers=workers,
        )


async def read_path(connection: Connection, settings: Settings) -> Status:
    """Read how the path is."""
    workers = await rows_of(connection, Worker, "list_ingest_workers")
    for worker in workers:
        worker.fresh = worker.silent_s <= settings.status_fresh_s
    stored = await rows_of(connection, Stored, "count_what_is_stored")
    return Status.sum_up(workers, stored[0])


@router.get("/status", summary="Read how ingest is")
async def read_status(connection: Connection, settings: Settings) -> Status:
    """Give what ingest has counted, how far it is behind, and what waits beside the path."""
    return await read_path(connection, settings)


@router.get("/held", summary="Count held messages by device")
async def list_held(connection: Connection, asked: OnePage) -> Page[HeldCount]:
    """Count messages of devices that are not registered, in the order of their uids. Registering a device stores them."""
    rows = await rows_of(connection, HeldCount, "page_of_held", asked.model_dump())
    return Page[HeldCount].cut(rows, asked.limit, "device")
