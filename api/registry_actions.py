"""Actions: install, move, swap, co-locate, recall, retire, now or in the past; told before they are done, undone again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import Rollback
from psycopg.types.json import Jsonb

from api.action_schemas import NEEDS_SITE, Action, ActionDone
from api.action_words import moment, sentences, stretches
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotFound, Slip, Unusable
from api.reattribution import bound, hold_deployments, read_stays, reattribute
from api.registration import unknown
from api.stays import EVER, OPEN, Place, Stay, differences, end_from, put, restored, stay_at, taken_away
from api.times import parse_time
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

    from api.action_schemas import NewAction
    from api.people import Person
    from api.reattribution import Moved

_AHEAD = timedelta(minutes=10)  # clocks of telephones differ


@dataclass(frozen=True, slots=True)
class _Device:
    device_id: int
    uid: str
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Neighbour:
    uid: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Done:
    kind: str
    device_id: int
    old_device_id: int | None
    undone_at: datetime | None
    before: list[list[Any]]
    after: list[list[Any]]
    last_id: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an action makes of the deployments of its devices."""

    before: list[Stay]
    after: list[Stay]
    old_place: Place | None
    place: Place | None


async def act(connection: AsyncConnection, person: Person, wanted: NewAction, *, dry_run: bool = False) -> ActionDone:
    """Carry an action out, or tell what it would do; in one transaction with the readings that move.

    Raises
    ------
    Unusable
        When a device or site named is not there, or the time lies ahead.
    Conflict
        When the devices were elsewhere then; the words say where.
    """
    async with connection.transaction() as transaction:
        if not dry_run:
            await hold_deployments(connection)
        now = datetime.now(UTC)
        at = wanted.at or now
        if at > now + _AHEAD:
            text = "an action is written down when it has happened; choose a time up to now"
            raise Unusable(f"Mend the time: {text}.", Slip("body.at", text))
        device, old_device = await _find_devices(connection, wanted)
        plan = await _plan(connection, wanted, at, device, old_device)
        moved = await reattribute(connection, plan.before, plan.after)
        if wanted.kind == "retire":
            await connection.execute(query("retire_device"), {"device_id": device.device_id, "retired_at": at})
        values = {
            **wanted.model_dump(include={"kind", "note"}),
            **_places(plan),
            "at": at,
            "device_id": device.device_id,
            "old_device_id": old_device and old_device.device_id,
            "person": person.name,
        }
        done = await _write_down(connection, values, plan, moved)
        if dry_run:
            raise Rollback(transaction)
        return done
    return done.model_copy(update={"id": None})


async def undo(connection: AsyncConnection, person: Person, action_id: int, *, dry_run: bool = False) -> ActionDone:
    """Take an action back that was a mistake, as long as nothing has been done to its devices since.

    Raises
    ------
    NotFound
        When there is no such action.
    Conflict
        When something was done to its devices since.
    """
    async with connection.transaction() as transaction:
        if not dry_run:
            await hold_deployments(connection)
        done = await row_of(connection, _Done, "find_action_to_undo", {"id": action_id})
        if done is None:
            raise NotFound(f"There is no action {action_id}. Those there are: /api/v1/actions")
        if done.undone_at is not None:
            raise Conflict(f"The action {action_id} was undone already.")
        devices = [device for device in (done.device_id, done.old_device_id) if device is not None]
        present = await read_stays(connection, devices)
        if done.last_id != action_id or {stay.key for stay in present} != {stay.key for stay in _thawed(done.after)}:
            raise Conflict(
                f"Something was done to the device since: only the last action can be undone (the last one is {done.last_id})."
                " Undo that first, or put things right with a new action at the right time."
            )
        if done.kind == "retire":
            await connection.execute(query("retire_device"), {"device_id": done.device_id, "retired_at": None})
        plan = _Plan(present, restored(present, _thawed(done.before)), None, None)
        for stay in (*differences(plan.before, plan.after).ended, *differences(plan.before, plan.after).begun):
            if other := await _neighbour(connection, stay, devices):
                raise Conflict(f"{other.uid} is at that place by now: put things right with a new action at the right time.")
        moved = await reattribute(connection, plan.before, plan.after)
        await connection.execute(query("note_undone"), {"id": action_id, "person": person.name})
        told = await _tell(connection, action_id, plan, moved)
        if dry_run:
            raise Rollback(transaction)
    return told


async def find_actions(connection: AsyncConnection, **asked: object) -> list[Action]:
    """Give actions of a site or device, the last written down first; one more than `limit`."""
    nothing = {"id": None, "after": None, "device": None, "site": None, "limit": 100}
    return await rows_of(connection, Action, "page_of_actions", nothing | asked)


async def _find_devices(connection: AsyncConnection, wanted: NewAction) -> tuple[_Device, _Device | None]:
    """Find the devices of an action, always in the same order: two actions at once never wait for each other."""
    uids = {"device": wanted.device, "old_device": wanted.old_device}
    found: dict[str, _Device] = {}
    for field, uid in sorted(uids.items(), key=lambda item: item[1] or ""):
        if uid is None:
            continue
        device = await row_of(connection, _Device, "find_device_to_act_on", {"uid": uid})
        if device is None:
            raise unknown(f"body.{field}", "device", uid, "/api/v1/devices")
        found[field] = device
    device, old_device = found["device"], found.get("old_device")
    if old_device and old_device.device_id == device.device_id:
        text = "a device cannot be swapped for itself"
        raise Unusable(f"Mend old_device: {text}.", Slip("body.old_device", text))
    if device.retired_at is not None:
        raise Conflict(
            f"{device.uid} is out of use for good since {moment(device.retired_at)}. Undo its retirement first: see"
            f" /api/v1/actions?device={device.uid}."
        )
    return device, old_device


async def _plan(
    connection: AsyncConnection, wanted: NewAction, at: datetime, device: _Device, old_device: _Device | None
) -> _Plan:
    """Work out the deployments that an action leads to, and refuse what cannot have been."""
    devices = [found.device_id for found in (device, old_device) if found]
    every = await read_stays(connection, devices)
    own = [stay for stay in every if stay.device_id == device.device_id]
    present = stay_at(own, at)
    if wanted.kind in ("move", "recall") and present is None:
        raise Conflict(f"{device.uid} was at no site at {moment(at)}. Choose another time{_or_install(wanted)}.")
    if wanted.kind == "install" and present is not None:
        codes = await _codes(connection, [present])
        raise Conflict(f"{device.uid} was at {codes[present.place.site_id]} at {moment(at)}: move it, or choose another time.")
    if wanted.kind in NEEDS_SITE:
        place = Place(await _site_id(connection, wanted), wanted.channel)
        if present and present.place == place:
            raise Conflict(f"{device.uid} was at {wanted.site} at {moment(at)} already. Nothing was changed.")
        new = Stay(device.device_id, place, at, end_from(own, at), wanted.note)
        await _refuse_occupied(connection, wanted, new, devices)
        return _Plan(every, put(own, new), present.place if present else None, place)
    if old_device is not None:
        return await _plan_swap(connection, wanted, at, every, device, old_device)
    if wanted.kind == "retire" and any(stay.start > at for stay in own):
        raise Conflict(f"{device.uid} was at a site after {moment(at)}: choose a later time, see its history.")
    return _Plan(every, taken_away(own, at), present.place if present else None, None)


async def _plan_swap(
    connection: AsyncConnection, wanted: NewAction, at: datetime, every: list[Stay], device: _Device, old_device: _Device
) -> _Plan:
    own = [stay for stay in every if stay.device_id == device.device_id]
    theirs = [stay for stay in every if stay.device_id == old_device.device_id]
    left = stay_at(theirs, at)
    if left is None:
        raise Conflict(f"{old_device.uid} was at no site at {moment(at)}: there is no place to take. Choose another time.")
    present = stay_at(own, at)
    rest = taken_away(theirs, at)
    if present and present.place == left.place:  # it was registered there already
        return _Plan(every, [*own, *rest], left.place, left.place)
    new = Stay(device.device_id, left.place, at, min(left.end, end_from(own, at)), wanted.note)
    await _refuse_occupied(connection, wanted, new, [device.device_id, old_device.device_id])
    return _Plan(every, [*put(own, new), *rest], left.place, left.place)


async def _refuse_occupied(connection: AsyncConnection, wanted: NewAction, new: Stay, devices: Sequence[int]) -> None:
    """Refuse a place whose series another device stores into: nothing would tell their readings apart."""
    if other := await _neighbour(connection, new, devices):
        since = f"since {moment(other.since)}" if other.since else "since ever"
        raise Conflict(
            f"{other.uid} is at that place {since}, under the same channel. If {wanted.device} takes its place, swap them;"
            " if both are there, co-locate it with a channel of its own.",
            Slip("body.channel", "another device is there under the same channel"),
        )
    if wanted.kind == "co-locate" and not await _neighbour(connection, new, devices, channel=None):
        raise Conflict(f"No other device is at {wanted.site} at that time: install it there instead.")


async def _neighbour(connection: AsyncConnection, stay: Stay, devices: Sequence[int], **other: object) -> _Neighbour | None:
    """Find another device at the place of a stay at that time."""
    asked = {**stay.place._asdict(), "start": bound(stay.start), "end": bound(stay.end), "devices": list(devices)}
    return await row_of(connection, _Neighbour, "list_stays_at", asked | other)


async def _write_down(connection: AsyncConnection, values: dict[str, Any], plan: _Plan, moved: Moved) -> ActionDone:
    touched = {stay.device_id for stay in (*plan.before, *plan.after)}
    after = await read_stays(connection, sorted(touched))
    action_id = await value_of(
        connection,
        "add_action",
        values
        | {"moved": moved.moved, "unplaced": moved.unplaced, "ambiguous": moved.ambiguous}
        | {"before": Jsonb(_frozen(plan.before)), "after": Jsonb(_frozen(after))},
    )
    return await _tell(connection, action_id, plan, moved)


async def _tell(connection: AsyncConnection, action_id: int, plan: _Plan, moved: Moved) -> ActionDone:
    [action] = await find_actions(connection, id=action_id)
    changed = differences(plan.before, plan.after)
    stays = [*changed.removed, *changed.ended, *changed.begun]
    codes = await _codes(connection, stays)
    uids = await _names(connection, "list_device_uids", [stay.device_id for stay in stays])
    parts = {part: stretches(getattr(changed, part), uids, codes) for part in changed._fields}
    return ActionDone(**action.model_dump(), **parts, readings_conflicting=moved.conflicting, told=sentences(parts, moved))


def _places(plan: _Plan) -> dict[str, object]:
    place = plan.place or plan.old_place
    return {
        "site_id": plan.place and plan.place.site_id,
        "old_site_id": plan.old_place and plan.old_place.site_id,
        "channel": place.channel if place else "",
    }


async def _site_id(connection: AsyncConnection, wanted: NewAction) -> int:
    site_id = await value_of(connection, "find_site_id", {"code": wanted.site})
    if site_id is None:
        raise unknown("body.site", "site", wanted.site or "", "/api/v1/sites")
    return int(site_id)


async def _codes(connection: AsyncConnection, stays: Sequence[Stay]) -> dict[int, str]:
    return await _names(connection, "list_site_codes", [stay.place.site_id for stay in stays])


async def _names(connection: AsyncConnection, name: str, ids: Sequence[int]) -> dict[int, str]:
    rows = await connection.execute(query(name), {"ids": sorted(set(ids))})
    return dict(await rows.fetchall())


def _or_install(wanted: NewAction) -> str:
    return ", or install it" if wanted.kind == "move" else ""


def _frozen(stays: Sequence[Stay]) -> list[list[Any]]:
    """Write stays as JSON."""
    return [
        [stay.device_id, *stay.place, *((edge := bound(end)) and edge.isoformat() for end in (stay.start, stay.end)), stay.note]
        for stay in stays
    ]


def _thawed(rows: Sequence[Sequence[Any]]) -> list[Stay]:
    """Read stays that were written as JSON."""
    return [
        Stay(device_id, Place(site_id, channel), parse_time(start) if start else EVER, parse_time(end) if end else OPEN, note)
        for device_id, site_id, channel, start, end, note in rows
    ]
