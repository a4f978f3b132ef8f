"""What people type into forms: times of the site's clock, and notes of several lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class TypedTimeError(ValueError):
    """What was typed is no time; the text says what to type."""

    def __init__(self, field: str) -> None:
        super().__init__("Enter a date and a time, for example 2026-11-21T08:30, or leave it empty")
        self.field = field


def read_local(field: str, text: str, zone: ZoneInfo) -> datetime | None:
    """Read a time as UTC; without an offset it is the site's own. Nothing typed is no time.

    Raises
    ------
    TypedTimeError
        When it is none.
    """
    if not text.strip():
        return None
    try:
        read = datetime.fromisoformat(text.strip())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise TypedTimeError(field) from None


def read_note(text: str) -> str:
    """Give a note as one line."""
    return " ".join(text.split())[:2000]
