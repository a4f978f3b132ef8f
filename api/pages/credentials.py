"""The page of a device's credentials: issue one, see its password once, revoke it."""

from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.credentials.issuing import (
    broker_for_devices,
    broker_of,
    find_credential,
    issue_credential,
    list_credentials,
    revoke_credential,
)
from api.credentials.models import IssuedCredential, NewCredential
from api.dependencies import Connection, Engineer, Settings, pool_of
from api.errors import Conflict, NotReady, Unusable
from api.pages.render import render, visitor_of
from api.registration import find_device
from api.schemas import Uid

router = APIRouter(prefix="/devices/{uid}/credentials")

_ZONE = ZoneInfo("Europe/London")
CredentialId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=200)]


@router.get("")
async def credentials_page(
    request: Request, person: Engineer, connection: Connection, settings: Settings, uid: Annotated[Uid, Path()]
) -> Response:
    """Show what a device was given, and the form for more."""
    return await _page(request, person, connection, settings, uid)


@router.post("")
async def issue(
    request: Request,
    person: Engineer,
    connection: Connection,
    settings: Settings,
    uid: Annotated[Uid, Path()],
    kind: Text = "",
    certificate_name: Text = "",
    is_gateway: Text = "",
) -> Response:
    """Let the device in and show its password, this once."""
    typed = {"kind": kind, "certificate_name": certificate_name.strip(), "is_gateway": bool(is_gateway)}
    try:
        wanted = NewCredential.model_validate(
            {"kind": kind, "is_gateway": bool(is_gateway), "certificate_name": typed["certificate_name"] or None}
            if kind == "certificate"
            else {"kind": kind, "is_gateway": bool(is_gateway)}
        )
        issued = await issue_credential(connection, settings, person, uid, wanted)
    except ValidationError:
        field = "kind" if kind not in ("password", "certificate") else "certificate_name"
        return await _page(request, person, connection, settings, uid, typed=typed, slips={field: _SLIPS[field]})
    except (Conflict, NotReady, Unusable) as refusal:
        return await _page(
            request, person, connection, settings, uid, typed=typed, slips={_field(refusal, kind): refusal.detail}
        )
    answer = await _page(request, person, connection, settings, uid, issued=issued)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/{credential_id}/revoke")
async def revoke_page(
    request: Request, person: Engineer, connection: Connection, uid: Annotated[Uid, Path()], credential_id: CredentialId
) -> Response:
    """Ask whether a credential is really to end."""
    device = await find_device(connection, uid)
    credential = await find_credential(connection, uid, credential_id)
    return render("credential_revoke.html", visitor_of(request, person), device=device, credential=credential)


@router.post("/{credential_id}/revoke")
async def revoke(
    request: Request,
    person: Engineer,
    connection: Connection,
    settings: Settings,
    uid: Annotated[Uid, Path()],
    credential_id: CredentialId,
) -> Response:
    """End a credential and show how far that has come."""
    await revoke_credential(connection, pool_of(request), settings, person, uid, credential_id)
    return RedirectResponse(f"/devices/{uid}/credentials?revoked={credential_id}", HTTPStatus.SEE_OTHER)


def _field(refusal: Exception, kind: str) -> str:
    """Tell which field mends a refusal."""
    return "certificate_name" if isinstance(refusal, Conflict) and kind == "certificate" else "kind"


_SLIPS = {
    "kind": "Choose a password or a certificate",
    "certificate_name": "Enter the common name of the certificate: at most 64 characters, without + # / or %",
}


async def _page(
    request: Request,
    person: Engineer,
    connection: Connection,
    settings: Settings,
    uid: str,
    *,
    typed: dict[str, object] | None = None,
    slips: dict[str, str] | None = None,
    issued: IssuedCredential | None = None,
) -> Response:
    device = await find_device(connection, uid)
    credentials = await list_credentials(connection, uid)
    revoked = request.query_params.get("revoked", "")
    return render(
        "credentials.html",
        visitor_of(request, person),
        HTTPStatus.UNPROCESSABLE_ENTITY if slips else HTTPStatus.OK,
        device=device,
        credentials=credentials,
        issued=issued,
        revoked=next((one for one in credentials if str(one.id) == revoked and one.revoked_at), None),
        is_kept=broker_of(settings) is not None,
        takes_certificates=bool(broker_for_devices(settings, "certificate")),
        typed=typed or {"kind": "password", "certificate_name": "", "is_gateway": False},
        slips=slips or {},
        errors=[{"text": text, "href": f"#{field}"} for field, text in (slips or {}).items()],
        zone=_ZONE,
    )
