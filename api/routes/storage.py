"""Storage: how large every table is, and how long what is in it is kept."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.database import rows_of
from api.dependencies import Admin, Connection

router = APIRouter(prefix="/storage", tags=["health"])


class TableSize(BaseModel):
    """A table; its partitions are counted with it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    bytes: int = Field(description="With indexes and large values")
    index_bytes: int
    rows: int | None = Field(description="As the database estimates; null: never counted")
    partitions: int
    oldest: datetime | None = Field(description="Start of the first partition")
    newest: datetime | None = Field(description="End of the last partition, which may be made ahead")


@router.get("", summary="Say how large every table is")
async def read_storage(connection: Connection, _person: Admin) -> list[TableSize]:
    """Give every table, the largest first. `hedgerow doctor` says also what is due and what to do."""
    return await rows_of(connection, TableSize, "list_table_sizes")
