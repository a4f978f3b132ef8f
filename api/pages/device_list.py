"""The list of devices: search, filter by state, profile and site, page by page; the worst come first."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from api.database import rows_of
from api.dependencies import Connection, Permitted
from api.pages.lists import empty_is_none, pagination
from api.pages.render import render, visitor_of
from api.pages.state_words import STATES
from api.schemas import DeviceState
from api.silence.summary import read_silence

router = APIRouter()

_PAGE = 50
_LIVE_EVERY_S = 15


_Word = Annotated[Annotated[str, Field(max_length=100)] | None, BeforeValidator(empty_is_none)]


class Chosen(BaseModel):
    """Which devices are to be shown."""

    q: _Word = None
    state: Annotated[DeviceState | None, BeforeValidator(empty_is_none)] = None
    profile: _Word = None
    site: _Word = None
    page: int = Field(1, ge=1, le=100_000)

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the list, as it stands in the address."""
        return self.model_dump(exclude={"page"}, exclude_none=True)


@router.get("/devices")
async def device_list(
    request: Request, person: Permitted, connection: Connection, chosen: Annotated[Chosen, Query()]
) -> Response:
    """Show the list."""
    values = chosen.model_dump() | {"q": chosen.q and chosen.q.strip(), "limit": _PAGE, "offset": (chosen.page - 1) * _PAGE}
    rows = await rows_of(connection, dict[str, Any], "page_of_devices_console", values)
    silence = await read_silence(connection)
    return render(
        "devices.html",
        visitor_of(request, person),
        here="/devices",
        chosen=chosen,
        is_filtered=bool(chosen.filters),
        count=rows[0]["devices"],
        matching=rows[0]["devices_matching"],
        devices=[row | {"zone": ZoneInfo(row["time_zone"])} for row in rows if row["uid"] is not None],
        states=STATES,
        counts=silence.devices,
        outage=silence.outage,
        gateways_silent=silence.gateways_silent,
        profiles=await rows_of(connection, dict[str, Any], "list_profile_names"),
        pagination=pagination("/devices", chosen.filters, chosen.page, rows[0]["devices_matching"], _PAGE),
        live_every_s=_LIVE_EVERY_S,
    )
