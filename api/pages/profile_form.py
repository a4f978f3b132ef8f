"""The form of a device profile: what was typed, and what of it is to be mended, where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from api.errors import invalid_request
from api.profile_schemas import ProfileChange
from devices.fault_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.errors import Slip
    from api.profile_schemas import Profile

_NAMES = {
    "name": "Name",
    "vendor": "Vendor",
    "model": "Model",
    "codec": "Codec",
    "battery": "Battery",
    "expected_interval_s": "Expected interval",
    "clock_back_s": "How far back",
    "clock_ahead_s": "How far ahead",
    "definition": "Definition",
    "script": "Script",
    "accuracy_class": "Accuracy class",
    "payload": "Payload",
    "port": "Port",
}
"""What the fields of the form are called, in its order."""

_SHOWN_OF_LINE = 60


class Mistake(NamedTuple):
    """One thing to mend in a form."""

    field: str
    text: str
    line: int | None = None
    """Of the field's text, from 1."""

    @property
    def summary(self) -> str:
        """Say it where all mistakes are listed."""
        return f"{_NAMES.get(self.field, 'Form')}: {self.text}"


class ProfileForm(BaseModel):
    """A device profile as it was typed, and a payload to try."""

    name: str = Field("", max_length=1000)
    vendor: str = Field("", max_length=1000)
    model: str = Field("", max_length=1000)
    codec: str = Field("auto", max_length=40)
    battery: str = Field("", max_length=1000)
    expected_interval_s: str = Field("", max_length=40)
    clock_back_s: str = Field("", max_length=40)
    clock_ahead_s: str = Field("", max_length=40)
    definition: str = ""
    script: str = ""
    accuracy_class: str = Field("", max_length=40)
    version: int = Field(1, ge=1)
    payload: str = Field("", max_length=20_000)
    spelling: str = Field("auto", max_length=10)
    port: str = Field("", max_length=10)
    do: str = Field("save", max_length=10)
    csrf: str = ""

    @classmethod
    def of(cls, profile: Profile) -> ProfileForm:
        """Give the form as it is first shown."""
        return cls(
            **{name: str(getattr(profile, name)) for name in _NAMES if name in type(profile).model_fields},
            version=profile.version,
        )

    @property
    def told(self) -> dict[str, Any]:
        """What of it is the profile's, with the line ends that texts are stored with."""
        values = self.model_dump(exclude={"payload", "spelling", "port", "do", "csrf"})
        return values | {name: values[name].replace("\r\n", "\n") for name in ("definition", "script")}

    def change(self) -> tuple[ProfileChange | None, list[Mistake]]:
        """Read it as a change of a profile; None where something is to be mended first."""
        try:
            return ProfileChange.model_validate(self.told), []
        except ValidationError as error:
            return None, mistakes_of(invalid_request(error.errors()).errors, self.told)


def mistakes_of(slips: Sequence[Slip], texts: Mapping[str, Any]) -> list[Mistake]:
    """Find the field of each slip, and in a text the line that it names."""
    found = []
    for slip in slips:
        field = slip.where.removeprefix("body.").partition(".")[0]
        text = str(texts.get(field, "")) if field in ("definition", "script") else ""
        line = line_of(text, slip.what) if text else None
        found.append(Mistake(field, _with_line(slip.what, text, line), line))
    return sorted(found, key=lambda mistake: list(_NAMES).index(mistake.field) if mistake.field in _NAMES else len(_NAMES))


def _with_line(what: str, text: str, line: int | None) -> str:
    if line is None:
        return what
    shown = text.splitlines()[line - 1].strip() if text.splitlines() else ""
    cut = shown if len(shown) <= _SHOWN_OF_LINE else f"{shown[:_SHOWN_OF_LINE]}…"
    return f"line {line} ({cut}): {what}" if cut else f"line {line}: {what}"
