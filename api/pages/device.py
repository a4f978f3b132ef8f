"""The page of one device: did it arrive? What came last, how, and what became of it; it updates by itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from psycopg import AsyncConnection

from api.database import row_of, rows_of
from api.dependencies import Bearer, Connection, Permitted, SessionToken, person_asking, pool_of
from api.errors import NotFound
from api.live import Live
from api.pages.radio_words import loss_word, signal_word, speed_text
from api.pages.render import render, visitor_of
from api.pages.state_words import state_sentence
from api.pages.words import MAIN_METRICS
from api.schemas import Uid
from api.silence.summary import read_silence
from devices.flags import DESCRIPTIONS, Flag
from devices.reasons import ADVICE, EXPLANATIONS, Reason

router = APIRouter()

_REFRESH_S = 15
_REFUSALS = 5
_SHOWN_BYTES = 400
_CHECK_SESSION_EVERY = 5  # turns of a stream, each of a second
_ZONE = ZoneInfo("Europe/London")

Row = dict[str, Any]


@router.get("/devices/{uid}")
async def device_page(request: Request, person: Permitted, connection: Connection, uid: Annotated[Uid, Path()]) -> Response:
    """Show one device, registered or not."""
    device = await row_of(connection, Row, "find_device_here", {"uid": uid})
    context = await (_of_registered(connection, device) if device else _of_stranger(connection, uid))
    silence = await read_silence(connection)
    return render(
        "device.html",
        visitor_of(request, person),
        here=request.url.path,
        uid=uid,
        device=device,
        zone=ZoneInfo(device["time_zone"]) if device else _ZONE,
        refusals=await _refusals(connection, uid),
        outage=silence.outage,
        outage_began_at=silence.outage_began_at,
        live_every_s=_REFRESH_S,
        may_register=person.may_write,
        **context,
    )


@router.get("/devices/{uid}/live")
async def device_stream(
    request: Request,
    person: Permitted,
    connection: Connection,
    bearer: Bearer,
    token: SessionToken,
    uid: Annotated[Uid, Path()],
) -> Response:
    """Tell by server-sent events whenever something has arrived of a device; ends with the session.

    Raises
    ------
    NotFound
        When the device is not there for the one who asks.
    NotReady
        When too many watch already.
    """
    # A connection of its own sees everything: ours sees what the one who asks may see.
    if not await row_of(connection, Row, "find_device_here", {"uid": uid}):
        async with pool_of(request).connection() as everything:
            if await _is_elsewhere(everything, uid):
                raise NotFound(f"No device {uid} is registered.")
    live = cast("Live", request.app.state.live)
    with live.admitted(person.principal_id):
        pass  # refused here with an answer of its own: once a stream has begun it is too late

    async def is_known() -> bool:
        async with pool_of(request).connection() as lent:
            return await person_asking(lent, bearer, token) is not None

    return StreamingResponse(
        _stream(request, live, person.principal_id, uid, is_known),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _is_elsewhere(connection: AsyncConnection, uid: str) -> bool:
    """Tell whether a device is there for others."""
    return await row_of(connection, Row, "find_device_here", {"uid": uid}) is not None


async def _stream(
    request: Request, live: Live, principal_id: int, uid: str, is_known: Callable[[], Awaitable[bool]]
) -> AsyncIterator[str]:
    turns = 0
    with live.admitted(principal_id):
        yield "retry: 3000\n\n"
        async for has_arrived in live.arrivals(pool_of(request), uid):
            if request.app.state.is_stopping():
                return
            if has_arrived:
                yield "event: arrival\ndata: \n\n"
            turns += 1
            if turns % _CHECK_SESSION_EVERY == 0:
                if not await is_known():
                    yield "event: end\ndata: \n\n"
                    return
                yield ": still here\n\n"


async def _of_registered(connection: AsyncConnection, device: Row) -> Row:
    uid, device_id = device["uid"], device["device_id"]
    times = await row_of(connection, Row, "read_arrival_times", {"uid": uid})
    stored = max((at for at in (times["stored_at"], times["radio_at"]) if at), default=None) if times else None
    message = await row_of(connection, Row, "find_last_message", {"device_id": device_id, "at": stored}) if stored else None
    radio = await row_of(connection, Row, "find_last_uplink", {"uid": uid, "start": None, "end": None})
    place = {"site_id": device["site_id"], "channel": device["channel"], "main_metrics": list(MAIN_METRICS)}
    return {
        "last_at": max((at for at in (stored, times["refused_at"]) if at), default=None) if times else None,
        "refused_at": times["refused_at"] if times else None,
        "stored_at": stored,
        "message": _shown(message),
        "radio": radio and radio | {"word": signal_word(radio["rssi"], radio["snr"], radio["spreading_factor"])},
        "speed_text": speed_text,
        "loss_word": loss_word,
        "values": [_value(row) for row in await rows_of(connection, Row, "list_last_values", place)],
        "events": await rows_of(connection, Row, "list_events_of_device", {"device_id": device_id}),
        "sentence": state_sentence(device),
    }


async def _of_stranger(connection: AsyncConnection, uid: str) -> Row:
    return {"held": _shown(await row_of(connection, Row, "find_last_held", {"uid": uid}))}


async def _refusals(connection: AsyncConnection, uid: str) -> list[Row]:
    """Give the last refusals with what they mean and what to do; several of one message and reason count as one."""
    rows = await rows_of(connection, Row, "list_last_refusals", {"uid": uid, "limit": 10 * _REFUSALS})
    refusals: dict[tuple[object, str], Row] = {}
    for row in rows:
        key = (row["received_at"], row["reason"])
        if key in refusals:
            refusals[key]["more"] += 1
        elif len(refusals) < _REFUSALS:
            refusals[key] = (_shown(row) or {}) | _reason(row["reason"]) | {"more": 0}
    return list(refusals.values())


def _reason(code: str) -> dict[str, str]:
    try:
        reason = Reason(code)
    except ValueError:
        return {"meaning": "A reason this version does not know; it was given by another one.", "advice": ""}
    return {"meaning": EXPLANATIONS[reason], "advice": ADVICE[reason]}


def _value(row: Row) -> Row:
    return row | {"doubts": [text for flag, text in DESCRIPTIONS.items() if Flag(row["flags"]) & flag]}


def _shown(message: Row | None) -> Row | None:
    """Add the payload as text, where it is some, and as hex."""
    if message is None:
        return None
    payload = bytes(message["payload"])
    cut = " …" if len(payload) > _SHOWN_BYTES else ""
    try:
        text = payload.decode()[:_SHOWN_BYTES] + cut
    except UnicodeDecodeError:
        text = ""
    is_text = bool(text) and all(char.isprintable() or char in "\r\n\t" for char in text)
    shown = {"text": text if is_text else "", "hex": payload[:_SHOWN_BYTES].hex(" ") + cut, "bytes": len(payload)}
    return message | shown
