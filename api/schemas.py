"""Request and response models of the registry: what the API takes and gives, with units."""

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Generic, Literal, Self, TypeVar
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from api.description import example
from api.times import Time
from devices.model import normalise_uid

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
Item = TypeVar("Item")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed here")
    return text


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("the NUL character is not allowed here")
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("no time zone has this name; an example is Europe/London")
    return name


def _uid(value: object) -> object:
    return normalise_uid(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _each_once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_printable)]
Name = Annotated[Line, StringConstraints(min_length=1)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_printable)]
Uid = Annotated[
    str,
    BeforeValidator(_uid),
    Field(
        description="Device uid: an EUI-64 in any usual spelling, or a name of letters, digits and `. _ : -`",
        examples=["0011223344556677"],
    ),
]
Code = Annotated[
    str,
    BeforeValidator(_lower),
    StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,79}$"),
    Field(description="Short name in addresses: lower-case letters, digits, `_` and `-`", examples=["high-street"]),
]
Tag = Annotated[
    str,
    BeforeValidator(_lower),
    StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,39}$"),
    Field(description="Short word to find sites by: lower-case letters, digits, `_` and `-`", examples=["school-street"]),
]
Domain = Annotated[
    str,
    StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$"),
    Field(description="Domain of the metric vocabulary", examples=["traffic", "air_quality", "asset"]),
]
Tags = Annotated[list[Tag], AfterValidator(_each_once), Field(max_length=20)]
MetricKey = Annotated[
    str,
    BeforeValidator(_lower),
    StringConstraints(pattern="^[a-z0-9][a-z0-9_.]{0,79}$"),
    Field(description="Metric key of the vocabulary, or one of its aliases", examples=["no2", "temperature"]),
]
Codec = Annotated[
    Literal["auto", "cayenne_lpp", "layout", "javascript"],
    Field(
        description="How its messages are read. `auto`: SenML, flat JSON or what the network server decoded; `cayenne_lpp`;"
        " `layout`: binary, as `definition` says; `javascript`: by `script`"
    ),
]
Definition = Annotated[
    str,
    StringConstraints(max_length=200_000),
    AfterValidator(_without_nul),
    Field(description="TOML: the binary layout, or which part of a codec's output is which metric (docs/formats.md)"),
]
Script = Annotated[
    str,
    StringConstraints(max_length=262_144),
    AfterValidator(_without_nul),
    Field(description="JavaScript: decodeUplink (TS013), or the older Decoder or Decode"),
]
AccuracyClass = Annotated[
    Literal["", "reference", "indicative"],
    Field(description="How good its values are: `reference` or `indicative` (air quality directives' sense); empty: not said"),
]
DeviceState = Literal["ok", "late", "stale", "offline", "waiting", "maintenance", "retired"]
Port = Annotated[int, Field(ge=0, le=255, description="LoRaWAN FPort; 0 where the payload came without one")]
Channel = Annotated[
    str,
    StringConstraints(pattern="^[A-Za-z0-9._-]{0,40}$"),
    Field(description="Tells two devices with the same metric at one site apart; usually empty"),
]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="WGS 84, degrees north")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="WGS 84, degrees east")]
Accuracy = Annotated[
    float, Field(ge=0, le=1e7, allow_inf_nan=False, description="Of the position: radius that holds it 19 times of 20 [m]")
]
Uprn = Annotated[int, Field(ge=1, le=999_999_999_999, description="Unique Property Reference Number")]
Usrn = Annotated[int, Field(ge=1, le=99_999_999, description="Unique Street Reference Number")]
TimeZone = Annotated[str, AfterValidator(_known_zone), Field(description="IANA name; local days are in this zone")]


class Request(BaseModel):
    """What is not described is refused, so that a slip of the pen cannot go unnoticed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="Ask again with `after` set to this; null at the end of the list")

    @classmethod
    def cut(cls, rows: list[Item], limit: int, key: str) -> Self:
        """Cut a page off rows of which one more than fits was asked for; `key` is what they are in the order of."""
        items = rows[:limit]
        return cls(items=items, next=str(getattr(items[-1], key)) if len(rows) > limit else None)


class NewSite(Request):
    """A place where something is measured."""

    model_config = ConfigDict(
        json_schema_extra=example(name="High Street", latitude=50.7156, longitude=-2.4366, domain="traffic")
    )

    code: Code | None = Field(None, description="Default: made from the name")
    name: Name
    domain: Domain | None = Field(None, description="What the site is mainly for; null where it is mixed")
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    position_accuracy_m: Accuracy | None = None
    uprn: Uprn | None = None
    usrn: Usrn | None = None
    note: Note = ""
    time_zone: TimeZone = "Europe/London"
    is_safety: bool = Field(default=False, description="Whether people's safety depends on it, as on a lifebuoy")
    tags: Tags = []

    @model_validator(mode="after")
    def _position_is_whole(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give both latitude and longitude, or neither")
        return self


class SiteChange(Request):
    """What is to be otherwise about a site; what is not named stays, and null takes away what may be missing."""

    model_config = ConfigDict(json_schema_extra=example(uprn=100040228000, note="key at the library"))

    name: Name = ""
    domain: Domain | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    position_accuracy_m: Accuracy | None = None
    uprn: Uprn | None = None
    usrn: Usrn | None = None
    note: Note = ""
    time_zone: TimeZone = ""
    is_safety: bool = Field(default=False, description="Whether people's safety depends on it, as on a lifebuoy")
    tags: Tags = Field([], description="Instead of those there are")


class Site(BaseModel):
    """A place where something is measured; it owns its series."""

    code: str
    name: str
    domain: str | None
    latitude: float | None = Field(description="WGS 84, degrees north")
    longitude: float | None = Field(description="WGS 84, degrees east")
    position_accuracy_m: float | None = Field(description="Radius that holds the position 19 times of 20 [m]")
    uprn: int | None = Field(description="Unique Property Reference Number")
    usrn: int | None = Field(description="Unique Street Reference Number")
    note: str
    time_zone: str
    created_at: datetime
    is_safety: bool = Field(description="Whether people's safety depends on it: its devices are called offline sooner")
    tags: list[str]
    state: DeviceState = Field(description="Of the worst of the devices that are there now; retired: there is none any more")
    state_since: datetime | None = Field(description="Null: no device is there")
    last_received_at: datetime | None = Field(description="When one of those devices was heard last, readings or not")


class NewDevice(Request):
    """A physical sensor, and where it is."""

    model_config = ConfigDict(
        json_schema_extra=example(uid="0011223344556677", name="High Street north", latitude=50.7156, longitude=-2.4366)
    )

    uid: Uid
    name: Name
    latitude: Latitude | None = Field(None, description="Needed unless `site` has a position, degrees north (WGS 84)")
    longitude: Longitude | None = Field(None, description="Needed unless `site` has a position, degrees east (WGS 84)")
    site: Code | None = Field(None, description="Code of a site that is there; default: one is made from name and position")
    profile: Code = Field("generic", description="Key of a device profile")
    domain: Domain | None = Field(None, description="Domain of a site that is made")
    position_accuracy_m: Accuracy | None = None
    serial: Line = Field("", description="The maker's serial number")
    note: Note = ""
    request_id: UUID | None = Field(
        None, description="Made by who asks: the same request sent again is answered 200, however the device was changed since"
    )
    installed_at: Time | None = Field(
        None, description="Since when the device is there; default: everything it ever said belongs to this site"
    )

    @model_validator(mode="after")
    def _place_is_known(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give both latitude and longitude, or neither")
        if self.site is None and self.latitude is None:
            raise ValueError("say where the device is: give latitude and longitude, or the code of a site")
        return self


class DeviceChange(Request):
    """What is to be otherwise about a device; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=example(name="High Street north", serial="A-2231"))

    name: Name | None = None
    profile: Code | None = Field(None, description="Key of a device profile; messages are read by it from then on")
    serial: Line | None = Field(None, description="The maker's serial number")
    note: Note | None = None


class Device(BaseModel):
    """A device and where it is now; where it is nowhere, its last site."""

    uid: str
    name: str
    profile: str = Field(description="Key of its device profile")
    serial: str = Field(description="The maker's serial number")
    note: str
    site: str | None = Field(description="Code of its site")
    site_name: str | None
    latitude: float | None = Field(description="The site's, degrees north (WGS 84)")
    longitude: float | None = Field(description="The site's, degrees east (WGS 84)")
    position_accuracy_m: float | None = Field(description="The site's [m]")
    domain: str | None = Field(description="The site's")
    channel: str | None
    installed_at: datetime | None = Field(description="Since when it is there; null: everything it ever said belongs there")
    removed_at: datetime | None = Field(description="Until when it was there; null: it still is")
    retired_at: datetime | None = Field(description="Since when it is out of use for good; null: it is not")
    created_at: datetime
    state: DeviceState = Field(description="Told from how long it has been silent; waiting: nothing has come yet")
    state_since: datetime
    last_received_at: datetime | None = Field(description="When it was heard last, refused messages included; null: never")
    expected_interval_s: float | None = Field(description="A message is expected this often [s]; null: not judged yet")
    loss: float | None = Field(description="Share of its packets lost during the last day, 0 to 1; null: not known")
    suppressed_by: str | None = Field(description="The silent gateway that explains its silence")


class NewDeployment(Request):
    """A device put at a site; the deployment it was in until then ends."""

    model_config = ConfigDict(
        json_schema_extra=example(device="0011223344556677", site="high-street", installed_at="2026-11-21T08:30:00Z")
    )

    device: Uid
    site: Code
    channel: Channel = ""
    installed_at: Time | None = Field(None, description="From when on; default: now")
    removed_at: Time | None = Field(None, description="Until when; default: open end")
    note: Note = ""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.installed_at and self.removed_at and self.removed_at <= self.installed_at:
            raise ValueError("removed_at must be later than installed_at")
        return self


class Deployment(BaseModel):
    """A device at a site from one time to another."""

    id: int
    device: str = Field(description="Uid of the device")
    site: str = Field(description="Code of the site")
    channel: str
    installed_at: datetime | None = Field(description="Null: since ever")
    removed_at: datetime | None = Field(description="Null: it is still there")
    note: str
