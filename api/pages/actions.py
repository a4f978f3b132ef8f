"""The forms of actions: what was done, to which sensor and when; what it will change; done, or undone again."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from api.action_schemas import NEEDS_SITE, ActionDone, NewAction
from api.changes import changes
from api.database import row_of, rows_of
from api.dependencies import Connection, Engineer
from api.errors import Conflict, Refusal, Unusable
from api.pages.history import LOCAL
from api.pages.marks import HINTS, KINDS, sentence_of
from api.pages.ranges import local_input
from api.pages.render import render, visitor_of
from api.pages.typed import TypedTimeError, read_local, read_note
from api.registry_actions import act, find_actions, undo
from api.schemas import Site

router = APIRouter(prefix="/actions")

ActionId = Annotated[int, Path(ge=1, le=2**63 - 1)]

_MOST_OFFERED = 500  # sites a field offers by name; beyond that one types


class Typed(BaseModel):
    """What stands in the form; where it was opened is told by `from_site` and `from_device`."""

    kind: str = Field("", max_length=20)
    device: str = Field("", max_length=200)
    old_device: str = Field("", max_length=200)
    site: str = Field("", max_length=200)
    channel: str = Field("", max_length=200)
    at: str = Field("", max_length=40)
    note: str = Field("", max_length=2000)
    from_site: str = Field("", max_length=200)
    from_device: str = Field("", max_length=200)

    @property
    def origin(self) -> str:
        """Address of the history the form was opened from."""
        return f"/devices/{self.from_device}/history" if self.from_device else f"/sites/{self.from_site}/history"


@router.get("/new")
async def new_action(request: Request, person: Engineer, connection: Connection, typed: Annotated[Typed, Query()]) -> Response:
    """Ask what was done, and then the rest."""
    if typed.kind in KINDS:
        return await _details(request, person, connection, typed)
    slips = {"kind": "Choose what you did"} if "kind" in request.query_params else {}
    return _page(request, person, "action_kind.html", typed, slips, kinds=KINDS, hints=HINTS)


@router.post("/new")
async def review_action(
    request: Request, person: Engineer, connection: Connection, typed: Annotated[Typed, Form()]
) -> Response:
    """Tell what the action will change, or what to mend; with `confirmed` do it."""
    zone = await _zone(connection, typed)
    confirmed = (await request.form()).get("confirmed") == "yes"
    try:
        wanted = _wanted(typed, zone)
        async with changes(connection, person, wanted.note):
            done = await act(connection, person, wanted, dry_run=not confirmed)
    except ValidationError as error:
        return await _details(request, person, connection, typed, _slips_of_form(error))
    except TypedTimeError as slip:
        return await _details(request, person, connection, typed, {slip.field: str(slip)})
    except (Conflict, Unusable) as refusal:
        return await _details(request, person, connection, typed, _slips_of(refusal))
    if confirmed:
        return RedirectResponse(f"{typed.origin}?done={done.id}#actions-heading", HTTPStatus.SEE_OTHER)
    typed = typed.model_copy(update={"at": done.at.isoformat()})
    return _page(request, person, "action_review.html", typed, {}, done=done, zone=zone, sentence=_sentence(done), kinds=KINDS)


@router.get("/{action_id}/undo")
async def undo_page(request: Request, person: Engineer, connection: Connection, action_id: ActionId) -> Response:
    """Tell what undoing an action will change."""
    return await _undo_page(request, person, connection, action_id)


@router.post("/{action_id}/undo")
async def undo_action(request: Request, person: Engineer, connection: Connection, action_id: ActionId) -> Response:
    """Undo an action and go back to the history."""
    try:
        async with changes(connection, person, f"undo of action {action_id}"):
            done = await undo(connection, person, action_id)
    except Conflict:
        return await _undo_page(request, person, connection, action_id)
    return RedirectResponse(f"/devices/{done.device}/history#actions-heading", HTTPStatus.SEE_OTHER)


async def _undo_page(request: Request, person: Engineer, connection: Connection, action_id: int) -> Response:
    refused = None
    async with changes(connection, person):
        try:
            told: ActionDone | None = await undo(connection, person, action_id, dry_run=True)
        except Conflict as refusal:
            told, refused = None, refusal.detail
    found = told or (await find_actions(connection, id=action_id))[0]
    status = HTTPStatus.CONFLICT if refused else HTTPStatus.OK
    context = {"action": found, "told": told, "refused": refused, "zone": LOCAL, "sentence": _sentence(found)}
    return render("action_undo.html", visitor_of(request, person), status, **context)


async def _details(
    request: Request, person: Engineer, connection: Connection, typed: Typed, slips: dict[str, str] | None = None
) -> Response:
    zone = await _zone(connection, typed)
    devices = await rows_of(connection, dict[str, Any], "list_devices_of_site", {"code": typed.from_site})
    sites = await rows_of(connection, dict[str, Any], "list_sites_to_choose", {"limit": _MOST_OFFERED})
    prefilled = {
        "at": typed.at or local_input(datetime.now(UTC), zone),
        "device": typed.device or typed.from_device,
        "site": typed.site or (typed.from_site if typed.kind != "move" else ""),
    }
    return _page(
        request,
        person,
        "action_details.html",
        typed.model_copy(update=prefilled),
        slips or {},
        kinds=KINDS,
        needs_site=typed.kind in NEEDS_SITE,
        sensors=[device for device in devices if device["is_here"]],
        sites=sites,
    )


def _page(
    request: Request, person: Engineer, template: str, typed: Typed, slips: dict[str, str], **context: object
) -> Response:
    context["errors"] = [{"text": text, "href": f"#{field}"} for field, text in slips.items()]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK
    back = urlencode(typed.model_dump(include={"from_site", "from_device"}))
    return render(template, visitor_of(request, person), status, typed=typed, slips=slips, back=back, **context)


def _wanted(typed: Typed, zone: ZoneInfo) -> NewAction:
    """Make the request of what was typed: fields that are left empty are not said."""
    said = {field: value for field, value in typed.model_dump(exclude={"from_site", "from_device", "at"}).items() if value}
    return NewAction(**said | {"note": read_note(typed.note), "at": read_local("at", typed.at, zone)})


async def _zone(connection: Connection, typed: Typed) -> ZoneInfo:
    """Give the zone of the clock a person looks at: that of the site they are at."""
    codes = (typed.from_site, typed.site)
    for code in filter(None, codes):
        if site := await row_of(connection, Site, "find_site", {"code": code}):
            return ZoneInfo(site.time_zone)
    return LOCAL


_TO_MEND = {
    "device": "Enter the uid of the sensor: letters, digits and . _ : -",
    "old_device": "Enter the uid of the sensor that was taken away",
    "site": "Enter the code of a site: lower-case letters, digits, _ and -",
    "channel": "Enter a channel of letters, digits and . _ -",
    "note": "Enter a shorter note",
}


def _slips_of_form(error: ValidationError) -> dict[str, str]:
    """Tell what to mend in which field; what concerns several fields is told at the last one they need."""
    slips = {}
    for slip in error.errors():
        field = str(slip["loc"][0]) if slip["loc"] else ""
        if field in _TO_MEND:
            slips[field] = _TO_MEND[field]
        else:
            text = str(slip["msg"]).removeprefix("Value error, ")
            named = next((name for name in ("channel", "old_device", "site") if name in text), "device")
            slips[named] = _TO_MEND[named]
    return slips


def _slips_of(refusal: Refusal) -> dict[str, str]:
    """Tell a refusal at the field it names; at the time where it names none, for another time may fit."""
    fields = [slip.where.removeprefix("body.") for slip in refusal.errors]
    return {(fields[0] if fields else "at"): refusal.detail}


def _sentence(action: Any) -> str:  # noqa: ANN401 - an action, or one that is not done yet
    return sentence_of(action.kind, action.device, action.old_device, action.site, action.old_site, action.channel)
