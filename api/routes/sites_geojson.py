"""Sites for a map: where they are, how they are, and the last value that matters most at each."""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Response
from msgspec import Meta
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Connection
from api.pages.words import MAIN_METRICS, metric_label, value_text
from api.schemas import Domain
from sql.queries import query

router = APIRouter(prefix="/sites.geojson", tags=["registry"])

_GEOJSON = "application/geo+json"


class SitesWanted(BaseModel):
    """Which sites."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(None, max_length=100, description="Part of the name or code of a site, or of a device there")
    domain: Domain | None = Field(None, description="What the sites are mainly for; `mixed`: nothing in particular")
    status: str | None = Field(None, max_length=20, description="State of the sites")


class Properties(msgspec.Struct, frozen=True, gc=False):
    """What a map tells of a site."""

    code: str
    name: str
    domain: str | None
    state: Annotated[str, Meta(description="How the site's devices report")]
    since: Annotated[datetime | None, Meta(description="Since when it is in that state; null where it never was in another")]
    metric: Annotated[str | None, Meta(description="The metric that matters most here")]
    value: Annotated[float | None, Meta(description="Its last value")]
    unit: str | None
    shown: Annotated[str | None, Meta(description="Metric, value and unit as a person reads them")]


class Point(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="Point"):
    """A position."""

    coordinates: Annotated[tuple[float, float], Meta(description="Longitude and latitude, degrees (WGS 84)")]


class Feature(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="Feature"):
    """One site."""

    geometry: Annotated[Point | None, Meta(description="null where the site has no position")]
    properties: Properties


class FeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """All sites asked for."""

    features: list[Feature]


@router.get(
    "",
    summary="Sites for a map, as GeoJSON (RFC 7946)",
    response_class=Response,
    responses={
        200: {"content": {_GEOJSON: {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}}},
        304: {"description": "Nothing has changed since `If-None-Match`"},
    },
)
async def read_sites(
    connection: Connection, wanted: Annotated[SitesWanted, Query()], if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """Give every site that fits, with its position, state and main value, in the order of their codes."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(query("list_sites_for_map"), {**wanted.model_dump(), "main_metrics": list(MAIN_METRICS)})
    # Structs and no models: thousands of sites are looked at again and again.
    body = msgspec.json.encode(FeatureCollection([_feature(*row) for row in await cursor.fetchall()]))
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'  # weak: it may be sent compressed
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match == tag:
        return Response(None, 304, headers)
    return Response(body, 200, headers, _GEOJSON)


def _feature(
    code: str,
    name: str,
    domain: str | None,
    latitude: float | None,
    longitude: float | None,
    state: str,
    since: datetime | None,
    metric: str | None,
    value: float | None,
    unit: str | None,
) -> Feature:
    """Make the feature of a row of `list_sites_for_map`, whose columns are the parameters."""
    place = None if latitude is None or longitude is None else Point((longitude, latitude))
    shown = None if metric is None or value is None else f"{metric_label(metric)}: {value_text(value, unit or '')}"
    return Feature(place, Properties(code, name, domain, state, since, metric, value, unit, shown))
