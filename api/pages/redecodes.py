"""The pages of redecodes and replays: asking for them, first to look and then in earnest, and what came of them."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from api.dependencies import Connection, Manager, Permitted
from api.errands import Errand, NewRedecode, Redecode, ask_redecode, find_redecode, find_replay, list_redecodes, list_replays
from api.errors import invalid_request
from api.pages.ranges import local_input
from api.pages.render import render, visitor_of
from api.people import Person
from api.profile_schemas import Profile
from api.routes.profiles import read_profile
from devices.flags import DESCRIPTIONS, Flag
from devices.reasons import EXPLANATIONS, Reason

router = APIRouter()

ZONE = ZoneInfo("Europe/London")
"""Of the program, not of a site."""

OUTCOMES = (
    ("same", "stored just so"),
    ("new", "were not stored"),
    ("corrected", "have another value or flag; what stood there is kept as a correction"),
    ("repeated", "given by an earlier message already"),
    ("marked", "would change, but a person marked them: left as they are"),
    ("elsewhere", "would change, but a message outside this range may have given them first: left as they are"),
    ("gone", "stored, and no longer given"),
)
_LIVE_EVERY_S = 2
_SHOWN = 20
_USUAL = timedelta(days=7)
_FIELDS = {"from": "from", "start": "from", "to": "to", "end": "to", "device": "device"}


class RedecodeForm(BaseModel):
    """A range of time as it was typed."""

    start: str = Field("", alias="from", max_length=40)
    end: str = Field("", alias="to", max_length=40)
    device: str = Field("", max_length=200)
    remove: bool = False
    do: str = Field("look", max_length=10)
    csrf: str = ""


@router.get("/profiles/{key}/redecode")
async def redecode_page(
    request: Request, person: Manager, connection: Connection, key: str, saved: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """Offer to decode again what came before the present version."""
    now = datetime.now(UTC)
    form = RedecodeForm.model_validate({"from": local_input(now - _USUAL, ZONE), "to": local_input(now, ZONE)})
    return await _page(request, person, connection, await read_profile(connection, key), form, saved=saved)


@router.post("/profiles/{key}/redecode")
async def redecode_form(
    request: Request, person: Manager, connection: Connection, key: str, form: Annotated[RedecodeForm, Form()]
) -> Response:
    """Ask ingest to decode again, or only to tell what that would change."""
    profile = await read_profile(connection, key)
    try:
        wanted = _wanted(profile, form)
    except ValidationError as error:
        slips = invalid_request(error.errors()).errors
        errors = {_FIELDS.get(slip.where.partition(".")[0], "to"): slip.what for slip in reversed(slips)}
        return await _page(request, person, connection, profile, form, errors=errors)
    made = await ask_redecode(connection, person, wanted)
    return RedirectResponse(f"/redecodes/{made.id}", HTTPStatus.SEE_OTHER)


@router.get("/redecodes/{number}")
async def read_redecode(request: Request, person: Permitted, connection: Connection, number: int) -> Response:
    """Show how far a redecode is, or what came of it."""
    errand = await find_redecode(connection, number)
    return render(
        "redecode.html",
        visitor_of(request, person),
        here=f"/redecodes/{number}",
        zone=ZONE,
        errand=errand,
        outcomes=OUTCOMES,
        examples=_by_outcome(errand),
        flags_text=flags_text,
        explain=explain,
        again={"from": iso_input(errand.start), "to": iso_input(errand.end), "device": errand.device or ""},
        live_every_s=_LIVE_EVERY_S,
    )


@router.get("/quarantine/replays/{number}")
async def read_replay(request: Request, person: Permitted, connection: Connection, number: int) -> Response:
    """Show how far a replay is, or what came of it."""
    return render(
        "replay.html",
        visitor_of(request, person),
        here=f"/quarantine/replays/{number}",
        zone=ZONE,
        errand=await find_replay(connection, number),
        explain=explain,
        live_every_s=_LIVE_EVERY_S,
    )


async def recent_replays(connection: Connection) -> list[Any]:
    """List the last replays."""
    return (await list_replays(connection, limit=_SHOWN))[:_SHOWN]


def iso_input(moment: datetime | None) -> str:
    """Write a moment for a form that nobody edits."""
    return "" if moment is None else moment.astimezone(UTC).isoformat()


def flags_text(flags: int | None) -> str:
    """Say what is doubtful about a reading."""
    return "; ".join(DESCRIPTIONS[flag] for flag in Flag if flag & (flags or 0))


def explain(reason: str) -> str:
    """Say in plain words why something with this reason could not be stored, and what to do."""
    return EXPLANATIONS[Reason(reason)] if reason in set(Reason) else "A reason this version does not know."


async def _page(
    request: Request,
    person: Person,
    connection: Connection,
    profile: Profile,
    form: RedecodeForm,
    *,
    saved: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    """Show the form of a redecode."""
    return render(
        "profile_redecode.html",
        visitor_of(request, person),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        here=f"/profiles/{profile.key}/redecode",
        zone=ZONE,
        profile=profile,
        form=form,
        saved=saved,
        errors=errors or {},
        runs=(await list_redecodes(connection, profile=profile.key, limit=_SHOWN))[:_SHOWN],
        state_text=state_text,
    )


def _wanted(profile: Profile, form: RedecodeForm) -> NewRedecode:
    """Read a form: times without a zone are those of the program's zone."""
    told: dict[str, object] = {"profile": profile.key, "remove": form.remove, "dry_run": form.do != "start"}
    told |= {"from": _moment(form.start), "to": _moment(form.end), "device": form.device.strip() or None}
    return NewRedecode.model_validate(told)


def _moment(text: str) -> datetime | str:
    """Read a moment as a form has it; what is none stays as it is, for the checks to refuse."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def _by_outcome(errand: Redecode) -> dict[str, list[dict[str, Any]]]:
    """Sort the examples by what becomes of them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for example in errand.examples or []:
        found.setdefault(example["outcome"], []).append({**example, "time": datetime.fromisoformat(example["time"])})
    return found


def state_text(errand: Errand) -> str:
    """Say how an errand is."""
    return {"requested": "Waiting", "running": "At work", "done": "Done", "failed": "Failed"}[errand.state]
