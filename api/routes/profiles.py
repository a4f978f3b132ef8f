"""Device profiles: what devices of one vendor and model have in common, and what payloads become by them."""

from datetime import UTC, datetime
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Response

from api.changes import changes
from api.database import row_of, rows_of
from api.dependencies import Connection, Manager, OnePage, PagingById
from api.description import already_there, problems
from api.errors import Conflict, NotFound, Slip, Unusable
from api.profile_schemas import NewProfile, Profile, ProfileChange, ProfileClone, ProfileVersion
from api.schemas import Code, Page
from api.trials import NewTrial, Trial, Windows, read_vocabulary, registry_for, try_payload
from devices.codecs import fault_of
from devices.registry import Profile as CodecProfile

router = APIRouter(prefix="/profiles", tags=["registry"])

_OVERTAKEN = "Somebody else has made another version of {key} meanwhile: look at /api/v1/profiles/{key} and ask again."
_TAKEN = Slip("body.key", "is taken by another profile")


@router.get("", summary="List device profiles")
async def list_profiles(connection: Connection, asked: OnePage) -> Page[Profile]:
    """Give device profiles in the order of their keys."""
    rows = await rows_of(connection, Profile, "page_of_profiles", asked.model_dump())
    return Page[Profile].cut(rows, asked.limit, "key")


@router.get("/{key}", summary="Read one device profile", responses=problems(404))
async def read_profile(connection: Connection, key: Annotated[Code, Path()]) -> Profile:
    """Give one device profile by its key."""
    if profile := await row_of(connection, Profile, "find_profile", {"key": key}):
        return profile
    raise NotFound(f"There is no device profile {key}. Those there are: /api/v1/profiles")


@router.post("", status_code=201, summary="Make a device profile", responses={**already_there(Profile), **problems(409)})
async def make_profile(connection: Connection, person: Manager, wanted: NewProfile, response: Response) -> Profile:
    """Make a device profile. Asking again with the same content changes nothing and answers 200.

    A definition or script that cannot be used is refused; the answer names the place.
    """
    await refuse_unusable(CodecProfile(wanted.key, wanted.codec, wanted.definition, wanted.script))
    async with changes(connection, person):
        profile = await row_of(connection, Profile, "add_profile", wanted.model_dump())
    if profile is None:
        profile = await read_profile(connection, wanted.key)
        if any(getattr(profile, field) != value for field, value in wanted.model_dump().items()):
            raise Conflict(f"The key {wanted.key} belongs to another profile: see /api/v1/profiles/{wanted.key}.")
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/profiles/{profile.key}"
    return profile


@router.patch("/{key}", summary="Change a device profile", responses=problems(404, 409))
async def change_profile(
    connection: Connection, person: Manager, key: Annotated[Code, Path()], wanted: ProfileChange
) -> Profile:
    """Change a device profile; what is not named stays.

    Messages are read by the new codec within a second or two. Those that came before are read
    again by `POST /api/v1/redecodes`.
    """
    old = await read_profile(connection, key)
    if wanted.version not in (None, old.version):
        raise Conflict(_OVERTAKEN.format(key=key))
    values = old.model_dump() | wanted.model_dump(exclude_none=True) | {"old_version": old.version}
    await refuse_unusable(CodecProfile(key, values["codec"], values["definition"], values["script"]))
    async with changes(connection, person):
        profile = await row_of(connection, Profile, "change_profile", values)
    if profile is not None:
        return profile
    raise Conflict(_OVERTAKEN.format(key=key))


@router.get("/{key}/versions", summary="List the versions of a device profile", responses=problems(404))
async def list_versions(
    connection: Connection, key: Annotated[Code, Path()], asked: Annotated[PagingById, Query()]
) -> Page[ProfileVersion]:
    """Give what a device profile decoded by and since when not any more, the present version first."""
    await read_profile(connection, key)
    rows = await rows_of(connection, ProfileVersion, "page_of_profile_versions", {"key": key, **asked.model_dump()})
    return Page[ProfileVersion].cut(rows, asked.limit, "version")


@router.post("/{key}/clone", status_code=201, summary="Clone a device profile", responses=problems(404, 409))
async def clone_profile(
    connection: Connection, person: Manager, key: Annotated[Code, Path()], wanted: ProfileClone, response: Response
) -> Profile:
    """Make a device profile that is as another one is now, under a key and a name of its own."""
    old = await read_profile(connection, key)
    async with changes(connection, person, f"cloned from {key}"):
        profile = await row_of(connection, Profile, "add_profile", old.model_dump() | wanted.model_dump())
    if profile is None:
        raise Conflict(f"The key {wanted.key} belongs to another profile: see /api/v1/profiles/{wanted.key}.", _TAKEN)
    response.headers["Location"] = f"/api/v1/profiles/{profile.key}"
    return profile


@router.post("/{key}/decode", summary="Try what a payload decodes to", responses=problems(404))
async def try_decoding(connection: Connection, key: Annotated[Code, Path()], wanted: NewTrial) -> Trial:
    """Give the readings that a payload would become now, and what of it would be refused. Nothing is stored.

    With `codec`, `definition` or `script` a change is tried before it is made.
    """
    profile = await read_profile(connection, key)
    told = {field: getattr(profile, field) for field in ("codec", "definition", "script")}
    told |= wanted.model_dump(exclude_none=True, include={"codec", "definition", "script"})
    windows = Windows(clock_back_s=profile.clock_back_s, clock_ahead_s=profile.clock_ahead_s)
    return await trial_of(connection, CodecProfile(key, **told), windows, wanted.payload, wanted.port)


async def trial_of(connection: Connection, tried: CodecProfile, windows: Windows, payload: bytes, port: int) -> Trial:
    """Try a payload by a profile, which need not be stored.

    Raises
    ------
    Unusable
        When the profile decodes no payloads, or cannot be used; naming what is wrong and where.
    """
    if tried.codec == "auto":
        raise Unusable(
            "The codec is auto: there is no payload to decode, messages explain themselves. Name another codec to try it.",
            Slip("body.codec", "names no codec for payloads"),
        )
    await refuse_unusable(tried)
    registry = registry_for(tried, await read_vocabulary(connection), windows)
    return await run_sync(try_payload, registry, payload, port, datetime.now(UTC))


async def refuse_unusable(profile: CodecProfile) -> None:
    """Refuse a definition or script that cannot be used.

    Raises
    ------
    Unusable
        Naming what is wrong and where.
    """
    if fault := await run_sync(fault_of, profile):
        part, what = fault
        raise Unusable(f"Mend the {part} and ask again: {what}", Slip(f"body.{part}", what))
