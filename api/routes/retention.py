"""Retention: how long raw readings are kept, by domain and metric, and how long everything else that grows."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.changes import changes
from api.database import rows_of, value_of
from api.dependencies import Admin, Connection
from api.description import example, problems
from api.errors import NotFound, Slip, Unusable

router = APIRouter(prefix="/retention", tags=["health"])

TableName = Annotated[str, Path(max_length=63, description="Name of a table, such as `device_event`")]


class Scope(BaseModel):
    """Which readings: those of a metric, of a domain, or (neither) all that have no policy of their own."""

    model_config = ConfigDict(extra="forbid")

    domain: str | None = Field(None, max_length=63, description="Of metrics, such as `air`")
    metric: str | None = Field(None, max_length=63, description="Key of a metric, such as `pm2_5`")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.domain is not None and self.metric is not None:
            raise ValueError("name a metric or a domain, not both: a metric's own policy wins over its domain's")
        return self

    @property
    def told(self) -> str:
        """The scope in words."""
        return f"metric {self.metric}" if self.metric else f"domain {self.domain}" if self.domain else "all readings"


class ReadingPolicy(Scope):
    """How long raw readings are kept."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", json_schema_extra=example(metric="pm2_5", keep_months=24))

    keep_months: int | None = Field(
        ge=1, le=1200, description="Whole months before the present one; null: for ever. Rollups are kept for ever anyway"
    )


class Keep(BaseModel):
    """How long rows of a table are kept."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(keep_days=400))

    keep_days: int | None = Field(ge=1, le=36_500, description="Days; null: for ever")


class TablePolicy(BaseModel):
    """A table that grows, and how long its rows are kept."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    what: str = Field(description="What stands in it; where `is_settable` is false, also when its rows go")
    keep_days: int | None = Field(description="null: for ever, or as `what` says")
    is_settable: bool


class Policies(BaseModel):
    """Everything that is said of retention."""

    readings: list[ReadingPolicy]
    tables: list[TablePolicy]


@router.get("", summary="Say what is kept, and for how long")
async def read_policies(connection: Connection) -> Policies:
    """Give the policies of readings, the most specific of which counts, and of all other tables that grow."""
    return Policies(
        readings=await rows_of(connection, ReadingPolicy, "list_retention_policies"),
        tables=await rows_of(connection, TablePolicy, "list_retention_tables"),
    )


@router.put("/readings", summary="Set how long readings are kept")
async def set_readings(connection: Connection, person: Admin, wanted: ReadingPolicy) -> Policies:
    """Set the policy of a metric, of a domain, or of all others.

    Readings that are older **are deleted for good within the hour**; their hourly and daily statistics stay for ever. A longer
    policy brings nothing back.
    """
    async with changes(connection, person):
        if await value_of(connection, "put_retention_policy", wanted.model_dump()) is None:
            where = "metric" if wanted.metric is not None else "domain"
            raise Unusable(f"There is no {wanted.told}: /api/v1/metrics lists them.", Slip(where, "is not known"))
    return await read_policies(connection)


@router.delete("/readings", summary="Take a policy of readings away", responses=problems(404))
async def drop_readings(connection: Connection, person: Admin, scope: Annotated[Scope, Query()]) -> Policies:
    """Take the policy of a metric or domain away: the less specific one counts from then on. The one for all stays."""
    async with changes(connection, person):
        if await value_of(connection, "remove_retention_policy", scope.model_dump()) is None:
            raise NotFound(f"There is no policy of {scope.told} that could go. Those there are: /api/v1/retention")
    return await read_policies(connection)


@router.put("/tables/{name}", summary="Set how long a table's rows are kept", responses=problems(404))
async def set_table(connection: Connection, person: Admin, name: TableName, wanted: Keep) -> Policies:
    """Set how long the rows of a table are kept. Older ones are deleted for good within the hour."""
    async with changes(connection, person):
        if await value_of(connection, "keep_table", {"name": name, "keep_days": wanted.keep_days}) is None:
            raise NotFound(f"There is no table {name} whose age could be set; see /api/v1/retention, `is_settable`")
    return await read_policies(connection)
