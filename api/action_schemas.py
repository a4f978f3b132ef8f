"""Request and response models of what happens to sensors and sites: actions and maintenance windows."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.description import example
from api.schemas import Channel, Code, Note, Uid
from api.times import Time

Kind = Annotated[
    Literal["install", "move", "swap", "co-locate", "recall", "retire"],
    Field(
        description="`install`: put at a site; `move`: from one site to another; `swap`: in the place of another device;"
        " `co-locate`: beside another device, told apart by a channel; `recall`: taken from its site; `retire`: for good"
    ),
]
NEEDS_SITE = frozenset({"install", "move", "co-locate"})


class NewAction(BaseModel):
    """Something done to a device, at a time that may be past."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=example(
            kind="swap",
            device="0011223344556677",
            old_device="8899aabbccddeeff",
            at="2026-11-20T10:15:00Z",
            note="fan worn out",
        ),
    )

    kind: Kind
    device: Uid
    site: Code | None = Field(None, description="Where to: of install, move and co-locate")
    old_device: Uid | None = Field(None, description="Of swap: the one that is taken away")
    channel: Channel = ""
    at: Time | None = Field(None, description="When it happened; default: now")
    note: Note = ""

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if (self.site is not None) != (self.kind in NEEDS_SITE):
            raise ValueError(f"{self.kind} {'needs the code of a site' if self.site is None else 'takes no site'}")
        if (self.old_device is not None) != (self.kind == "swap"):
            raise ValueError(f"{self.kind} {'needs old_device' if self.old_device is None else 'takes no old_device'}")
        if self.kind == "co-locate" and not self.channel:
            raise ValueError("co-locate needs a channel, which tells the two devices apart")
        if self.channel and self.kind not in NEEDS_SITE:
            raise ValueError(f"{self.kind} takes no channel")
        return self


class Stretch(BaseModel):
    """A device at a site from one time to another."""

    device: str = Field(description="Uid of the device")
    site: str = Field(description="Code of the site")
    channel: str
    installed_at: datetime | None = Field(description="Null: since ever")
    removed_at: datetime | None = Field(description="Null: it is still there")


class Action(BaseModel):
    """Something that was done to a device."""

    id: int | None = Field(description="Null: a dry run, nothing was done")
    kind: str
    at: datetime
    device: str = Field(description="Uid of the device")
    old_device: str | None = Field(description="Of swap: uid of the one taken away")
    site: str | None = Field(description="Code of the site where to")
    old_site: str | None = Field(description="Code of the site where from")
    channel: str
    note: str
    person: str = Field(description="Who wrote it down")
    made_at: datetime = Field(description="When it was written down")
    readings_moved: int = Field(description="Stored readings that came to another line")
    readings_unplaced: int = Field(
        description="Stored readings that came out of a line, for the device was at no site then; kept"
    )
    readings_ambiguous: int = Field(
        description="Stored readings that stayed where they were, for they may be those of another device at the same place"
    )
    undone_at: datetime | None
    undone_by: str | None


class ActionDone(Action):
    """An action and what it changed, or in a dry run would change."""

    readings_conflicting: int = Field(
        description="Of those unplaced: the line holds another value of the same time, which stays"
    )
    ended: list[Stretch] = Field(description="Deployments with another end than before")
    removed: list[Stretch] = Field(description="Deployments that never were, as they stood")
    begun: list[Stretch] = Field(description="New deployments")
    told: list[str] = Field(description="What happened, in sentences")


class NewWindow(BaseModel):
    """A time of maintenance at a site: silence is no fault then."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=example(site="high-street", starts_at="2026-11-21T08:00:00Z", note="resurfacing")
    )

    site: Code
    starts_at: Time | None = Field(None, description="Default: now")
    ends_at: Time | None = Field(None, description="Default: until it is ended")
    note: Note = ""


class WindowChange(BaseModel):
    """Another end or note of a maintenance window; what is not named stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(ends_at="2026-11-21T16:00:00Z"))

    ends_at: Time | None = Field(None, description="Null: until it is ended")
    note: Note = ""


class Window(BaseModel):
    """A time of maintenance at a site."""

    id: int
    site: str = Field(description="Code of the site")
    starts_at: datetime
    ends_at: datetime | None = Field(description="Null: until it is ended")
    note: str
    person: str = Field(description="Who wrote it down")
    made_at: datetime
