"""The list of devices: search, filter by state, profile and site, page by page; the worst come first."""

from itertools import chain
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from api.database import rows_of
from api.dependencies import Connection, Permitted
from api.pages.render import render, visitor_of
from api.pages.state_words import STATES
from api.schemas import DeviceState
from api.silence.summary import read_silence

router = APIRouter()

_PAGE = 50
_LIVE_EVERY_S = 15


def _empty_is_none(value: object) -> object:
    """Read the empty choice of a form as no choice."""
    return None if isinstance(value, str) and not value.strip() else value


_Word = Annotated[Annotated[str, Field(max_length=100)] | None, BeforeValidator(_empty_is_none)]


class Chosen(BaseModel):
    """Which devices are to be shown."""

    q: _Word = None
    state: Annotated[DeviceState | None, BeforeValidator(_empty_is_none)] = None
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
        pagination=_pagination(chosen, rows[0]["devices_matching"]),
        live_every_s=_LIVE_EVERY_S,
    )


def _pagination(chosen: Chosen, matching: int) -> dict[str, object] | None:
    """Give what the pagination component needs; nothing where one page is enough."""
    last = max(1, -(-matching // _PAGE))
    if last == 1:
        return None
    shown = sorted({1, *range(chosen.page - 1, chosen.page + 2), last} & set(range(1, last + 1)))
    items = [
        [{"ellipsis": True}] * (number - before > 1)
        + [{"number": number, "href": _address(chosen, number), "current": number == chosen.page}]
        for before, number in zip([0, *shown], shown, strict=False)
    ]
    return {
        "items": list(chain.from_iterable(items)),
        "previous": {"href": _address(chosen, chosen.page - 1)} if 1 < chosen.page <= last else None,
        "next": {"href": _address(chosen, chosen.page + 1)} if chosen.page < last else None,
    }


def _address(chosen: Chosen, page: int) -> str:
    return "/devices?" + urlencode(chosen.filters | {"page": page})
