"""Events: what network servers tell of devices besides readings, and who fell silent or is back."""

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
    """Something that happened to a device or a gateway and is no reading."""

    id: int
    device: str | None = Field(description="Uid of the device; null: it is a gateway's event")
    gateway: str | None = Field(description="The gateway that fell silent or is back")
    time: datetime = Field(description="When the network server had it, or when silence was found")
    received_at: datetime = Field(description="When it came to Hedgerow")
    kind: str = Field(
        description="The network server's own word: join, ack, txack, log, down/failed; or of silence: first_message, silent"
        " (stale, or a gateway's), offline, back"
    )
    level: Level
    code: str = Field(description="Of a log: what went wrong, for example UPLINK_CODEC")
    detail: str


@router.get("", summary="List events of devices")
async def list_events(connection: Connection, asked: Annotated[EventsAsked, Query()]) -> Page[DeviceEvent]:
    """Give what happened to devices and gateways, newest first: joins, downlinks, logs; who fell silent, who is back."""
    rows = await rows_of(connection, DeviceEvent, "page_of_device_events", asked.model_dump())
    return Page[DeviceEvent].cut(rows, asked.limit, "id")
