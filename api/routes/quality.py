"""Quality: which flags keep readings out of aggregates, and the settings of the rules that set flags."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.changes import changes
from api.database import rows_of, value_of
from api.dependencies import Admin, Connection
from api.description import example, problems
from api.errors import NotFound

router = APIRouter(tags=["quality"])

FlagKey = Annotated[str, Path(max_length=40, description="Key of a flag, such as `spike`")]


class KnownFlag(BaseModel):
    """What may be doubtful about a reading."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    bit: int = Field(description="Its bit in the `flags` of readings")
    description: str
    excluding: bool = Field(description="Whether readings with it stay out of aggregates unless they are asked for")


class Exclusion(BaseModel):
    """Whether a flag keeps readings out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(excluding=True))

    excluding: bool


@router.get("/flags", summary="List flags")
async def read_flags(connection: Connection) -> list[KnownFlag]:
    """Give every flag, and whether it keeps readings out of aggregates."""
    return await rows_of(connection, KnownFlag, "list_quality_flags")


@router.put("/flags/{key}", summary="Say whether a flag keeps readings out", responses=problems(404))
async def set_exclusion(connection: Connection, person: Admin, key: FlagKey, wanted: Exclusion) -> list[KnownFlag]:
    """Say whether readings with a flag stay out of aggregates; the answer has all flags.

    Every statistic follows at once, those of the past too. Where this changes anything, **all rollups are made again**:
    until that is done questions over long times are slower, and just as right.
    """
    async with changes(connection, person):
        if await value_of(connection, "set_excluding", {"key": key, "excluding": wanted.excluding}) is None:
            raise NotFound(f"There is no flag {key}. Those there are: /api/v1/flags")
    return await read_flags(connection)
