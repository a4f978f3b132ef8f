"""Request and response models of series and of the vocabulary of metrics."""

from pydantic import BaseModel, ConfigDict, Field

from api.description import example
from api.schemas import Channel, Code, MetricKey


class NewSeries(BaseModel):
    """One metric at one site (and channel); ingest makes series by itself when readings come."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(site="high-street", metric="no2"))

    site: Code
    metric: MetricKey
    channel: Channel = ""


class Series(BaseModel):
    """One metric at one site (and channel), owned by the site."""

    id: int
    site: str = Field(description="Code of the site")
    site_name: str
    metric: str = Field(description="Key of the metric")
    domain: str
    unit: str = Field(description="Unit of its values")
    kind: str = Field(description="gauge, counter or state")
    channel: str


class Metric(BaseModel):
    """What can be measured."""

    key: str
    aliases: list[str] = Field(description="Other names under which devices may send it")
    domain: str
    unit: str = Field(description="Unit in which values are stored and shown")
    unit_senml: str = Field(description="Unit a SenML pack is expected to name")
    kind: str = Field(description="gauge, counter or state")
    valid_min: float | None = Field(description="Lowest possible value [unit]; null: none")
    valid_max: float | None = Field(description="Highest possible value [unit]; null: none")
    description: str
