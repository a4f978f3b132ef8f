"""The API's description (OpenAPI): what holds for all of it, and the problems an operation may answer with."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.openapi.utils import get_openapi

from api.errors import PROBLEM_JSON, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import FastAPI
    from pydantic import BaseModel

_TITLE = "Hedgerow"
_VERSION = "1.0"  # of the API under /api/v1: the second part grows when something is added

_TEXT = """\
The readings of a county's sensors: register devices, ask for readings, aggregates and last values.

**Who may ask**: send an API key with every request, `Authorization: Bearer hr_…`. Viewers read; engineers, managers and
administrators also write. A browser logged in to the console may read too, and write with the header `X-CSRF-Token`.

**Times** are ISO 8601 in UTC (`2026-11-21T08:30:00Z`) in every answer. Questions may give any offset (without one: UTC)
or milliseconds since 1970.

**Lists** come in pages: `{"items": […], "next": "…"}`. Ask again with `after` set to what `next` said, until it is null.

**Problems** are told as `application/problem+json` (RFC 9457); `detail` says what to do, `errors` where it is wrong.
"""

_TAGS = [
    {"name": "registry", "description": "Sites, devices, deployments and series"},
    {"name": "readings", "description": "What was measured"},
    {"name": "path", "description": "What happened to messages on their way"},
    {"name": "webhooks", "description": "Where network servers send messages over HTTP"},
    {"name": "health", "description": "Whether Hedgerow itself is well"},
]

_WHY = {
    HTTPStatus.UNAUTHORIZED: "No API key or session, or one that is wrong or has expired",
    HTTPStatus.FORBIDDEN: "Your role may only read, or a write in a session lacks its CSRF token",
    HTTPStatus.NOT_FOUND: "There is no such thing",
    HTTPStatus.CONFLICT: "Something else is there already",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than is read",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request cannot be used; `errors` says where and why",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of ours",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is away, not migrated, or needed too long",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare which problems an operation may answer with."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _WHY[HTTPStatus(status)], "content": content} for status in statuses}


def already_there(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Declare the answer to a request that was carried out before."""
    return {200: {"model": model, "description": "It was there already, just as asked for"}}


def array_of(kind: type[msgspec.Struct], one: Mapping[str, object]) -> dict[int | str, dict[str, Any]]:
    """Declare an answer that is a flat array, with an example of one of its objects."""
    schema = {"type": "array", "items": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    content = {"application/json": {"schema": schema, "example": [dict(one)]}}
    return {200: {"description": "A flat array, numbers as numbers", "content": content}}


def example(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Give a model an example in the description."""
    return {"examples": [values]}


def describe(app: FastAPI, kinds: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """Describe an application; `kinds` are what its routes encode by themselves."""
    made = get_openapi(title=_TITLE, version=_VERSION, description=_TEXT, tags=_TAGS, routes=app.routes)
    _, schemas = msgspec.json.schema_components([Problem, *kinds], ref_template="#/components/schemas/{name}")
    made["components"]["schemas"] |= schemas
    return made
