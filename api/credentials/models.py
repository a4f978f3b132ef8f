"""Request and response models of device credentials."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.description import example

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f+#/%]")  # in names at the broker: wildcards, levels, placeholders
Kind = Literal["password", "certificate"]


def _plain(name: str) -> str:
    if _FORBIDDEN.search(name):
        raise ValueError("control characters and + # / % are not allowed in a name at the broker")
    return name


CertificateName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_plain),
    Field(description="Common name (CN) of the device's certificate, exactly as it stands there"),
]


class NewCredential(BaseModel):
    """What a device is to come in at the broker with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(kind="password"))

    kind: Kind = "password"
    certificate_name: CertificateName | None = None
    is_gateway: bool = Field(
        default=False, description="It speaks for other devices too: it may publish to `hedgerow/v1/gw/{uid}/up`"
    )

    @model_validator(mode="after")
    def _name_fits_kind(self) -> Self:
        if (self.kind == "certificate") != (self.certificate_name is not None):
            raise ValueError("give certificate_name with the kind certificate, and only then")
        return self


class Credential(BaseModel):
    """What a device comes in at the broker with; never its password."""

    id: int
    kind: Kind
    username: str = Field(description="Its name at the broker: the device's uid, or its certificate's common name")
    is_gateway: bool
    issued_at: datetime
    issued_by: str
    revoked_at: datetime | None = Field(description="Null: in force")
    revoked_by: str | None
    withdrawn_at: datetime | None = Field(description="When the broker let it in no more; null with `revoked_at`: not yet")
    cut_within_s: float | None = Field(description="From being revoked to the end of its session at the broker [s]")
    trouble: str = Field(description="What is not at the broker yet, or no longer; empty: all is well")


class IssuedCredential(Credential):
    """A new credential, with all that must be typed into the device."""

    password: str | None = Field(description="Shown this once and kept nowhere; null with a certificate")
    host: str
    port: int
    tls: bool
    topics: list[str] = Field(description="Where it may publish; nothing else is allowed to it")
