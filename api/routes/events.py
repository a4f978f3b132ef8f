"""Events: what network servers tell of devices besides readings, such as joins and errors in their logs."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.database import rows_of
from api.dependencies import Connection, PagingById
from api.schemas import Line, Page, Uid

router = APIRouter(prefix="/events", tags=["path"])

Level = Literal["INFO", "WARNING", "ERROR"]


class EventsAsked(PagingById):
    """Which events."""

    device: Uid | None = Field(None, description="Uid of a device")
    kind: Line | None = Field(None, description="Kind, for example `join` or `log`")
    level: Level | None = Field(None, description="Level")


class DeviceEvent(BaseModel):
    """Something a network server tells of a device that is no reading."""

    id: int
    device: str = Field(description="Uid of the device")
    time: datetime = Field(description="When the network server had it")
    received_at: datetime = Field(description="When it came to Hedgerow")
    kind: str = Field(description="The network server's own word: join, ack, txack, log, down/failed")
    level: Level
    code: str = Field(description="Of a log: what went wrong, for example UPLINK_CODEC")
    detail: str


@router.get("", summary="List events of devices")
async def list_events(connection: Connection, asked: Annotated[EventsAsked, Query()]) -> Page[DeviceEvent]:
    """Give what network servers tell of devices besides readings, newest first: joins, downlinks, logs."""
    rows = await rows_of(connection, DeviceEvent, "page_of_device_events", asked.model_dump())
    return Page[DeviceEvent].cut(rows, asked.limit, "id")
