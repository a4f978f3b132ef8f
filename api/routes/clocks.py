"""Clocks of devices: which of them are wrong, and by how much."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.database import rows_of
from api.dependencies import Connection, Paging
from api.schemas import Page, Uid

router = APIRouter(prefix="/devices/clocks", tags=["registry"])

State = Literal["unbelievable", "ahead", "behind", "good"]


class ClocksAsked(Paging):
    """Whose clocks."""

    state: list[State] = Field(["unbelievable", "ahead", "behind"], max_length=4, description="How the clock is")
    device: Uid | None = Field(None, description="Uid of one device")
    days: int = Field(2, ge=1, le=400, description="How many days back, today included (UTC)")


class DeviceClock(BaseModel):
    """What the messages of one day tell of a device's clock."""

    device: str = Field(description="Uid of the device")
    name: str
    profile: str = Field(description="Key of its device profile")
    day: date = Field(description="UTC day of arrival")
    state: State = Field(
        description="`unbelievable`: some times lay outside the clock window, the time of arrival stands instead; `ahead`: a"
        " message had a time more than 1 min after its arrival; `behind`: of at least 5 messages none came within 5 min"
    )
    offset_s: float | None = Field(
        description="How far ahead (below 0: behind) the clock is [s], as the last unbelievable time says, or else the least"
        " delay; null: it was no time at all"
    )
    messages: int = Field(description="That brought a believable time")
    least_delay_s: float | None = Field(description="Least time from the newest reading of a message to its arrival [s]")
    greatest_delay_s: float | None = Field(description="The greatest [s]")
    unbelievable: int = Field(description="Readings whose time was not believed")
    last_offset_s: float | None = Field(description="The last such time minus its arrival [s]")


@router.get("", summary="List wrong clocks")
async def list_clocks(connection: Connection, asked: Annotated[ClocksAsked, Query()]) -> Page[DeviceClock]:
    """Give the clocks of devices that are wrong (or those in the states asked for), the most wrong first."""
    rows = await rows_of(connection, DeviceClock, "page_of_device_clocks", asked.model_dump())
    return Page[DeviceClock].cut(rows, asked.limit, "device")
