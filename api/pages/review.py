"""The pages of review: what people took out, adjusted or checked at a site; a form for more of it, told first, then done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from api.changes import changes
from api.database import rows_of
from api.dependencies import Connection, Engineer, Permitted
from api.errors import Conflict, NotAllowed, NotFound, Refusal, Unusable
from api.pages.history import SiteCode, find_site_known
from api.pages.render import render, visitor_of
from api.pages.typed import TypedTimeError, read_local, read_note
from api.people import ROLES, Person, Role
from api.review.adjustments import adjust, find_adjustment, find_adjustments, undo_adjustment
from api.review.choosing import Line
from api.review.invalidations import find_invalidation, find_invalidations, invalidate, undo_invalidation
from api.review.schemas import NewAdjustment, NewInvalidation, NewReview, NewStatus, Reviewed, Undone
from api.review.statuses import find_statuses, set_status

router = APIRouter(prefix="/sites/{code}/review")

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
KindKey: TypeAlias = Literal["invalidation", "adjustment", "status"]

_MOST = 200  # of each table
_MOST_LINES = 400  # offered by a form


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of review: its words, who may, what a form becomes, and what carries it out and undoes it."""

    title: str
    button: str
    role: Role
    model: type[NewReview]
    do: Callable[..., Awaitable[Reviewed]]
    find: Callable[..., Awaitable[Any]] | None = None
    undo: Callable[..., Awaitable[Undone]] | None = None


KINDS: dict[KindKey, Kind] = {
    "invalidation": Kind(
        "Take readings out", "Take them out", "engineer", NewInvalidation, invalidate, find_invalidation, undo_invalidation
    ),
    "adjustment": Kind("Adjust values", "Adjust them", "manager", NewAdjustment, adjust, find_adjustment, undo_adjustment),
    "status": Kind("Set the status", "Set it", "manager", NewStatus, set_status),
}


class Typed(BaseModel):
    """What stands in the form."""

    series: list[int] = []
    start: str = Field("", max_length=40)
    end: str = Field("", max_length=40)
    scale: str = Field("1", max_length=40)
    offset: str = Field("0", max_length=40)
    status: str = Field("", max_length=20)
    reason: str = Field("", max_length=2000)


class After(BaseModel):
    """After which ids the lists go on, to older ones; None: from the last one."""

    invalidations: Id | None = None
    adjustments: Id | None = None
    statuses: Id | None = None


@router.get("")
async def review_page(
    request: Request, person: Permitted, connection: Connection, code: SiteCode, after: Annotated[After, Query()]
) -> Response:
    """Show what was reviewed at a site."""
    site = await find_site_known(connection, code)
    zone = ZoneInfo(site.time_zone)
    listed: dict[str, Any] = {
        "invalidations": await find_invalidations(connection, site=code, after=after.invalidations, limit=_MOST),
        "adjustments": await find_adjustments(connection, site=code, after=after.adjustments, limit=_MOST),
        "statuses": await find_statuses(connection, site=code, after=after.statuses, limit=_MOST),
    }
    return render(
        "site_review.html",
        visitor_of(request, person),
        site=site,
        zone=zone,
        **{key: found[:_MOST] for key, found in listed.items()},
        older={key: found[_MOST - 1].id if len(found) > _MOST else None for key, found in listed.items()},
        after=after,
        most=_MOST,
        may={key: _may(person, kind) for key, kind in KINDS.items()},
        kinds=KINDS,
        set_back=lambda one: urlencode(
            {
                "series": one.series,
                "start": _typed_time(one.start, zone),
                "end": _typed_time(one.end, zone),
                "status": "verified",
            }
        ),
        done=request.query_params.get("done", ""),
    )


@router.get("/{kind}")
async def review_form(
    request: Request,
    person: Engineer,
    connection: Connection,
    code: SiteCode,
    kind: KindKey,
    typed: Annotated[Typed, Query()],
) -> Response:
    """Ask for range, series and reason."""
    _let_pass(person, KINDS[kind])
    return await _form(request, person, connection, code, kind, typed)


@router.post("/{kind}")
async def check_review(
    request: Request,
    person: Engineer,
    connection: Connection,
    code: SiteCode,
    kind: KindKey,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Tell what the review will change, or what to mend; with `confirmed` do it."""
    _let_pass(person, KINDS[kind])
    site = await find_site_known(connection, code)
    confirmed = (await request.form()).get("confirmed") == "yes"
    try:
        wanted = _wanted(kind, typed, ZoneInfo(site.time_zone))
        async with changes(connection, person, wanted.reason):
            told = await KINDS[kind].do(connection, person, wanted, dry_run=not confirmed)
    except ValidationError as error:
        return await _form(request, person, connection, code, kind, typed, _slips_of_form(error))
    except TypedTimeError as slip:
        return await _form(request, person, connection, code, kind, typed, {slip.field: str(slip)})
    except (Conflict, Unusable) as refusal:
        return await _form(request, person, connection, code, kind, typed, _slips_of(refusal))
    if confirmed:
        return RedirectResponse(f"/sites/{code}/review?done={kind}#main-content", HTTPStatus.SEE_OTHER)
    return render(
        "review_check.html",
        visitor_of(request, person),
        site=site,
        zone=ZoneInfo(site.time_zone),
        kind=kind,
        words=KINDS[kind],
        typed=typed,
        wanted=wanted,
        told=told,
        again=urlencode(typed.model_dump(), doseq=True),
    )


@router.get("/{kind}/{number}/undo")
async def undo_page(
    request: Request, person: Engineer, connection: Connection, code: SiteCode, kind: KindKey, number: Number
) -> Response:
    """Tell what undoing will change."""
    return await _undo_page(request, person, connection, code, kind, number)


@router.post("/{kind}/{number}/undo")
async def undo_review(
    request: Request, person: Engineer, connection: Connection, code: SiteCode, kind: KindKey, number: Number
) -> Response:
    """Undo a review and go back to the list."""
    undo = _undo_of(person, kind)
    await _find(connection, code, kind, number)
    try:
        await undo(connection, person, number, dry_run=False)
    except Conflict:
        return await _undo_page(request, person, connection, code, kind, number)
    return RedirectResponse(f"/sites/{code}/review?done=undo#main-content", HTTPStatus.SEE_OTHER)


async def _undo_page(
    request: Request, person: Person, connection: Connection, code: str, kind: KindKey, number: int
) -> Response:
    undo, refused, told = _undo_of(person, kind), "", None
    site = await find_site_known(connection, code)
    found = await _find(connection, code, kind, number)
    try:
        told = await undo(connection, person, number, dry_run=True)
    except Conflict as refusal:
        refused = refusal.on_page
    context: dict[str, Any] = {
        "site": site,
        "zone": ZoneInfo(site.time_zone),
        "kind": kind,
        "found": found,
        "told": told,
        "refused": refused,
    }
    status = HTTPStatus.CONFLICT if refused else HTTPStatus.OK
    return render("review_undo.html", visitor_of(request, person), status, **context)


async def _find(connection: Connection, code: str, kind: KindKey, number: int) -> Any:  # noqa: ANN401 - of either kind
    found: Any = await (KINDS[kind].find or _nothing)(connection, number)
    if found.site != code:
        raise NotFound(f"There is no {kind} {number} at this site.")
    return found


async def _form(
    request: Request,
    person: Person,
    connection: Connection,
    code: str,
    kind: KindKey,
    typed: Typed,
    slips: dict[str, str] | None = None,
) -> Response:
    return render(
        "review_form.html",
        visitor_of(request, person),
        HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK,
        site=await find_site_known(connection, code),
        series=await _lines(connection, code),
        kind=kind,
        words=KINDS[kind],
        typed=typed,
        slips=slips or {},
        errors=[{"text": text, "href": f"#{field}"} for field, text in (slips or {}).items()],
    )


async def _lines(connection: Connection, code: str) -> list[Line]:
    every: dict[str, object] = {"series": [], "metrics": [], "channel": None, "limit": _MOST_LINES}
    return await rows_of(connection, Line, "choose_series", every | {"site": code})


def _typed_time(moment: datetime, zone: ZoneInfo) -> str:
    """Write a time as a field takes it, to the second and beyond where it has these: what it is of is met exactly."""
    precision = "milliseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(timespec=precision)


def _wanted(kind: KindKey, typed: Typed, zone: ZoneInfo) -> NewReview:
    """Make the request of what was typed."""
    said: dict[str, object] = {"series": typed.series, "reason": read_note(typed.reason)}
    for field, text in (("start", typed.start), ("end", typed.end)):
        if (moment := read_local(field, text, zone)) is None:
            raise TypedTimeError(field)
        said["from" if field == "start" else "to"] = moment
    if kind == "adjustment":
        said |= {"scale": typed.scale.strip(), "offset": typed.offset.strip()}
    if kind == "status":
        said["status"] = typed.status
    return KINDS[kind].model.model_validate(said)


_TO_MEND = {
    "series": "Choose at least one metric, and at most 200",
    "reason": "Enter the reason",
    "scale": "Enter the factor as a number other than 0, for example 1.05",
    "offset": "Enter what is added as a number, for example -2.4",
    "status": "Choose a status",
}


def _slips_of_form(error: ValidationError) -> dict[str, str]:
    """Tell what to mend in which field; what concerns several fields is told by its words."""
    slips = {}
    for slip in error.errors():
        field, text = str(slip["loc"][0]) if slip["loc"] else "", str(slip["msg"])
        if field in _TO_MEND:
            slips[field] = _TO_MEND[field]
        elif "later than" in text:
            slips["end"] = "The end must be later than the start"
        elif "scale" in text:
            slips["scale"] = "Enter a factor other than 1 (and not 0), or something to add other than 0"
        else:
            slips["series"] = _TO_MEND["series"]
    return slips


def _slips_of(refusal: Refusal) -> dict[str, str]:
    """Tell a refusal at the field it names; at the start where it names none, for another range may fit."""
    named = {"body.to": "end", "body.from": "start", "body.series": "series", "body.metrics": "series"}
    return {next((named[slip.where] for slip in refusal.errors if slip.where in named), "start"): refusal.on_page}


def _may(person: Person, kind: Kind) -> bool:
    return ROLES.index(person.role) >= ROLES.index(kind.role)


def _let_pass(person: Person, kind: Kind) -> None:
    if not _may(person, kind):
        raise NotAllowed(f"This needs the role of {kind.role}; yours is {person.role}. Ask an administrator.")


def _undo_of(person: Person, kind: KindKey) -> Callable[..., Awaitable[Undone]]:
    _let_pass(person, KINDS[kind])
    return KINDS[kind].undo or _nothing


async def _nothing(*_: object, **__: object) -> Undone:
    raise NotFound("A status is not undone: set another one.")
