"""Whether Hedgerow is well: alive, ready, and figures for Prometheus."""

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from api.database import missing_migrations
from api.dependencies import Connection, Lent, Settings, permitted
from api.description import problems
from api.errors import NotReady
from api.routes.path import read_path
from api.silence.summary import read_silence

if TYPE_CHECKING:
    from api.figures import Figures

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A short yes."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", summary="Ask whether the process is alive")
async def read_health() -> Health:
    """Answers as long as the process does; asks nothing else. Open to all."""
    return Health()


@router.get("/readyz", summary="Ask whether requests can be served", responses=problems(503))
async def read_readiness(connection: Lent) -> Health:
    """Answers 200 while the database is reachable and has every migration this version needs. Open to all."""
    missing = await missing_migrations(connection)
    if missing:
        raise NotReady(f"The database lacks {', '.join(missing)}. Run: hedgerow migrate")
    return Health()


@router.get(
    "/metrics",
    summary="Read figures for Prometheus",
    dependencies=[Depends(permitted)],
    response_class=Response,
    responses={
        200: {"description": "Prometheus text format", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(401, 503),
    },
)
async def read_figures(request: Request, connection: Connection, settings: Settings) -> Response:
    """Give what ingest counted, how far it is behind, what waits beside the path, and requests to this process."""
    figures: Figures = request.app.state.figures
    return figures.answer(await read_path(connection, settings), await read_silence(connection))
