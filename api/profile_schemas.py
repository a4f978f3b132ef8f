"""Request and response models of device profiles: what the API takes and gives, with units."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.description import example
from api.schemas import AccuracyClass, Code, Codec, Definition, Line, Name, Request, Script


class NewProfile(Request):
    """What devices of one vendor and model have in common."""

    model_config = ConfigDict(
        json_schema_extra=example(key="acme-aq2", name="Acme AQ2", vendor="Acme", model="AQ2", expected_interval_s=600)
    )

    key: Code
    name: Name
    vendor: Line = ""
    model: Line = ""
    codec: Codec = "auto"
    battery: Line = Field("", description="Battery type, for whoever brings a new one")
    expected_interval_s: int = Field(900, gt=0, le=2**31 - 1, description="A message is expected this often [s]")
    clock_back_s: int = Field(
        400 * 86_400, ge=0, le=4_000_000_000, description="How far back the device's own time is believed [s]"
    )
    clock_ahead_s: int = Field(600, ge=0, le=86_400, description="How far ahead the device's own time is believed [s]")
    definition: Definition = ""
    script: Script = ""
    accuracy_class: AccuracyClass = ""


class ProfileChange(Request):
    """What is to be otherwise about a device profile; what is not named stays."""

    model_config = ConfigDict(
        json_schema_extra=example(codec="cayenne_lpp", definition='[temperature]\n2 = "soil_temperature"')
    )

    name: Name | None = None
    vendor: Line | None = None
    model: Line | None = None
    codec: Codec | None = None
    battery: Line | None = None
    expected_interval_s: int | None = Field(None, gt=0, le=2**31 - 1, description="A message is expected this often [s]")
    clock_back_s: int | None = Field(None, ge=0, le=4_000_000_000, description="How far back its own time is believed [s]")
    clock_ahead_s: int | None = Field(None, ge=0, le=86_400, description="How far ahead its own time is believed [s]")
    definition: Definition | None = None
    script: Script | None = None
    accuracy_class: AccuracyClass | None = None
    version: int | None = Field(None, ge=1, description="The version that is to be changed; 409 where there is another by now")


class ProfileClone(Request):
    """A profile of one's own, made from another."""

    model_config = ConfigDict(json_schema_extra=example(key="our-lse01", name="Our LSE01"))

    key: Code
    name: Name


class ProfileVersion(BaseModel):
    """What decodes messages by a profile, at one time."""

    version: int
    codec: str
    definition: str
    script: str
    until_at: datetime | None = Field(description="When the next version took its place; null: this is the present one")


class Profile(BaseModel):
    """A device profile."""

    key: str
    name: str
    vendor: str
    model: str
    codec: str
    battery: str
    expected_interval_s: int = Field(description="A message is expected this often [s]")
    clock_back_s: int = Field(description="How far back the device's own time is believed [s]")
    clock_ahead_s: int = Field(description="How far ahead the device's own time is believed [s]")
    definition: str = Field(description="TOML: the binary layout, or which part of a codec's output is which metric")
    script: str = Field(description="JavaScript")
    accuracy_class: str = Field(description="reference, indicative, or empty: not said")
    version: int = Field(description="Counts changes of codec, definition and script")
    created_at: datetime
