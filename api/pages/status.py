"""The status page: what comes in, how fast, what waits, and what could not be stored and why."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from api.database import rows_of
from api.dependencies import Connection, Permitted, Settings
from api.pages.render import render, visitor_of
from api.pages.words import duration_text, number_text
from api.routes.path import Worker, read_path
from devices.reasons import EXPLANATIONS, Reason

router = APIRouter()

_LIVE_EVERY_S = 5
_SHOWN = 20  # messages in quarantine on one page
_HELD_SHOWN = 200
_EXCERPT = 400  # characters of a message
_ZONE = ZoneInfo("Europe/London")  # of the program, not of a site


@dataclass(frozen=True, slots=True)
class Health:
    """The path in two words and a sentence."""

    is_good: bool
    title: str
    text: str


@router.get("/status")
async def status_page(
    request: Request,
    person: Permitted,
    connection: Connection,
    settings: Settings,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Show how the path of readings is."""
    path = await read_path(connection, settings)
    reasons = await rows_of(connection, dict[str, Any], "count_quarantine_by_reason")
    any_other = {"device": None, "start": None, "end": None, "state": None}
    values = {"after": after, "reason": reason, "limit": _SHOWN + 1, **any_other}
    items = await rows_of(connection, dict[str, Any], "page_of_quarantine", values)
    held = await rows_of(connection, dict[str, Any], "page_of_held", {"after": None, "limit": _HELD_SHOWN})
    return render(
        "status.html",
        visitor_of(request, person),
        here="/status",
        zone=_ZONE,
        path=path,
        health=_health(path.workers),
        unaccounted=path.readings - path.readings_stored - path.readings_duplicate - path.readings_quarantined,
        rates=_average_rates(path.workers),
        lag_text=lag_text,
        held=held,
        reasons=reasons,
        explain=explain,
        chosen_reason=reason,
        quarantined=items[:_SHOWN],
        excerpt=excerpt,
        older=_older(reason, items) if len(items) > _SHOWN else None,
        live_every_s=_LIVE_EVERY_S,
    )


def _health(workers: list[Worker]) -> Health:
    """Judge the path by its worst worker; a retired one has nothing to do."""
    workers = [worker for worker in workers if worker.state != "retired"]
    if not workers:
        return Health(False, "Not running", "No ingest worker has ever run on this database.")
    silent = [worker for worker in workers if not worker.fresh]
    if silent:
        longest = duration_text(max(worker.silent_s for worker in silent))
        return Health(False, "Silent", f"{_counted(len(silent), len(workers))} said nothing for {longest}.")
    apart = [worker for worker in workers if not worker.connected]
    if apart:
        told = f"{_counted(len(apart), len(workers))} lost the broker. Messages wait there until the connection is back."
        return Health(False, "Not connected", told)
    return Health(True, "Working", "Messages arrive, are stored, and only then acknowledged.")


def _counted(some: int, of_all: int) -> str:
    if of_all == 1:
        return "The ingest worker has"
    return f"{some} of {of_all} ingest workers {'has' if some == 1 else 'have'}"


def _average_rates(workers: list[Worker]) -> dict[str, float]:
    """Give messages and readings a second since the workers started, for readers without scripts."""
    seconds = [max((worker.updated_at - worker.started_at).total_seconds(), 1) for worker in workers]
    return {
        "messages": sum(worker.messages / since for worker, since in zip(workers, seconds, strict=True)),
        "readings": sum(worker.readings / since for worker, since in zip(workers, seconds, strict=True)),
    }


def lag_text(milliseconds: float | None) -> str:
    """Write the time from received to stored."""
    if milliseconds is None:
        return "unknown"
    if milliseconds >= 1000:
        return f"{number_text(milliseconds / 1000)} s"
    return f"{milliseconds:.0f} ms"


def explain(reason: str) -> str:
    """Say in plain words why something with this reason could not be stored, and what to do."""
    try:
        return EXPLANATIONS[Reason(reason)]
    except ValueError:
        return "A reason this version does not know; it was given by another one."


def excerpt(payload: bytes) -> str:
    """Give the start of a message: as text, or byte by byte where it is none."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload[: _EXCERPT // 3].hex(" ")
        return text + (" …" if len(payload) > _EXCERPT // 3 else "")
    shown = "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text[:_EXCERPT])
    return shown + (" …" if len(text) > _EXCERPT else "")


def _older(reason: str | None, items: list[dict[str, Any]]) -> str:
    words = {"after": items[_SHOWN - 1]["id"]} | ({"reason": reason} if reason else {})
    return f"/status?{urlencode(words)}#quarantine"
