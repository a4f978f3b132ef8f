"""The pages of the quarantine: what could not be stored and why, tried again, replayed, or set aside for good."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from api.database import rows_of
from api.dependencies import Connection, Engineer, Permitted
from api.errands import NewReplay, ask_replay
from api.errors import invalid_request
from api.pages.redecodes import ZONE, explain, recent_replays, state_text
from api.pages.render import render, visitor_of
from api.people import Person
from api.routes.quarantine import (
    MOST_DISMISSED,
    NewDismissal,
    QuarantineAsked,
    dismiss,
    find_quarantined,
    restore,
    trial_of,
)

router = APIRouter()

_SHOWN = 25
_MOST_SHOWN_BYTES = 4_096
_BYTES_A_LINE = 16
_EXCERPT = 300
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has."""

STATES = {"waiting": "Waiting", "replayed": "Stored by a replay", "dismissed": "Set aside for good", "all": "All"}


class Filter(BaseModel):
    """What narrows the list, as it stands in the address or in a form."""

    reason: str = Field("", max_length=100)
    device: str = Field("", max_length=200)
    start: str = Field("", alias="from", max_length=40)
    end: str = Field("", alias="to", max_length=40)
    state: str = Field("waiting", max_length=20)
    after: str = Field("", max_length=20)

    @property
    def chosen(self) -> dict[str, str]:
        """What is chosen, as it stands in the address."""
        told = self.model_dump(by_alias=True, exclude={"after", "state", "id", "note", "csrf"})
        return {name: text.strip() for name, text in told.items() if text.strip()}

    @property
    def asked(self) -> dict[str, Any]:
        """The same with times that have a zone."""
        return {name: _moment(text) if name in ("from", "to") else text for name, text in self.chosen.items()}


class Deed(Filter):
    """What a form wants done, and to what."""

    id: str = Field("", max_length=20)
    note: str = Field("", max_length=4000)
    csrf: str = ""


@router.get("/quarantine")
async def quarantine_page(
    request: Request, person: Permitted, connection: Connection, chosen: Annotated[Filter, Query()]
) -> Response:
    """Show the quarantine by reason, and what of it fits the filter, newest first."""
    return await _page(request, person, connection, chosen)


@router.post("/quarantine/replay")
async def replay_form(request: Request, person: Engineer, connection: Connection, deed: Annotated[Deed, Form()]) -> Response:
    """Ask for a replay of one row or of all that wait and fit, and go on to how far it is."""
    try:
        wanted = NewReplay.model_validate(deed.asked | ({"id": deed.id} if deed.id else {}))
    except ValidationError as error:
        return await _page(request, person, connection, deed, _errors(error))
    made = await ask_replay(connection, person, wanted)
    return RedirectResponse(f"/quarantine/replays/{made.id}", HTTPStatus.SEE_OTHER)


@router.post("/quarantine/dismiss")
async def dismiss_form(request: Request, person: Engineer, connection: Connection, deed: Annotated[Deed, Form()]) -> Response:
    """Set one row aside for good, or those that wait and fit, with the reason for it."""
    try:
        wanted = NewDismissal.model_validate(deed.asked | {"note": deed.note} | ({"id": deed.id} if deed.id else {}))
    except ValidationError as error:
        errors = _errors(error)
        if deed.id.isdigit():
            return await _one(request, person, connection, int(deed.id), errors=errors)
        return await _page(request, person, connection, deed, errors)
    await dismiss(connection, person, wanted)
    next_page = f"/quarantine/{deed.id}" if deed.id else f"/quarantine?{urlencode(deed.chosen)}"
    return RedirectResponse(next_page, HTTPStatus.SEE_OTHER)


@router.get("/quarantine/{number}")
async def quarantined_page(request: Request, person: Permitted, connection: Connection, number: int) -> Response:
    """Show one message or reading that could not be stored."""
    return await _one(request, person, connection, number)


@router.post("/quarantine/{number}/try")
async def try_form(request: Request, person: Engineer, connection: Connection, number: int) -> Response:
    """Show what a replay of one row would give; nothing is stored."""
    return await _one(request, person, connection, number, is_tried=True)


@router.post("/quarantine/{number}/restore")
async def restore_form(person: Engineer, connection: Connection, number: int) -> Response:
    """Take back that a row was set aside for good."""
    await restore(connection, person, number)
    return RedirectResponse(f"/quarantine/{number}", HTTPStatus.SEE_OTHER)


async def _page(
    request: Request, person: Person, connection: Connection, chosen: Filter, errors: dict[str, str] | None = None
) -> Response:
    rows: list[dict[str, Any]] = []
    errors = dict(errors or {})
    try:
        told = chosen.asked | ({} if chosen.state == "all" else {"state": chosen.state})
        asked = QuarantineAsked.model_validate(told | {"limit": _SHOWN, "after": chosen.after or None})
        rows = await rows_of(connection, dict[str, Any], "page_of_quarantine", asked.model_dump())
    except ValidationError as error:
        errors |= _errors(error)
    older = {**chosen.chosen, "state": chosen.state, "after": str(rows[_SHOWN - 1]["id"])} if len(rows) > _SHOWN else None
    return render(
        "quarantine.html",
        visitor_of(request, person),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        here="/quarantine",
        zone=ZONE,
        reasons=await rows_of(connection, dict[str, Any], "count_quarantine_by_reason"),
        chosen=chosen,
        states=STATES,
        errors=errors,
        note=getattr(chosen, "note", ""),
        rows=rows[:_SHOWN],
        older=older and f"/quarantine?{urlencode(older)}",
        newest=f"/quarantine?{urlencode({**chosen.chosen, 'state': chosen.state})}" if chosen.after else None,
        explain=explain,
        excerpt=excerpt,
        replays=await recent_replays(connection),
        state_text=state_text,
        most_dismissed=MOST_DISMISSED,
    )


async def _one(
    request: Request,
    person: Person,
    connection: Connection,
    number: int,
    *,
    is_tried: bool = False,
    errors: dict[str, str] | None = None,
) -> Response:
    row = await find_quarantined(connection, number)
    return render(
        "quarantined.html",
        visitor_of(request, person),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        here=f"/quarantine/{number}",
        zone=ZONE,
        row=row,
        explain=explain,
        text=text_of(row["payload"]),
        dump=hex_dump(row["payload"]),
        is_cut=len(row["payload"]) > _MOST_SHOWN_BYTES,
        trial=await trial_of(connection, row) if is_tried else None,
        errors=errors or {},
    )


def text_of(payload: bytes) -> str | None:
    """Give the start of a payload as text, with a sign for what cannot be shown; None where it is no text."""
    try:
        text = payload.decode()[:_MOST_SHOWN_BYTES]
    except UnicodeDecodeError:
        return None
    if _CONTROL.search(text):
        return None
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def excerpt(payload: bytes) -> str:
    """Give the very start of a payload, as text or byte by byte."""
    text = text_of(payload)
    shown, most = (text, _EXCERPT) if text is not None else (payload[:_EXCERPT].hex(" "), _EXCERPT // 2)
    return shown[:most] + (" …" if len(shown) > most else "")


def hex_dump(payload: bytes) -> list[tuple[str, str, str]]:
    """Give the start of a payload in lines of 16 bytes: place, hex, and the characters that can be shown."""
    return [
        (
            f"{at:04x}",
            (part := payload[at : at + _BYTES_A_LINE]).hex(" "),
            "".join(chr(b) if 32 <= b < 127 else "·" for b in part),
        )
        for at in range(0, min(len(payload), _MOST_SHOWN_BYTES), _BYTES_A_LINE)
    ]


def _errors(error: ValidationError) -> dict[str, str]:
    slips = invalid_request(error.errors()).errors
    told = {slip.where: slip.what for slip in reversed(slips)}
    return told | ({"note": "Enter why it is set aside for good"} if "note" in told else {})


def _moment(text: str) -> str | datetime:
    """Read a time of a form: without a zone it is the program's; what is none stays, for the checks to refuse."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
