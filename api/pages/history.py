"""What was done at a site and to a device, in the order of time; and the maintenance windows of a site."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.action_schemas import Action, NewWindow, WindowChange
from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.dependencies import Connection, Engineer, Permitted
from api.errors import NotFound, Unusable
from api.maintenance import add_window, change_window, find_window, find_windows
from api.pages.marks import sentence_of
from api.pages.ranges import local_input
from api.pages.render import render, visitor_of
from api.pages.typed import TypedTimeError, read_local, read_note
from api.registration import find_device
from api.registry_actions import find_actions
from api.schemas import Code, Deployment, Site, Uid

router = APIRouter()

SiteCode = Annotated[Code, Path()]
DeviceUid = Annotated[Uid, Path()]
WindowId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=2000)]

LOCAL = ZoneInfo("Europe/London")
"""The zone of what belongs to no site."""

_MOST = 1000


@router.get("/sites/{code}/history")
async def site_history(request: Request, person: Permitted, connection: Connection, code: SiteCode) -> Response:
    """Show what was done at a site."""
    return await _site_history(request, person, connection, code)


@router.get("/devices/{uid}/history")
async def device_history(request: Request, person: Permitted, connection: Connection, uid: DeviceUid) -> Response:
    """Show what was done to a device."""
    device = await find_device(connection, uid)
    site = await row_of(connection, Site, "find_site", {"code": device.site}) if device.site else None
    return render(
        "device_history.html",
        visitor_of(request, person),
        device=device,
        zone=ZoneInfo(site.time_zone) if site else LOCAL,
        actions=in_order(await find_actions(connection, device=uid, limit=_MOST)),
        deployments=await _deployments(connection, device=uid),
        done=request.query_params.get("done", ""),
        sentence_of=sentence_of,
    )


@router.post("/sites/{code}/maintenance")
async def begin_maintenance(
    request: Request,
    person: Engineer,
    connection: Connection,
    code: SiteCode,
    starts_at: Text = "",
    ends_at: Text = "",
    note: Text = "",
) -> Response:
    """Begin a maintenance window from the form of the site's history."""
    zone = ZoneInfo((await find_site_known(connection, code)).time_zone)
    typed = {"starts_at": starts_at, "ends_at": ends_at, "note": note}
    try:
        times = {field: read_local(field, typed[field], zone) for field in ("starts_at", "ends_at")}
        async with changes(connection, person, read_note(note)):
            await add_window(connection, person, NewWindow(site=code, note=read_note(note), **times))
    except TypedTimeError as slip:
        return await _site_history(request, person, connection, code, typed, {slip.field: str(slip)})
    except Unusable:
        slips = {"ends_at": "The end must be later than the start"}
        return await _site_history(request, person, connection, code, typed, slips)
    return _back_to(code)


@router.post("/sites/{code}/maintenance/{window_id}/end")
async def end_maintenance(person: Engineer, connection: Connection, code: SiteCode, window_id: WindowId) -> Response:
    """End a window now; one that has not begun, or has just begun, was none."""
    window = await find_window(connection, window_id)
    now = datetime.now(UTC)
    async with changes(connection, person):
        if window.starts_at < now:
            await change_window(connection, window_id, WindowChange(ends_at=now))
        else:
            await value_of(connection, "remove_window", {"id": window_id})
    return _back_to(code)


async def find_site_known(connection: Connection, code: str) -> Site:
    """Find a site.

    Raises
    ------
    NotFound
        When no site has this code.
    """
    if site := await row_of(connection, Site, "find_site", {"code": code}):
        return site
    raise NotFound(f"There is no site with the code {code!r}.")


def in_order(actions: list[Action]) -> list[Action]:
    """Give actions in the order of when they happened, the last first."""
    return sorted(actions, key=lambda action: (action.at, action.id or 0), reverse=True)


async def _site_history(
    request: Request,
    person: Permitted,
    connection: Connection,
    code: str,
    typed: dict[str, str] | None = None,
    slips: dict[str, str] | None = None,
) -> Response:
    site = await find_site_known(connection, code)
    zone = ZoneInfo(site.time_zone)
    return render(
        "site_history.html",
        visitor_of(request, person),
        HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK,
        site=site,
        zone=zone,
        actions=in_order(await find_actions(connection, site=code, limit=_MOST)),
        deployments=await _deployments(connection, site=code),
        windows=list(reversed(await find_windows(connection, site=code, limit=_MOST))),
        done=request.query_params.get("done", ""),
        typed=typed or {"starts_at": local_input(datetime.now(UTC), zone), "ends_at": "", "note": ""},
        slips=slips or {},
        errors=[{"text": text, "href": f"#{field}"} for field, text in (slips or {}).items()],
        sentence_of=sentence_of,
    )


async def _deployments(connection: Connection, **asked: str) -> list[Deployment]:
    nothing: dict[str, object] = {"id": None, "after": None, "device": None, "site": None, "limit": _MOST}
    found = await rows_of(connection, Deployment, "page_of_deployments", nothing | asked)
    return sorted(found, key=lambda stay: (stay.installed_at is not None, stay.installed_at), reverse=True)


def _back_to(code: str) -> Response:
    return RedirectResponse(f"/sites/{code}/history#maintenance-heading", HTTPStatus.SEE_OTHER)
