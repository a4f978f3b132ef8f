"""The page on which a device profile is edited, and the try-it box, which takes the text as it is typed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.dependencies import Connection, Engineer, Manager
from api.errors import Conflict, Unusable
from api.pages.profile_form import Mistake, ProfileForm, mistakes_of
from api.pages.profile_words import ACCURACY, CODECS, built_in
from api.pages.profiles import show_profile
from api.pages.render import render, visitor_of
from api.payloads import PayloadError, payload_of
from api.people import Person
from api.profile_schemas import Profile
from api.routes.profiles import change_profile, read_profile, trial_of
from api.trials import Trial, Windows
from devices.registry import Profile as CodecProfile

router = APIRouter()

_OVERTAKEN = Mistake(
    "", "somebody else has made another version meanwhile. Copy what you typed, reload the page and begin again"
)


class Tried:
    """What a payload became, or why it could not be tried."""

    def __init__(self, trial: Trial | None = None, payload: bytes = b"", spelling: str = "") -> None:
        self.trial = trial
        self.payload = payload
        self.spelling = spelling
        """hex or base64: what it was read as."""


@router.get("/profiles/{key}/edit")
async def edit_page(request: Request, person: Manager, connection: Connection, key: str) -> Response:
    """Show the form of a profile."""
    profile = await read_profile(connection, key)
    return _edit(request, person, profile, ProfileForm.of(profile))


@router.post("/profiles/{key}/edit")
async def edit_form(
    request: Request, person: Manager, connection: Connection, key: str, form: Annotated[ProfileForm, Form()]
) -> Response:
    """Try what was typed, or store it and go on to what it means for what came before."""
    profile = await read_profile(connection, key)
    change, mistakes = form.change()
    if form.do == "try":
        tried, slips = await _try(connection, profile, form)
        return _edit(request, person, profile, form, slips, tried)
    if change is None:
        return _edit(request, person, profile, form, mistakes)
    try:
        changed = await change_profile(connection, person, key, change)
    except Unusable as refusal:
        return _edit(request, person, profile, form, mistakes_of(refusal.errors, form.told))
    except Conflict:
        return _edit(request, person, profile, form, [_OVERTAKEN])
    next_page = f"/profiles/{key}" if changed.version == profile.version else f"/profiles/{key}/redecode?saved=new"
    return RedirectResponse(next_page, HTTPStatus.SEE_OTHER)


@router.post("/profiles/{key}/try")
async def try_form(
    request: Request, person: Engineer, connection: Connection, key: str, form: Annotated[ProfileForm, Form()]
) -> Response:
    """Try a payload by a profile as it is stored."""
    profile = await read_profile(connection, key)
    typed = form.model_copy(update=ProfileForm.of(profile).told)
    tried, slips = await _try(connection, profile, typed)
    errors = {slip.field: slip.text for slip in slips}
    return await show_profile(request, person, connection, profile, form=form, trial=tried, trial_errors=errors)


async def _try(connection: Connection, profile: Profile, form: ProfileForm) -> tuple[Tried, list[Mistake]]:
    """Try the payload of a form by what else is in it."""
    mistakes, payload, spelling, port = [], b"", "", 0
    try:
        payload, spelling = payload_of(form.payload, form.spelling)
    except PayloadError as error:
        mistakes.append(Mistake("payload", str(error)))
    try:
        port = int(form.port or "0")
    except ValueError:
        port = -1
    if not 0 <= port <= 255:
        mistakes.append(Mistake("port", "Enter a number from 0 to 255; 0 stands for a payload without a port"))
    if mistakes:
        return Tried(), mistakes
    told = form.told
    if told["codec"] not in CODECS:
        return Tried(), [Mistake("codec", "Choose a codec")]
    tried = CodecProfile(profile.key, told["codec"], told["definition"], told["script"])
    change, _ = form.change()
    values = profile.model_dump() | (change.model_dump(exclude_none=True) if change else {})
    windows = Windows(clock_back_s=values["clock_back_s"], clock_ahead_s=values["clock_ahead_s"])
    try:
        return Tried(await trial_of(connection, tried, windows, payload, port), payload, spelling), []
    except Unusable as refusal:
        return Tried(), mistakes_of(refusal.errors, told)


def _edit(
    request: Request,
    person: Person,
    profile: Profile,
    form: ProfileForm,
    mistakes: list[Mistake] | None = None,
    tried: Tried | None = None,
) -> Response:
    mistakes = mistakes or []
    return render(
        "profile_edit.html",
        visitor_of(request, person),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        here=f"/profiles/{profile.key}/edit",
        profile=profile,
        form=form,
        codecs=CODECS,
        accuracy=ACCURACY,
        built_in=built_in(profile),
        mistakes=mistakes,
        errors={mistake.field: mistake.text for mistake in reversed(mistakes)},
        trial=tried,
    )
