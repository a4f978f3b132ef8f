"""The pages of device profiles: the list, one profile with its versions, and clones."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.database import row_of, rows_of
from api.dependencies import Connection, Manager, PagingById, Permitted
from api.errors import NotFound, Refusal, invalid_request
from api.pages.profile_form import mistakes_of
from api.pages.profile_words import ACCURACY, CODECS, built_in, metrics_of, steps_of
from api.pages.render import render, visitor_of
from api.people import Person
from api.profile_schemas import Profile, ProfileChange, ProfileClone
from api.routes.profiles import change_profile, clone_profile, list_versions, read_profile

router = APIRouter()

_MOST_LISTED = 1_000
_DEVICES_SHOWN = 20
_VERSIONS_SHOWN = 50


@router.get("/profiles")
async def profiles_page(
    request: Request, person: Permitted, connection: Connection, q: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Show all device profiles, or those that fit a word."""
    values = {"q": q.strip() or None, "limit": _MOST_LISTED}
    rows = await rows_of(connection, dict[str, Any], "list_profiles_in_use", values)
    known = await known_metrics(connection)
    return render(
        "profiles.html",
        visitor_of(request, person),
        here="/profiles",
        q=q,
        profiles=[row | {"metrics": metrics_of(row["definition"], known)} for row in rows],
        codecs=CODECS,
        accuracy=ACCURACY,
    )


@router.get("/profiles/{key}")
async def profile_page(request: Request, person: Permitted, connection: Connection, key: str) -> Response:
    """Show one device profile."""
    return await show_profile(request, person, connection, await read_profile(connection, key))


@router.post("/profiles/{key}/clone")
async def clone_form(
    request: Request,
    person: Manager,
    connection: Connection,
    key: str,
    new_key: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Clone a profile and go on to edit it, or say what to mend."""
    try:
        made = await clone_profile(connection, person, key, ProfileClone(key=new_key, name=name), Response())
    except ValidationError as error:
        slips = mistakes_of(invalid_request(error.errors()).errors, {})
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        slips = mistakes_of(refusal.errors, {})
    else:
        return RedirectResponse(f"/profiles/{made.key}/edit", HTTPStatus.SEE_OTHER)
    errors = {{"key": "new_key"}.get(slip.field, "clone_name"): slip.text for slip in slips}
    profile = await read_profile(connection, key)
    return await show_profile(request, person, connection, profile, clone={"key": new_key, "name": name, "errors": errors})


@router.post("/profiles/{key}/versions/{version}/restore")
async def restore_form(person: Manager, connection: Connection, key: str, version: int) -> Response:
    """Go back to an older version, which becomes the newest one, and go on to what it means for what came before."""
    asked = PagingById(after=version + 1, limit=1)
    old = next(iter((await list_versions(connection, key, asked)).items), None)
    if old is None or old.version != version:
        raise NotFound(f"The device profile {key} has no version {version}.")
    change = ProfileChange(codec=old.codec, definition=old.definition, script=old.script)
    await change_profile(connection, person, key, change)
    return RedirectResponse(f"/profiles/{key}/redecode?saved=restored", HTTPStatus.SEE_OTHER)


async def show_profile(request: Request, person: Person, connection: Connection, profile: Profile, **more: object) -> Response:
    """Show a profile, with whatever a form on its page has to say."""
    devices = await rows_of(connection, dict[str, Any], "list_devices_of_profile", {"key": profile.key, "limit": _MOST_LISTED})
    versions = await list_versions(connection, profile.key, PagingById(limit=_VERSIONS_SHOWN))
    failed = bool(more.get("clone") or more.get("trial_errors"))
    return render(
        "profile.html",
        visitor_of(request, person),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK,
        here=f"/profiles/{profile.key}",
        profile=profile,
        metrics=metrics_of(profile.definition, await known_metrics(connection)),
        codecs=CODECS,
        accuracy=ACCURACY,
        built_in=built_in(profile),
        devices=devices[:_DEVICES_SHOWN],
        device_count=len(devices),
        steps=steps_of(versions.items),
        **({"clone": {"key": "", "name": "", "errors": {}}, "form": None, "trial": None, "trial_errors": {}} | more),
    )


async def known_metrics(connection: Connection) -> set[str]:
    """Give the keys of all metrics and their aliases."""
    row = await row_of(connection, dict[str, Any], "list_metric_names")
    return set(row["names"]) if row else set()
