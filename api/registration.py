"""Registering a device and putting it at a site, in transactions that may be asked for again and again."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from api.database import row_of, value_of
from api.errors import Conflict, NotFound, Slip, Unusable
from api.reattribution import hold_deployments, read_stays, reattribute
from api.schemas import Deployment, Device, NewSite, Site
from api.stays import OPEN, Place, Stay, overlapping, taken_away
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import AsyncConnection

    from api.schemas import DeviceChange, NewDeployment, NewDevice, SiteChange

_NOWHERE = {"latitude": None, "longitude": None, "position_accuracy_m": None}
_SLUG_LENGTH = 60  # leaves room for a number within the 80 characters of a code


async def register_device(connection: AsyncConnection, wanted: NewDevice) -> bool:
    """Register a device at a site; tell whether it is new.

    Two requests at once end as one after the other: the second waits for the first at the unique uid.

    Raises
    ------
    Unusable
        When the site or profile named is not there.
    Conflict
        When a device with this uid, or another request under this id, was carried out with something else.
    """
    asked = wanted.model_dump(mode="json", exclude={"request_id"})
    values = wanted.model_dump() | {"request": Jsonb(asked) if wanted.request_id else None}
    if await _was_asked_before(connection, values):
        return False
    async with connection.transaction():
        profile_id = await value_of(connection, "find_profile_id", values)
        if profile_id is None:
            raise unknown("body.profile", "device profile", wanted.profile, "/api/v1/profiles")
        device_id = await value_of(connection, "add_device", values | {"profile_id": profile_id})
        if device_id is not None:
            place = {"device_id": device_id, "site_id": await _site_id(connection, wanted)}
            await connection.execute(query("add_first_deployment"), values | place)
            return True
    if await _was_asked_before(connection, values):
        return False
    if not await value_of(connection, "has_same_registration", values):
        raise Conflict(
            f"The device {wanted.uid} is registered already, with another name, profile, start or place:"
            f" see /api/v1/devices/{wanted.uid}. To put it elsewhere, POST to /api/v1/deployments."
        )
    return False


async def deploy(connection: AsyncConnection, wanted: NewDeployment) -> tuple[Deployment, bool]:
    """Put a device at a site; give the deployment and whether it is new.

    Raises
    ------
    Unusable
        When the device or site is not there.
    Conflict
        When the device was elsewhere in that time.
    """
    values = wanted.model_dump() | _NOWHERE | {"code": wanted.site}
    async with connection.transaction():
        await hold_deployments(connection)
        values["device_id"] = await value_of(connection, "lock_device", values)
        if values["device_id"] is None:
            raise unknown("body.device", "device", wanted.device, "/api/v1/devices")
        values["site_id"] = await value_of(connection, "find_site_to_deploy_at", values)
        if values["site_id"] is None:
            raise unknown("body.site", "site", wanted.site, "/api/v1/sites")
        values["at"] = at = wanted.installed_at or await value_of(connection, "read_clock", {})
        if wanted.removed_at is not None and wanted.removed_at <= at:
            text = "it must be later than installed_at, which by default is now"
            raise Unusable(f"Mend removed_at: {text}.", Slip("body.removed_at", text))
        found = await value_of(connection, "find_same_deployment", values)
        if found is None:
            place = Place(values["site_id"], wanted.channel)
            await _put(connection, Stay(values["device_id"], place, at, wanted.removed_at or OPEN, wanted.note), wanted.device)
        made = await value_of(connection, "find_same_deployment", values | {"installed_at": at})
    return await find_deployment(connection, made if found is None else found), found is None


async def _put(connection: AsyncConnection, new: Stay, uid: str) -> None:
    """Put a device somewhere; the open deployment it is in until then ends."""
    before = await read_stays(connection, [new.device_id])
    is_open = [stay for stay in before if stay.end == OPEN and stay.start < new.start]
    after = [*(stay for stay in before if stay not in is_open), *taken_away(is_open, new.start), new]
    if overlapping(sorted(after, key=lambda stay: stay.start)):
        raise Conflict(
            f"The device {uid} was elsewhere in that time: see /api/v1/deployments?device={uid}."
            " Choose a later installed_at, or an earlier removed_at."
        )
    await reattribute(connection, before, after)


async def find_device(connection: AsyncConnection, uid: str) -> Device:
    """Find a device by its uid.

    Raises
    ------
    NotFound
        When it is not registered.
    """
    values = {"uid": uid, "after": None, "site": None, "profile": None, "state": None, "limit": 1}
    if device := await row_of(connection, Device, "page_of_devices", values):
        return device
    raise NotFound(f"No device {uid} is registered. Register it with POST /api/v1/devices.")


async def find_deployment(connection: AsyncConnection, deployment_id: int) -> Deployment:
    """Find a deployment by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    values = {"id": deployment_id, "after": None, "device": None, "site": None, "limit": 1}
    if deployment := await row_of(connection, Deployment, "page_of_deployments", values):
        return deployment
    raise NotFound(f"There is no deployment {deployment_id}. Those there are: /api/v1/deployments")


async def add_site(connection: AsyncConnection, wanted: NewSite) -> Site | None:
    """Add a site under its code, or under a free one made from its name; nothing where its code is taken."""
    values = wanted.model_dump()
    if wanted.code is not None:
        return await row_of(connection, Site, "add_site", values)
    site = None
    while site is None:
        # Somebody else may take the code in between: a round that fails is a site of theirs.
        code = await value_of(connection, "find_free_site_code", {"slug": slug_of(wanted.name)})
        site = await row_of(connection, Site, "add_site", values | {"code": code})
    return site


async def change_site(connection: AsyncConnection, code: str, wanted: SiteChange) -> Site:
    """Change what is named about a site.

    Raises
    ------
    NotFound
        When there is no such site.
    Unusable
        When it would have half a position.
    """
    async with connection.transaction():
        old = await row_of(connection, Site, "lock_site", {"code": code})
        if old is None:
            raise NotFound(f"There is no site {code}. Those there are: /api/v1/sites")
        values = old.model_dump() | wanted.model_dump(exclude_unset=True)
        if (values["latitude"] is None) != (values["longitude"] is None):
            text = "give both latitude and longitude, or neither"
            raise Unusable(f"Mend the position: {text}.", Slip("body", text))
        changed = await row_of(connection, Site, "change_site", values)
    return changed or old


async def change_device(connection: AsyncConnection, uid: str, wanted: DeviceChange) -> Device:
    """Change what is named about a device.

    Raises
    ------
    NotFound
        When it is not registered.
    Unusable
        When the profile named is not there.
    """
    values = wanted.model_dump() | {"uid": uid, "profile_id": None}
    if wanted.profile is not None:
        values["profile_id"] = await value_of(connection, "find_profile_id", values)
        if values["profile_id"] is None:
            raise unknown("body.profile", "device profile", wanted.profile, "/api/v1/profiles")
    await value_of(connection, "change_device", values)
    return await find_device(connection, uid)


def slug_of(name: str) -> str:
    """Make a site's code from its name: "Bridport, West Bay Rd." becomes `bridport-west-bay-rd`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].rstrip("-") or "site"


def unknown(where: str, what: str, name: str, listed_at: str) -> Unusable:
    """Tell that a request names something that is not there."""
    text = f"there is no {what} {name!r}"
    return Unusable(f"{text[0].upper()}{text[1:]}. Those there are: {listed_at}", Slip(where, text))


async def _was_asked_before(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Tell whether this very request was carried out before.

    Raises
    ------
    Conflict
        When another was, under the same id.
    """
    if values["request_id"] is None:
        return False
    is_same = await value_of(connection, "is_same_request", values)
    if is_same is False:
        text = f"the request {values['request_id']} was carried out with another content"
        raise Conflict(f"{text[0].upper()}{text[1:]}. Send this one under an id of its own.", Slip("body.request_id", text))
    return bool(is_same)


async def _site_id(connection: AsyncConnection, wanted: NewDevice) -> int:
    """Give the id of the site a new device is put at, which is made where none is named."""
    position = wanted.model_dump(include={"latitude", "longitude", "position_accuracy_m"})
    code = wanted.site
    if code is None:
        made = await add_site(connection, NewSite(name=wanted.name, domain=wanted.domain, **position))
        code = made.code if made else ""
    site_id = await value_of(connection, "find_site_to_deploy_at", {"code": code, **position})
    if site_id is None:
        raise unknown("body.site", "site", code, "/api/v1/sites")
    return int(site_id)
