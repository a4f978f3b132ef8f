"""Device credentials: what a device comes in at the broker with."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.credentials import issuing
from api.credentials.models import Credential, IssuedCredential, NewCredential
from api.dependencies import Connection, Engineer, Settings, pool_of
from api.description import problems
from api.schemas import Page, Uid

router = APIRouter(prefix="/devices/{uid}/credentials", tags=["registry"])

CredentialId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("", summary="List a device's credentials", responses=problems(404))
async def list_credentials(connection: Connection, person: Engineer, uid: Annotated[Uid, Path()]) -> Page[Credential]:
    """Give what a device was given to come in at the broker with, the newest first, without secrets."""
    del person  # only that it is an engineer
    return Page[Credential](items=await issuing.list_credentials(connection, uid), next=None)


@router.post("", status_code=201, summary="Let a device in at the broker", responses=problems(404, 409))
async def issue_credential(
    connection: Connection,
    settings: Settings,
    person: Engineer,
    uid: Annotated[Uid, Path()],
    wanted: NewCredential,
    response: Response,
) -> IssuedCredential:
    """Give a device a random password, shown this once, or let it in by the name of its certificate.

    It may publish to its own topics and do nothing else. Where the broker is away nothing is issued (503).
    """
    issued = await issuing.issue_credential(connection, settings, person, uid, wanted)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/api/v1/devices/{uid}/credentials/{issued.id}"
    return issued


@router.get("/{credential_id}", summary="Read one credential of a device", responses=problems(404))
async def read_credential(
    connection: Connection, person: Engineer, uid: Annotated[Uid, Path()], credential_id: CredentialId
) -> Credential:
    """Give one credential, without its secret."""
    del person  # only that it is an engineer
    return await issuing.find_credential(connection, uid, credential_id)


@router.delete("/{credential_id}", summary="Revoke a credential", responses=problems(404))
async def revoke_credential(
    request: Request,
    connection: Connection,
    settings: Settings,
    person: Engineer,
    uid: Annotated[Uid, Path()],
    credential_id: CredentialId,
) -> Credential:
    """End a credential and the session of whoever uses it; `cut_within_s` says how long that took.

    Where the broker is away `withdrawn_at` is null: it is told as soon as it is back.
    """
    return await issuing.revoke_credential(connection, pool_of(request), settings, person, uid, credential_id)
