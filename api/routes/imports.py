"""Bulk import and export of devices and sites, and what scanned codes say."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Connection, Engineer, Permitted
from api.description import problems
from api.errors import Slip, Unusable
from api.imports.export import export_devices
from api.imports.runs import ImportAnswer, carry_out, dry_run
from api.imports.tables import MOST_BYTES
from devices.tr005 import ScanError, read_scan

router = APIRouter(tags=["registry"])

KINDS = (ImportAnswer,)
"""What these routes encode by themselves."""

LARGER_BODIES = {"/api/v1/import/devices": MOST_BYTES, "/import": MOST_BYTES + 2**16}
"""Most bytes of a request, by path; the page's form has more in it than the file."""

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EXAMPLE = "DevEUI,Name,Grid ref\n00-11-22-33-44-55-66-77,High Street,SY 827 798\n"
_BODY = {
    "required": True,
    "content": {
        "text/csv": {"schema": {"type": "string", "format": "binary"}, "example": _EXAMPLE},
        _XLSX: {"schema": {"type": "string", "format": "binary"}},
    },
}
_CSV = {"text/csv": {"schema": {"type": "string"}}}
_ANSWER: dict[int | str, dict[str, Any]] = {
    207: {
        "description": "One result a row; the refused rows are left out, the others are imported unless it is a dry run",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImportAnswer"}}},
    }
}


class _Scanned(BaseModel):
    """The text of a scanned code."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=4000, description="As the scanner gave it", examples=["0011223344556677"])


class Scan(BaseModel):
    """What a scanned code says of a device."""

    uid: str
    join_eui: str | None = Field(description="16 hex digits; null where the code does not say")
    profile_id: str | None = Field(description="LoRa Alliance's id of the vendor and the vendor's of the model, 8 hex digits")
    serial: str | None = Field(description="The maker's serial number")


@router.post(
    "/import/devices",
    status_code=207,
    summary="Import devices and sites",
    responses={**_ANSWER, **problems(409, 413)},
    response_class=Response,
    openapi_extra={"requestBody": _BODY},
)
async def import_devices(
    request: Request,
    connection: Connection,
    person: Engineer,
    dry: Annotated[bool, Query(alias="dry_run", description="Only tell what would become of each row")] = True,  # noqa: FBT002
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", max_length=200, description="Made by who asks: sent twice, done once")
    ] = None,
) -> Response:
    """Import a CSV file (UTF-8) or Excel workbook; by default only tell what would become of each row.

    The same file again changes nothing. Rows are taken or refused each by itself; docs/api.md lists the columns.
    """
    content = await request.body()
    if dry:
        answer = await dry_run(connection, content)
    else:
        answer = await carry_out(connection, person, content, "", key)
    return Response(msgspec.json.encode(answer), 207, media_type="application/json")


@router.get(
    "/export/devices",
    summary="Export devices and where they are",
    responses={200: {"description": "A table that an import finds unchanged", "content": _CSV}},
    response_class=Response,
)
async def read_devices_as_csv(connection: Connection, _person: Permitted) -> Response:
    """Give every device that is not retired as CSV. What a spreadsheet would take for a formula has an apostrophe before it."""
    text = await export_devices(connection)
    named = {"Content-Disposition": 'attachment; filename="devices.csv"'}
    return Response(text, media_type="text/csv", headers=named)


@router.get("/labels/read", summary="Read a scanned code")
async def read_label(asked: Annotated[_Scanned, Query()]) -> Scan:
    """Tell which device a code names: a LoRaWAN sticker (TR005), an EUI in any usual spelling, or the link of a label.

    Raises
    ------
    Unusable
        When it names none.
    """
    try:
        return Scan(**read_scan(asked.text)._asdict())
    except ScanError as error:
        raise Unusable(str(error), Slip("query.text", "it names no device")) from error
