"""The overview: how many sites report, and a table of them to search and filter."""

from itertools import chain
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from api.database import rows_of
from api.dependencies import Connection, Permitted, Settings
from api.pages.render import render, visitor_of
from api.pages.words import MAIN_METRICS
from devices.flags import EXCLUDING

router = APIRouter()

_PAGE = 50  # sites shown at once
_LIVE_EVERY_S = 5
_State = Literal["ok", "late", "stale", "offline", "waiting", "maintenance", "retired"]


def _empty_is_none(value: object) -> object:
    """Read the empty choice of a form as no choice."""
    return None if isinstance(value, str) and not value.strip() else value


_Word = Annotated[str, Field(max_length=100)]


class Chosen(BaseModel):
    """Which sites are to be shown."""

    q: Annotated[_Word | None, BeforeValidator(_empty_is_none)] = None
    domain: Annotated[_Word | None, BeforeValidator(_empty_is_none)] = None
    status: Annotated[_State | None, BeforeValidator(_empty_is_none)] = None
    page: int = Field(1, ge=1, le=100_000)

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the list, as it stands in the address."""
        return self.model_dump(exclude={"page"}, exclude_none=True)


@router.get("/")
async def overview(
    request: Request, person: Permitted, connection: Connection, settings: Settings, chosen: Annotated[Chosen, Query()]
) -> Response:
    """Show the overview."""
    values = {
        "code": None,
        "q": chosen.q and chosen.q.strip(),
        "domain": chosen.domain,
        "status": chosen.status,
        "limit": _PAGE,
        "offset": (chosen.page - 1) * _PAGE,
        "main_metrics": list(MAIN_METRICS),
    }
    rows = await rows_of(connection, dict[str, Any], "read_overview", values)
    [aside] = await rows_of(connection, dict[str, Any], "count_set_aside")
    counts = rows[0]
    return render(
        "overview.html",
        visitor_of(request, person),
        here="/",
        chosen=chosen,
        is_filtered=bool(chosen.filters),
        overview=counts,
        states=get_args(_State),
        tiles=settings.map_tiles,
        attribution=settings.map_attribution,
        aside=aside,
        sites=[row for row in rows if row["code"] is not None],
        pagination=_pagination(chosen, counts["sites_matching"]),
        is_doubtful=lambda flags: bool(flags & EXCLUDING),
        live_every_s=_LIVE_EVERY_S,
    )


def _pagination(chosen: Chosen, matching: int) -> dict[str, object] | None:
    """Give what the pagination component needs: neighbours, first and last; nothing where one page is enough."""
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
    return "/?" + urlencode(chosen.filters | {"page": page})
