"""Store: the registry read for an import, and what the import makes of it written back, a statement a kind of change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from api.imports.planned import PlannedDevice, PlannedSite, Registry
from devices.positions import Position
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from psycopg import AsyncConnection

_OF_SITES = ("code", "name", "domain", "latitude", "longitude", "uprn", "usrn")
_OF_DEVICES = ("uid", "name", "profile", "serial", "note")
_OF_DEPLOYMENTS = ("uid", "site", "channel", "installed_at")


async def lock_registry(connection: AsyncConnection) -> None:
    """Keep everybody else from changing the registry until the transaction ends."""
    await connection.execute(query("lock_registry_for_import"))


async def read_registry(connection: AsyncConnection, uids: Collection[str]) -> Registry:
    """Read what an import of devices with these uids is compared with."""
    asked = {"uids": list(uids)}
    devices = {row["uid"]: PlannedDevice(**row) for row in await _rows(connection, "list_devices_to_import", asked)}
    sites = {row["code"]: _site_of(row) for row in await _rows(connection, "list_sites_to_import")}
    taken_uids = await _column(connection, "list_taken_uids", asked)
    taken_codes = await _column(connection, "list_taken_site_codes")
    profiles = await _rows(connection, "list_profiles_to_import")
    return Registry(
        devices,
        sites,
        {row["key"]: (row["name"], row["model"]) for row in profiles},
        set(await _column(connection, "list_known_domains")),
        frozenset(taken_uids) - devices.keys(),
        frozenset(taken_codes) - sites.keys(),
    )


async def write_registry(connection: AsyncConnection, registry: Registry) -> None:
    """Write what a plan made of the registry: sites before the devices that are put at them."""
    sites = registry.sites.values()
    devices = registry.devices.values()
    new_devices = [device for device in devices if device.is_new]
    for name, columns, rows in (
        ("add_imported_sites", _OF_SITES, [_row_of(site) for site in sites if site.is_new]),
        ("change_imported_sites", _OF_SITES, [_row_of(site) for site in sites if site.is_changed and not site.is_new]),
        ("add_imported_devices", _OF_DEVICES, _values(new_devices, _OF_DEVICES)),
        ("add_imported_deployments", _OF_DEPLOYMENTS, _values(new_devices, _OF_DEPLOYMENTS)),
        ("change_imported_devices", _OF_DEVICES, _values((one for one in devices if one.is_changed), _OF_DEVICES)),
    ):
        if rows:
            arrays = map(list, zip(*rows, strict=True))
            await connection.execute(query(name), dict(zip(columns, arrays, strict=True)))


def _site_of(row: dict[str, Any]) -> PlannedSite:
    latitude, longitude = row["latitude"], row["longitude"]
    position = None if latitude is None else Position(latitude, longitude)
    return PlannedSite(row["code"], row["name"], row["domain"], position, row["uprn"], row["usrn"])


def _row_of(site: PlannedSite) -> tuple[object, ...]:
    latitude, longitude = site.position or (None, None)
    return (site.code, site.name, site.domain, latitude, longitude, site.uprn, site.usrn)


def _values(devices: Iterable[PlannedDevice], names: Sequence[str]) -> list[tuple[object, ...]]:
    return [tuple(getattr(device, name) for name in names) for device in devices]


async def _rows(connection: AsyncConnection, name: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query(name), values)
        return await cursor.fetchall()


async def _column(connection: AsyncConnection, name: str, values: dict[str, Any] | None = None) -> list[str]:
    return [row[0] for row in await (await connection.execute(query(name), values)).fetchall()]
