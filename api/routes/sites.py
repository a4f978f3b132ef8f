"""Sites: the places where something is measured."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.changes import changes
from api.database import row_of, rows_of
from api.dependencies import Connection, Paging, Permitted
from api.description import already_there, problems
from api.errors import Conflict, NotFound
from api.registration import add_site, change_site
from api.schemas import Code, DeviceState, Domain, NewSite, Page, Site, SiteChange

router = APIRouter(prefix="/sites", tags=["registry"])


class SitesAsked(Paging):
    """Which sites."""

    domain: Domain | None = Field(None, description="What the sites are mainly for")
    state: DeviceState | None = Field(None, description="Of the worst of the devices that are there")


@router.get("", summary="List sites")
async def list_sites(connection: Connection, asked: Annotated[SitesAsked, Query()]) -> Page[Site]:
    """Give sites in the order of their codes."""
    rows = await rows_of(connection, Site, "page_of_sites", asked.model_dump())
    return Page[Site].cut(rows, asked.limit, "code")


@router.get("/{code}", summary="Read one site", responses=problems(404))
async def read_site(connection: Connection, code: Annotated[Code, Path()]) -> Site:
    """Give one site by its code."""
    if site := await row_of(connection, Site, "find_site", {"code": code}):
        return site
    raise NotFound(f"There is no site {code}. Those there are: /api/v1/sites")


@router.post("", status_code=201, summary="Make a site", responses={**already_there(Site), **problems(409)})
async def make_site(connection: Connection, person: Permitted, wanted: NewSite, response: Response) -> Site:
    """Make a site. Without a code it gets one from its name; a name may be given to several sites.

    Asking again with the same code and content changes nothing and answers 200.
    """
    async with changes(connection, person):
        site = await add_site(connection, wanted)
    if site is None:
        site = await read_site(connection, wanted.code or "")
        if any(getattr(site, field) != value for field, value in wanted.model_dump().items()):
            raise Conflict(f"The code {site.code} belongs to another site: see /api/v1/sites/{site.code}. Choose another.")
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/sites/{site.code}"
    return site


@router.patch("/{code}", summary="Change a site", responses=problems(404))
async def mend_site(connection: Connection, person: Permitted, code: Annotated[Code, Path()], wanted: SiteChange) -> Site:
    """Change a site; what is not named stays. Its code never changes: addresses and series hang on it."""
    async with changes(connection, person):
        return await change_site(connection, code, wanted)
