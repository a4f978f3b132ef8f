"""Devices: registering them, and where they are."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.changes import changes
from api.database import rows_of
from api.dependencies import Connection, Paging, Permitted
from api.description import already_there, problems
from api.registration import change_device, find_device, register_device
from api.schemas import Code, Device, DeviceChange, DeviceState, NewDevice, Page, Uid

router = APIRouter(prefix="/devices", tags=["registry"])


class DevicesAsked(Paging):
    """Which devices."""

    site: Code | None = Field(None, description="Code of the site where they are")
    profile: Code | None = Field(None, description="Key of their device profile")
    uid: Uid | None = Field(None, description="Uid, in any usual spelling")
    state: DeviceState | None = Field(None, description="How well they are, told from their silence")


@router.get("", summary="List devices")
async def list_devices(connection: Connection, asked: Annotated[DevicesAsked, Query()]) -> Page[Device]:
    """Give devices in the order of their uids, each with where it is now."""
    rows = await rows_of(connection, Device, "page_of_devices", asked.model_dump())
    return Page[Device].cut(rows, asked.limit, "uid")


@router.get("/{uid}", summary="Read one device", responses=problems(404))
async def read_device(connection: Connection, uid: Annotated[Uid, Path()]) -> Device:
    """Give one device by its uid, in any usual spelling."""
    return await find_device(connection, uid)


@router.post(
    "",
    status_code=201,
    summary="Register a device and put it at a site",
    responses={**already_there(Device), **problems(409)},
)
async def make_device(connection: Connection, person: Permitted, wanted: NewDevice, response: Response) -> Device:
    """Register a device and put it at a site, which is made from name and position where none is named.

    Messages that came before are stored then. Asking again with the same content changes nothing and answers 200; with a
    `request_id` also when the device was changed since.
    """
    async with changes(connection, person):
        is_new = await register_device(connection, wanted)
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/devices/{wanted.uid}"
    return await find_device(connection, wanted.uid)


@router.patch("/{uid}", summary="Change a device", responses=problems(404))
async def mend_device(connection: Connection, person: Permitted, uid: Annotated[Uid, Path()], wanted: DeviceChange) -> Device:
    """Change a device; what is not named stays. Where it is is changed by actions, not here."""
    async with changes(connection, person):
        return await change_device(connection, uid, wanted)
