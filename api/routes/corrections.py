"""What was corrected in the store, and which readings contradicted it."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.database import rows_of
from api.dependencies import Connection, PagingById
from api.schemas import Code, MetricKey, Page

router = APIRouter(tags=["readings"])


class OfSeries(PagingById):
    """Of which series."""

    site: Code | None = Field(None, description="Code of the site")
    metric: MetricKey | None = Field(None, description="Key of the metric")


class _OfOneSeries(BaseModel):
    id: int
    site: str = Field(description="Code of the site")
    channel: str
    metric: str = Field(description="Key of the metric")
    unit: str


class Correction(_OfOneSeries):
    """A reading that `hedgerow redecode` corrected or removed."""

    time: datetime
    old_value: float = Field(description="What stood there [unit]")
    old_flags: int
    new_value: float | None = Field(description="What stands there since [unit]; null: the reading was removed")
    new_flags: int | None
    corrected_at: datetime
    run: int = Field(description="Number of the run")
    profile: str = Field(description="Key of the device profile that was decoded again")


class Conflict(_OfOneSeries):
    """Readings of a series that were refused on one day, because their time had another value already."""

    day: date = Field(description="UTC day of the refusal")
    conflicts: int = Field(description="How many")
    time: datetime = Field(description="Of the last one")
    kept_value: float = Field(description="What is stored, for it came first [unit]")
    refused_value: float = Field(description="What came afterwards [unit]")
    noted_at: datetime


@router.get("/corrections", summary="List corrected readings")
async def list_corrections(connection: Connection, asked: Annotated[OfSeries, Query()]) -> Page[Correction]:
    """Give what stood in the place of corrected and removed readings, the last correction first."""
    rows = await rows_of(connection, Correction, "page_of_corrections", asked.model_dump())
    return Page[Correction].cut(rows, asked.limit, "id")


@router.get("/conflicts", summary="List contradicting readings")
async def list_conflicts(connection: Connection, asked: Annotated[OfSeries, Query()]) -> Page[Conflict]:
    """Give series and days on which readings contradicted stored ones, with the last example of each; the first one stays."""
    rows = await rows_of(connection, Conflict, "page_of_conflicts", asked.model_dump())
    return Page[Conflict].cut(rows, asked.limit, "id")
