"""Sites for a map: where they are, how they are, and the last value that matters most at each."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.database import rows_of
from api.dependencies import Connection
from api.pages.words import MAIN_METRICS, metric_label, value_text
from api.schemas import Domain

router = APIRouter(prefix="/sites.geojson", tags=["registry"])

_GEOJSON = "application/geo+json"


class SitesWanted(BaseModel):
    """Which sites."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(None, max_length=100, description="Part of the name or code of a site, or of a device there")
    domain: Domain | None = Field(None, description="What the sites are mainly for; `mixed`: nothing in particular")
    status: str | None = Field(None, max_length=20, description="State of the sites")


class Properties(BaseModel):
    """What a map tells of a site."""

    code: str
    name: str
    domain: str | None
    state: str = Field(description="How the site's devices report")
    since: datetime | None = Field(description="Since when it is in that state; null where it never was in another")
    metric: str | None = Field(description="The metric that matters most here")
    value: float | None = Field(description="Its last value")
    unit: str | None
    shown: str | None = Field(None, description="Metric, value and unit as a person reads them")


class Point(BaseModel):
    """A position."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(description="Longitude and latitude, degrees (WGS 84)")


class Feature(BaseModel):
    """One site."""

    type: Literal["Feature"] = "Feature"
    geometry: Point | None = Field(description="null where the site has no position")
    properties: Properties


class FeatureCollection(BaseModel):
    """All sites asked for."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Feature]


class _Row(Properties):
    latitude: float | None
    longitude: float | None


@router.get(
    "",
    summary="Sites for a map, as GeoJSON (RFC 7946)",
    response_model=FeatureCollection,
    responses={
        200: {"content": {_GEOJSON: {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}}},
        304: {"description": "Nothing has changed since `If-None-Match`"},
    },
)
async def read_sites(
    connection: Connection, wanted: Annotated[SitesWanted, Query()], if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """Give every site that fits, with its position, state and main value, in the order of their codes."""
    values = wanted.model_dump() | {"main_metrics": list(MAIN_METRICS)}
    rows = await rows_of(connection, _Row, "list_sites_for_map", values)
    body = FeatureCollection(features=[_feature(row) for row in rows]).model_dump_json().encode()
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'  # weak: it may be sent compressed
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match == tag:
        return Response(None, 304, headers)
    return Response(body, 200, headers, _GEOJSON)


def _feature(row: _Row) -> Feature:
    is_placed = row.latitude is not None and row.longitude is not None
    place = Point(coordinates=(row.longitude or 0.0, row.latitude or 0.0)) if is_placed else None
    is_told = row.metric is not None and row.value is not None
    shown = f"{metric_label(row.metric or '')}: {value_text(row.value or 0, row.unit or '')}" if is_told else None
    told = row.model_dump(exclude={"latitude", "longitude", "shown"})
    return Feature(geometry=place, properties=Properties(**told, shown=shown))
