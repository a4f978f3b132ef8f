"""The register page: a device's form, which works plainly without scripts and, with them, without signal."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, ValidationError

from api.changes import changes
from api.database import rows_of
from api.dependencies import Connection, Engineer
from api.errors import Conflict, Slip, Unusable, invalid_request
from api.pages.render import Visitor, render, visitor_of
from api.pages.words import domain_label
from api.registration import register_device
from api.schemas import NewDevice

router = APIRouter()

_DOMAINS = ("", "traffic", "air_quality", "asset", "water", "weather")
_GENERIC = [{"value": "generic", "text": "Any device that speaks SenML or flat JSON"}]


class Typed(BaseModel):
    """The form as it was sent, or as an address fills it in."""

    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=3000)

    uid: str = ""
    name: str = ""
    profile: str = "generic"
    place: str = "new"
    site: str = ""
    domain: str = ""
    latitude: str = ""
    longitude: str = ""
    position_accuracy_m: str = ""
    serial: str = ""
    note: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """The content of a request to the API: what was left empty is not said."""
        elsewhere = {"latitude", "longitude", "position_accuracy_m", "domain"} if self.place == "existing" else {"site"}
        values = self.model_dump(exclude=elsewhere | {"place"})
        return {name: value for name, value in values.items() if value or name in ("uid", "name")}


@router.get("/register")
async def register_page(
    request: Request, person: Engineer, connection: Connection, typed: Annotated[Typed, Query()]
) -> Response:
    """Show the form; the address may fill it in (`?uid=`), as the short link of a label does."""
    return render_form(visitor_of(request, person), typed, profiles=await _profiles(connection))


@router.post("/register")
async def register(request: Request, person: Engineer, connection: Connection, typed: Annotated[Typed, Form()]) -> Response:
    """Register a device from the plain form, for those whose browser runs no scripts."""
    try:
        wanted = NewDevice.model_validate(typed.asked)
        async with changes(connection, person):
            await register_device(connection, wanted)
    except ValidationError as error:
        slips = invalid_request(error.errors()).errors
    except (Conflict, Unusable) as error:
        slips = error.errors or (Slip("uid", error.detail.partition(": see ")[0]),)  # the rest tells programs where to ask
    else:
        return RedirectResponse(f"/devices/{quote(wanted.uid)}", HTTPStatus.SEE_OTHER)
    return render_form(visitor_of(request, person), typed, profiles=await _profiles(connection), slips=slips)


def render_form(
    visitor: Visitor | None,
    typed: Typed | None = None,
    *,
    profiles: list[dict[str, Any]] | None = None,
    slips: tuple[Slip, ...] = (),
    is_shell: bool = False,
) -> Response:
    """Fill the page's template.

    Parameters
    ----------
    profiles
        Device profiles to choose from; by default the one that is always there, until the page's script fills in the others.
    slips
        What is to be mended; `where` ends in the name of a field.
    is_shell
        Whether the page is to be kept on a telephone: it then has nothing that belongs to anybody.
    """
    typed = typed or Typed()
    errors = {slip.where.rpartition(".")[2]: slip.what[:1].upper() + slip.what[1:] for slip in slips}
    listed = profiles or _GENERIC
    links = {field: field if field in Typed.model_fields else "uid" for field in errors}
    return render(
        "register.html",
        visitor,
        HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK,
        entry="register",
        here="/register",
        typed=typed,
        profiles=[item | {"selected": item["value"] == typed.profile} for item in listed],
        domains=[{"value": key, "text": domain_label(key or None), "selected": key == typed.domain} for key in _DOMAINS],
        errors=errors,
        error_list=[{"text": text, "href": f"#{links[field]}"} for field, text in errors.items()],
        is_shell=is_shell,
    )


async def _profiles(connection: AsyncConnection) -> list[dict[str, Any]]:
    rows = await rows_of(connection, dict[str, Any], "list_profile_choices")
    return [{"value": row["key"], "text": row["name"]} for row in rows]
