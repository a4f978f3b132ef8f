"""The overview: how many sites report, and a table of them to search and filter."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from api.database import rows_of
from api.dependencies import Connection, Permitted, Settings
from api.pages.lists import empty_is_none, pagination
from api.pages.render import render, visitor_of
from api.pages.state_words import STATES
from api.pages.words import MAIN_METRICS
from api.readings import excluded_flags
from api.schemas import DeviceState

router = APIRouter()

_PAGE = 50  # sites shown at once
_LIVE_EVERY_S = 5


_Word = Annotated[str, Field(max_length=100)]


class Chosen(BaseModel):
    """Which sites are to be shown."""

    q: Annotated[_Word | None, BeforeValidator(empty_is_none)] = None
    domain: Annotated[_Word | None, BeforeValidator(empty_is_none)] = None
    status: Annotated[DeviceState | None, BeforeValidator(empty_is_none)] = None
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
    excluding = await excluded_flags(connection, include_flagged=False)
    counts = rows[0]
    return render(
        "overview.html",
        visitor_of(request, person),
        here="/",
        chosen=chosen,
        is_filtered=bool(chosen.filters),
        overview=counts,
        states=STATES,
        tiles=settings.map_tiles,
        attribution=settings.map_attribution,
        aside=aside,
        sites=[row for row in rows if row["code"] is not None],
        pagination=pagination("/", chosen.filters, chosen.page, counts["sites_matching"], _PAGE),
        is_doubtful=lambda flags: bool(flags & excluding),
        live_every_s=_LIVE_EVERY_S,
    )
