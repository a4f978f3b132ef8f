"""What is to mend in a form: for the error summary at its top, and beside each field."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.errors import Slip


class Problems:
    """Slips of a form, each at a field; the field's id is its name."""

    def __init__(self, *slips: Slip) -> None:
        self._texts: dict[str, str] = {slip.where.removeprefix("body."): slip.what for slip in slips}

    def __bool__(self) -> bool:
        return bool(self._texts)

    @property
    def status(self) -> HTTPStatus:
        """Of the answer that shows the form."""
        return HTTPStatus.UNPROCESSABLE_ENTITY if self._texts else HTTPStatus.OK

    @property
    def summary(self) -> list[dict[str, str]]:
        """As the error summary component wants them."""
        return [{"text": text, "href": f"#{field}"} for field, text in self._texts.items()]

    def add(self, field: str, text: str) -> None:
        """Note a slip; of several at one field the first is told."""
        self._texts.setdefault(field, text)

    def at(self, field: str) -> dict[str, str] | None:
        """Give the error message of a field, as components want it."""
        return {"text": self._texts[field]} if field in self._texts else None
