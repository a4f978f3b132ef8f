"""Request and response models of review: invalidations, adjustments and statuses of ranges."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.dependencies import PagingById, SeriesId
from api.description import example
from api.schemas import Channel, Code, MetricKey, Note
from api.times import Time

MOST_SERIES = 200
"""In one review."""

StatusName = Literal["provisional", "verified", "ratified"]
Reason = Annotated[Note, StringConstraints(min_length=1), Field(description="Why; it stands in the audit and beside the range")]

_OF: dict[str, Any] = {
    "site": "high-street",
    "metrics": ["no2"],
    "from": "2026-11-14T08:00:00Z",
    "to": "2026-11-14T16:30:00Z",
}


class NewReview(BaseModel):
    """A range of some series: those of a site and metrics, or those named by id."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    site: Code | None = Field(None, description="Code of a site; with `metrics`")
    metrics: list[MetricKey] = Field([], max_length=MOST_SERIES, description="Metric keys or aliases at the site")
    channel: Channel | None = Field(None, description="One channel of the site; default: all of them")
    series: list[SeriesId] = Field([], max_length=MOST_SERIES, description="Ids of series, instead of site and metrics")
    start: Time = Field(alias="from", description="Start of the range, included")
    end: Time = Field(alias="to", description="End of the range, not included")
    reason: Reason

    @model_validator(mode="after")
    def _says_of_what_and_when(self) -> Self:
        of_site = bool(self.site and self.metrics)
        if of_site == bool(self.series) or (self.series and (self.site or self.metrics or self.channel is not None)):
            raise ValueError("give `site` and `metrics`, or else `series`")
        if self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


class NewInvalidation(NewReview):
    """Readings of a range are not to count. Readings that come later into the range do not count either."""

    model_config = ConfigDict(json_schema_extra=example(**_OF, reason="inlet blocked by leaves"))


class NewAdjustment(NewReview):
    """Values of a range that has passed become value * scale + offset; those that come later into it stay as they come."""

    model_config = ConfigDict(json_schema_extra=example(**_OF, scale=1.0, offset=-2.4, reason="zero drift at calibration"))

    scale: float = Field(1.0, ge=-1e9, le=1e9, description="Factor; not 0")
    offset: float = Field(0.0, ge=-1e15, le=1e15, description="Added after the scale [unit of the metric]")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.scale == 0:
            raise ValueError("a scale of 0 makes every value the same: invalidate the range instead")
        if (self.scale, self.offset) == (1.0, 0.0):
            raise ValueError("give a scale other than 1, or an offset other than 0")
        return self


class NewStatus(NewReview):
    """How far a range that has passed is checked: provisional, then verified, then ratified, which closes it."""

    model_config = ConfigDict(json_schema_extra=example(**_OF, status="verified", reason="checked against the reference"))

    status: StatusName


class Effect(BaseModel):
    """What a review does to one series, or in a dry run would do."""

    id: int | None = Field(None, description="Of what was made; null: a dry run, or a status")
    series: int = Field(description="Id of the series")
    site: str = Field(description="Code of the site")
    metric: str = Field(description="Key of the metric")
    unit: str
    channel: str
    readings: int | None = Field(None, description="Stored in the range; null: too many to look at for a status")
    changed: int = Field(0, description="Of those, how many get another value or other flags")
    excluded_before: int | None = Field(None, description="How many a flag kept out of aggregates before")
    excluded_after: int | None = Field(None, description="And how many it keeps out afterwards")
    first: datetime | None = Field(None, description="Time of the first reading in the range; null: there is none")
    last: datetime | None = Field(None, description="Time of the last one")
    mean_before: float | None = Field(None, description="Of what counts [unit]; null: nothing does")
    mean_after: float | None = Field(None, description="The same afterwards [unit]")


class Reviewed(BaseModel):
    """What a review did, or in a dry run would do."""

    dry_run: bool
    changed: int = Field(description="Readings that get another value or other flags, of all series")
    effects: list[Effect] = Field(description="Series by series")


class Undone(BaseModel):
    """What undoing did, or in a dry run would do."""

    id: int
    dry_run: bool
    changed: int = Field(description="Readings that are again as they were")
    kept: int = Field(0, description="Readings that stay invalid, for another invalidation covers them")


class _Of(BaseModel):
    id: int
    series: int = Field(description="Id of the series")
    site: str = Field(description="Code of the site")
    metric: str = Field(description="Key of the metric")
    unit: str
    channel: str
    start: datetime = Field(alias="from", description="Start of the range, included")
    end: datetime = Field(alias="to", description="End of the range, not included")
    reason: str
    person: str = Field(description="Who said so")
    made_at: datetime


class Invalidation(_Of):
    """A range whose readings do not count."""

    readings: int = Field(description="How many readings it took out when it was made; others it covered were out already")
    undone_at: datetime | None = Field(description="Null: it holds")
    undone_by: str | None


class Adjustment(_Of):
    """A range whose values were adjusted: value * scale + offset."""

    scale: float
    offset: float = Field(description="[unit]")
    readings: int = Field(description="How many readings it adjusted; what they were is kept")
    undone_at: datetime | None = Field(description="Null: it holds")
    undone_by: str | None


class Status(_Of):
    """A range that is verified or ratified; what no status covers is provisional."""

    status: StatusName


class StatusesAsked(PagingById):
    """Which ranges: those that overlap the times asked for."""

    site: Code | None = Field(None, description="Code of a site")
    metric: MetricKey | None = Field(None, description="Key of a metric")
    series: SeriesId | None = Field(None, description="Id of a series")
    start: Time | None = Field(None, alias="from", description="Default: since ever")
    end: Time | None = Field(None, alias="to", description="Default: until ever")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


class ReviewsAsked(StatusesAsked):
    """Which ranges, and whether they hold."""

    holds: bool | None = Field(None, description="True: those that hold; false: those that were undone; default: both")
