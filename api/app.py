"""The application: its pool, its routes, its errors and the layers round every answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

from api import pages
from api.aggregate.described import Bucket
from api.credentials.issuing import broker_of
from api.credentials.keeping import keeping
from api.database import make_pool
from api.dependencies import permitted
from api.description import describe, problems
from api.edge import BodyLimit, CountRequests, FaultsEndHere, SecurityHeaders
from api.errors import add_error_handlers
from api.figures import Figures
from api.live import Live
from api.people.throttle import Throttle
from api.readings import LatestReading, Reading
from api.routes import (
    actions,
    aggregate,
    air_quality,
    areas,
    audit,
    clocks,
    corrections,
    credentials,
    deployments,
    devices,
    events,
    health,
    imports,
    keys,
    maintenance,
    path,
    people,
    profiles,
    quality,
    quarantine,
    radio,
    readings,
    redecodes,
    retention,
    review,
    series,
    sites,
    sites_geojson,
    storage,
    webhooks,
)
from api.silence.watch import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from api.settings import ApiSettings

_SMALLEST_GZIP = 1024  # bytes; less fits one packet anyway
_GZIP_LEVEL = 1  # a year of hours becomes 7 times smaller in 3 ms; level 9 makes it 8.5 times smaller in 24 ms


class Hedgerow(FastAPI):
    """FastAPI with our description of the API, and layers that see every answer, faults of ours too."""

    def openapi(self) -> dict[str, Any]:
        """Describe the API, once."""
        if not self.openapi_schema:
            kinds = (Reading, Bucket, LatestReading, sites_geojson.FeatureCollection, *imports.KINDS)
            self.openapi_schema = describe(self, kinds)
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the application in what even its own fault handler must not be without."""
        app = BodyLimit(
            FaultsEndHere(super().build_middleware_stack()), self.state.settings.max_body_bytes, imports.LARGER_BODIES
        )
        figures: Figures = self.state.figures
        addresses = {route.endpoint: route.path or "" for route in iter_route_contexts(self.routes) if route.endpoint}
        counted = CountRequests(app, figures.requests, figures.seconds, addresses)
        return SecurityHeaders(counted, self.state.settings.map_tiles)


def create_app(settings: ApiSettings) -> Hedgerow:
    """Make the application; it connects when it is started, and serves `/healthz` even without a database."""
    # Our own description needs a key; FastAPI's pages would load scripts from elsewhere.
    app = Hedgerow(lifespan=_lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.figures = Figures()
    app.state.live = Live()
    app.state.is_stopping = lambda: False
    app.state.throttle = Throttle()
    app.add_middleware(GZipMiddleware, minimum_size=_SMALLEST_GZIP, compresslevel=_GZIP_LEVEL)
    add_error_handlers(app, pages.error_page)
    app.include_router(health.router)
    app.include_router(_json_api())
    app.include_router(webhooks.router)
    app.include_router(keys.router)
    app.include_router(pages.router)
    _serve_description(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = app.state.settings
    async with (
        make_pool(settings) as app.state.pool,
        watching(settings.database_url),
        keeping(app.state.pool, broker_of(settings)),
    ):
        yield


def _json_api() -> APIRouter:
    """Gather the JSON API: every route of it asks who is there, without having to say so itself."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(permitted)], responses=problems(401, 403, 422, 500, 503))
    for part in (
        sites_geojson,
        sites,
        profiles,
        clocks,
        devices,
        credentials,
        radio,
        deployments,
        actions,
        maintenance,
        imports,
        series,
        quality,
        aggregate,
        readings,
        air_quality,
        corrections,
        path,
        quarantine,
        redecodes,
        review,
        events,
        people,
        areas,
        audit,
        retention,
        storage,
    ):
        router.include_router(part.router)
    return router


def _serve_description(app: Hedgerow) -> None:
    @app.get("/openapi.json", dependencies=[Depends(permitted)], include_in_schema=False)
    async def read_description() -> JSONResponse:
        """Give the API's description."""
        return JSONResponse(app.openapi())
