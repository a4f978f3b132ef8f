"""What messages of all network servers have in common: how JSON is parsed, why it is refused, how places are written."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

import msgspec

from devices.reasons import EXPLANATIONS, Reason
from devices.senml import parse_json

Parsed = TypeVar("Parsed")

Unsigned8: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**8 - 1)]
Unsigned32: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class BadMessage(ValueError):  # noqa: N818 - it is the data that is bad
    """A message that is not what it should be."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or EXPLANATIONS[reason])
        self.reason = reason


class Location(msgspec.Struct):
    """Where something is; what is 0 may be left out."""

    latitude: float = 0.0
    longitude: float = 0.0
    altitude: float = 0.0
    accuracy: float = 0.0

    def values(self) -> dict[str, float]:
        """Give it as value by metric; an altitude or accuracy of 0 is one nobody knows."""
        values = {"latitude": self.latitude, "longitude": self.longitude}
        more = {"altitude": self.altitude, "gnss_accuracy": self.accuracy}
        return values | {metric: value for metric, value in more.items() if value}


def decode_json(decoder: msgspec.json.Decoder[Parsed], payload: bytes) -> Parsed:
    """Parse JSON of a known shape.

    Raises
    ------
    BadMessage
        When it is none, or of another shape.
    """
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        parsed = parse_json(payload)
        reason, detail = parsed if isinstance(parsed, tuple) else (Reason.NOT_READINGS, str(error))
        raise BadMessage(reason, detail) from error
