"""Labels: sheets of QR codes that lead to the devices' pages, and the short link behind them."""

import re
from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import anyio.to_thread
import segno
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.database import rows_of, value_of
from api.dependencies import Connection, Engineer, Permitted, Settings
from api.imports.runs import find_run, list_runs
from api.pages.render import render, visitor_of
from api.people import Person
from api.schemas import Uid
from devices.model import normalise_uid

router = APIRouter()

_MOST = 504  # 24 sheets of 21


def _empty_is_none(value: object) -> object:
    """Read the empty choice of a form as no choice."""
    return None if isinstance(value, str) and not value.strip() else value


_Word = Annotated[str, Field(max_length=100)]


class Chosen(BaseModel):
    """Which devices get labels, and on what sheets."""

    model_config = ConfigDict(populate_by_name=True)

    uids: Annotated[str, Field(max_length=20_000)] = ""
    site: Annotated[_Word | None, BeforeValidator(_empty_is_none)] = None
    profile: Annotated[_Word | None, BeforeValidator(_empty_is_none)] = None
    import_id: Annotated[UUID | None, BeforeValidator(_empty_is_none)] = Field(None, alias="import")
    sheet: Literal["21", "24"] = "21"
    skip: Annotated[int, BeforeValidator(lambda value: value or 0)] = Field(0, ge=0, le=23)


class Label(NamedTuple):
    """What one label shows."""

    uid: str
    name: str
    code: Markup
    """SVG."""

    @property
    def printed(self) -> str:
        """The uid as people read it out: an EUI in groups of four."""
        is_eui = len(self.uid) == 16 and not set(self.uid) - set("0123456789abcdef")
        return " ".join(self.uid[at : at + 4] for at in range(0, 16, 4)).upper() if is_eui else self.uid


class _SlipError(Exception):
    """What was chosen gives no labels; its text says why, its field where."""

    def __init__(self, text: str, field: str) -> None:
        super().__init__(text)
        self.field = field


@router.get("/labels")
async def labels_page(
    request: Request, person: Engineer, connection: Connection, chosen: Annotated[Chosen, Query()]
) -> Response:
    """Show the form that chooses devices."""
    return await _form(request, person, connection, chosen)


@router.get("/labels/sheets")
async def label_sheets(
    request: Request, person: Engineer, connection: Connection, settings: Settings, chosen: Annotated[Chosen, Query()]
) -> Response:
    """Show the sheets, to be printed; where nothing can be printed, the form with the reason."""
    try:
        devices = await _devices(connection, person, chosen)
    except _SlipError as slip:
        return await _form(request, person, connection, chosen, str(slip), slip.field)
    base = (settings.public_url or str(request.base_url)).rstrip("/")
    labels = await anyio.to_thread.run_sync(_labels, devices, base)
    per_sheet = int(chosen.sheet)
    places = [None] * min(chosen.skip, per_sheet - 1) + labels
    return render(
        "label_sheets.html",
        visitor_of(request, person),
        here="/labels",
        sheets=[places[at : at + per_sheet] for at in range(0, len(places), per_sheet)],
        per_sheet=per_sheet,
        count=len(labels),
        base=base,
    )


@router.get("/d/{uid}")
async def short_link(_person: Permitted, connection: Connection, uid: Annotated[Uid, Path()]) -> Response:
    """Lead from a label to the device's page, or to its registration where it is not registered yet."""
    is_registered = await value_of(connection, "is_device_registered", {"uid": uid})
    return RedirectResponse(f"/devices/{uid}" if is_registered else f"/register?uid={uid}", HTTPStatus.SEE_OTHER)


async def _devices(connection: Connection, person: Person, chosen: Chosen) -> list[dict[str, Any]]:
    """Give the devices that fit everything that was chosen, in the order of their uids."""
    uids = _uids(chosen.uids)
    imported = None
    if chosen.import_id:
        run = await find_run(connection, person, chosen.import_id)
        imported = [row.uid for row in run.read().results if row.status == "created" and row.uid]
    values = {"uids": uids or None, "site": chosen.site and chosen.site.strip().lower(), "profile": chosen.profile}
    if all(value is None for value in (*values.values(), imported)):
        raise _SlipError("Say which devices: by EUI, site, profile or import", "uids")
    devices = await rows_of(
        connection, dict[str, Any], "list_devices_to_label", values | {"imported": imported, "limit": _MOST + 1}
    )
    missing = sorted({*uids} - {device["uid"] for device in devices})
    if missing:
        more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
        raise _SlipError(f"No device {missing[0]} fits{more}: check that it is registered", "uids")
    if not devices or len(devices) > _MOST:
        raise _SlipError(f"More than {_MOST} devices fit: choose fewer at a time" if devices else "No device fits", "site")
    return devices


def _uids(text: str) -> list[str]:
    """Read uids, one a line or with commas between."""
    try:
        return [normalise_uid(uid) for uid in re.split(r"[,;\n]", text) if uid.strip()]
    except ValueError as error:
        raise _SlipError(str(error), "uids") from error


def _labels(devices: list[dict[str, Any]], base: str) -> list[Label]:
    return [Label(device["uid"], device["name"], _code(f"{base}/d/{device['uid']}")) for device in devices]


def _code(link: str) -> Markup:
    """Draw a link as a QR code that still reads with a seventh of it scratched."""
    drawn = segno.make(link, error="m", micro=False).svg_inline(
        omitsize=True, border=2, svgclass="hr-label__code", lineclass=None
    )
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704 - of segno's making


async def _form(
    request: Request, person: Person, connection: Connection, chosen: Chosen, error: str = "", field: str = ""
) -> Response:
    profiles = await rows_of(connection, dict[str, Any], "list_profiles_to_import")
    return render(
        "labels.html",
        visitor_of(request, person),
        HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        here="/labels",
        chosen=chosen,
        profiles=sorted(profiles, key=lambda profile: profile["name"]),
        runs=await list_runs(connection, person),
        error=error,
        field=field,
    )
