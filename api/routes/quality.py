"""Quality: which flags keep readings out of aggregates, and the settings of the rules that set flags."""

from typing import Annotated

from fastapi import APIRouter, Path
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.dependencies import Admin, Connection, Manager
from api.description import example, problems
from api.errors import NotAllowed, NotFound, Slip, Unusable
from api.people import Person
from api.schemas import Code, MetricKey
from sql.queries import query

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


Number = Annotated[float, Field(allow_inf_nan=False)]
Sentinels = Annotated[list[Number], Field(max_length=20, description="Numbers by which devices say that they have no value")]


class MetricRules(BaseModel):
    """What the rules go by for one metric; null switches a rule off. Values are in the metric's unit."""

    model_config = ConfigDict(from_attributes=True)

    metric: str
    valid_min: float | None = Field(description="Below is out of range; from the vocabulary")
    valid_max: float | None = Field(description="Above is out of range; from the vocabulary")
    max_step_per_min: float | None = Field(description="A change by more than this a minute is a step")
    flat_count: int | None = Field(description="So many identical readings in a row, not zero, may be a flatline")
    flat_for_s: int = Field(description="They are one when they last so long [s]")
    spike_least: float | None = Field(description="A lone value farther than this from both neighbours may be a spike")
    sentinels: list[float]
    humid_above: float | None = Field(
        description="Relative humidity at the site above which readings get the flag humidity [%]"
    )
    not_above: str | None = Field(description="Another metric that this one cannot be above at one place and time")
    not_above_times: float = Field(description="… times this")
    low_below: float | None = Field(description="Of a battery: below is nearly empty")


class MetricRulesChange(BaseModel):
    """What is to become of the rules for a metric; what is left out stays, null switches a rule off."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(flat_count=12, flat_for_s=21600, spike_least=80))

    max_step_per_min: Number | None = Field(None, gt=0, description="null: as the vocabulary has it")
    flat_count: int | None = Field(None, ge=3, le=10_000)
    flat_for_s: int = Field(0, ge=0, le=10**9)
    spike_least: Number | None = Field(None, gt=0)
    sentinels: Sentinels = []
    humid_above: Number | None = None
    not_above: MetricKey | None = None
    not_above_times: Number = Field(1, gt=0)
    low_below: Number | None = None


class ProfileRules(BaseModel):
    """What devices of a profile need beyond the rules of metrics."""

    model_config = ConfigDict(from_attributes=True)

    profile: str
    warm_up_s: int = Field(description="So long after they are put up readings get the flag warm up [s]; 0: none do")
    silence_s: int | None = Field(description="A silence for longer than this means no power: they warm up again [s]")
    sentinels: dict[str, list[float]] = Field(
        description="By metric, numbers by which these devices say that they have no value"
    )


class ProfileRulesChange(BaseModel):
    """What is to become of the rules for a profile; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=example(warm_up_s=1800, silence_s=7200, sentinels={"distance_to_surface": [0, 65535]})
    )

    warm_up_s: int = Field(0, ge=0, le=30 * 86_400)
    silence_s: int | None = Field(None, ge=1, le=10**9)
    sentinels: dict[MetricKey, Sentinels] = Field({}, max_length=100)


@router.get("/quality/metrics", summary="List the rules for metrics")
async def read_metric_rules(connection: Connection) -> list[MetricRules]:
    """Give what the rules go by, by key of the metric."""
    return await rows_of(connection, MetricRules, "list_metric_quality", {"metric": None})


@router.patch("/quality/metrics/{key}", summary="Change the rules for a metric", responses=problems(404))
async def change_metric_rules(
    connection: Connection, person: Manager, key: Annotated[MetricKey, Path()], wanted: MetricRulesChange
) -> MetricRules:
    """Change what the rules go by for a metric.

    It counts for readings that come from now on; `hedgerow quality run` judges those that are stored.
    """
    _refuse_limited(person)
    old = await _metric_rules(connection, key)
    values = old.model_dump() | wanted.model_dump(exclude_unset=True)
    if values["not_above"] is not None:
        await _refuse_unknown(connection, "body.not_above", [values["not_above"]])
        if values["not_above"] == key:
            raise Unusable("A metric is never above itself: name another one.", Slip("body.not_above", "is this metric itself"))
    async with changes(connection, person):
        await connection.execute(query("set_metric_quality"), values)
    return await _metric_rules(connection, key)


@router.get("/quality/profiles", summary="List the rules for device profiles")
async def read_profile_rules(connection: Connection) -> list[ProfileRules]:
    """Give what devices of each profile need, by key of the profile."""
    return await rows_of(connection, ProfileRules, "list_profile_quality", {"profile": None})


@router.patch("/quality/profiles/{key}", summary="Change the rules for a device profile", responses=problems(404))
async def change_profile_rules(
    connection: Connection, person: Manager, key: Annotated[Code, Path()], wanted: ProfileRulesChange
) -> ProfileRules:
    """Change what devices of a profile need: the minutes they warm up, and what they send for no value.

    It counts for readings that come from now on; `hedgerow quality run` judges those that are stored.
    """
    _refuse_limited(person)
    old = await _profile_rules(connection, key)
    values = old.model_dump() | wanted.model_dump(exclude_unset=True)
    await _refuse_unknown(connection, "body.sentinels", list(values["sentinels"]))
    async with changes(connection, person):
        await connection.execute(query("set_profile_quality"), {**values, "sentinels": Jsonb(values["sentinels"])})
    return await _profile_rules(connection, key)


async def _metric_rules(connection: AsyncConnection, key: str) -> MetricRules:
    if rules := await row_of(connection, MetricRules, "list_metric_quality", {"metric": key}):
        return rules
    raise NotFound(f"There is no metric {key}. Those there are: /api/v1/quality/metrics")


async def _profile_rules(connection: AsyncConnection, key: str) -> ProfileRules:
    if rules := await row_of(connection, ProfileRules, "list_profile_quality", {"profile": key}):
        return rules
    raise NotFound(f"There is no device profile {key}. Those there are: /api/v1/quality/profiles")


async def _refuse_unknown(connection: AsyncConnection, where: str, keys: list[str]) -> None:
    known = {rules.metric for rules in await rows_of(connection, MetricRules, "list_metric_quality", {"metric": None})}
    if unknown := sorted(set(keys) - known):
        raise Unusable(f"There is no metric {unknown[0]}. Those there are: /api/v1/metrics", Slip(where, "names no metric"))


def _refuse_limited(person: Person) -> None:
    if person.is_limited:
        raise NotAllowed("These rules count for every area, and you are limited to yours. Ask somebody who is not.")
