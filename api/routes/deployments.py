"""Deployments: which device was at which site from when to when."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.changes import changes
from api.database import rows_of
from api.dependencies import Connection, PagingById, Permitted
from api.description import already_there, problems
from api.registration import deploy
from api.schemas import Code, Deployment, NewDeployment, Page, Uid

router = APIRouter(prefix="/deployments", tags=["registry"])


class DeploymentsAsked(PagingById):
    """Which deployments."""

    device: Uid | None = Field(None, description="Uid of a device")
    site: Code | None = Field(None, description="Code of a site")


@router.get("", summary="List deployments")
async def list_deployments(connection: Connection, asked: Annotated[DeploymentsAsked, Query()]) -> Page[Deployment]:
    """Give deployments in the order in which they were made."""
    rows = await rows_of(connection, Deployment, "page_of_deployments", asked.model_dump() | {"id": None})
    return Page[Deployment].cut(rows, asked.limit, "id")


@router.post("", status_code=201, summary="Put a device at a site", responses={**already_there(Deployment), **problems(409)})
async def make_deployment(connection: Connection, person: Permitted, wanted: NewDeployment, response: Response) -> Deployment:
    """Put a device at a site from a time on; the open deployment it was in until then ends there.

    Where the start is past, readings stored since then move along, as with an action.
    """
    async with changes(connection, person):
        deployment, is_new = await deploy(connection, wanted)
    if not is_new:
        response.status_code = 200
    return deployment
