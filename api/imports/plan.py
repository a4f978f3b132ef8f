"""Plan: what an import would create and change, row by row, worked out on the registry as it is; nothing is written here."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import msgspec

from api.imports.planned import Change, PlannedDevice, PlannedSite, change_device, compare_site, is_there, said_of_site, told
from api.registration import slug_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from api.imports.planned import Registry
    from api.imports.rows import Wanted

Status = Literal["created", "changed", "unchanged", "refused"]


class RowResult(msgspec.Struct, frozen=True):
    """What became, or would become, of one row."""

    row: int
    """As a spreadsheet numbers it: the first row has 1."""
    status: Status
    reason: str
    """Why it is refused, and what to do; else empty."""
    uid: str
    """Empty where the row is about a site alone, or its device could not be read."""
    site: str
    """Code of the site, if there is one."""
    changes: tuple[Change, ...] = ()


class Plan:
    """What becomes of each row, in order; what will be is written into the registry in memory, for the rows that follow."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._rows_of: dict[str, int] = {}
        self._codes_tried: Counter[str] = Counter()
        self._sites_named: dict[str, list[PlannedSite]] = {}
        for site in registry.sites.values():
            self._sites_named.setdefault(site.name, []).append(site)

    def add(self, row: int, wanted: Wanted, problems: list[str]) -> RowResult:
        """Plan one row; `problems` is what was wrong with it already."""
        first = self._rows_of.setdefault(wanted.uid, row) if wanted.uid else row
        if first != row:
            problems = [*problems, f"row {first} has the device {wanted.uid} already: delete one of the two"]
        if not problems:
            try:
                return self._planned(row, wanted)
            except ValueError as error:
                problems = [str(error)]
        return RowResult(row, "refused", "; ".join(problems), wanted.uid, wanted.site)

    def _planned(self, row: int, wanted: Wanted) -> RowResult:
        self._check_domain(wanted.domain)
        profile = self._profile(wanted.profile) if wanted.profile else ""
        device = self.registry.devices.get(wanted.uid)
        if wanted.uid in self.registry.unseen_uids:
            raise ValueError("the device is registered in an area that is not yours: ask an administrator")
        if device is None and wanted.uid and not wanted.name:
            raise ValueError("the device is new and has no name: fill in the column Name")
        site = self._site_of(device, wanted) if device else self._site_for(wanted)
        new_values = compare_site(row, wanted, site) if site else {}
        is_new_site = site is not None and site.code not in self.registry.sites
        changes = [Change(name, told(getattr(site, name)), told(value)) for name, value in new_values.items()]
        if device:
            changes = change_device(device, wanted, profile) + changes
        elif wanted.uid and site:
            self.registry.devices[wanted.uid] = _new_device(wanted, profile, site)
        if site:
            self._keep(site, row, wanted, new_values)
        is_new = device is None if wanted.uid else is_new_site
        status: Status = "created" if is_new else "changed" if changes else "unchanged"
        return RowResult(row, status, "", wanted.uid, site.code if site else "", () if is_new_site else tuple(changes))

    def _keep(self, site: PlannedSite, row: int, wanted: Wanted, new_values: Mapping[str, object]) -> None:
        """Write into the registry in memory what a row makes of a site."""
        if site.code not in self.registry.sites:
            self.registry.sites[site.code] = site
            self._sites_named.setdefault(site.name, []).append(site)
        for name, value in said_of_site(wanted).items():
            site.said.setdefault(name, (row, value))
        for name, value in new_values.items():
            setattr(site, name, value)
            site.is_changed = True

    def _check_domain(self, domain: str) -> None:
        if domain and domain not in self.registry.domains:
            raise ValueError(f"domain: there is no {domain!r}; {_nearest(domain, self.registry.domains)}")

    def _profile(self, text: str) -> str:
        """Find a device profile by its key, or by its name or model where only one has it."""
        profiles = self.registry.profiles
        if text.lower() in profiles:
            return text.lower()
        for part in (0, 1):
            found = [key for key, words in profiles.items() if words[part].casefold() == text.casefold()]
            if len(found) == 1:
                return found[0]
        raise ValueError(f"profile: there is no device profile {text!r}; {_nearest(text.lower(), profiles)}")

    def _site_of(self, device: PlannedDevice, wanted: Wanted) -> PlannedSite | None:
        """Give the site where a known device is, after making sure that the row leaves it there."""
        site = self.registry.sites[device.site] if device.site else None
        if site is None:
            if wanted.site or wanted.installed_at or wanted.channel or said_of_site(wanted):
                what = "is retired" if device.is_retired else "is at no site at present"
                raise ValueError(
                    f"the device {what}, and an import puts no known device at a site: use the action 'install' on its page,"
                    " or leave the columns of the site empty"
                )
            return None
        if wanted.site and wanted.site != site.code:
            raise ValueError(
                f"the device is at the site {site.code}, and an import moves none: use the action 'move' on its page (which"
                " asks when it was moved), or leave the column Site empty"
            )
        if wanted.channel is not None and wanted.channel != device.channel:
            raise ValueError(f"the device's channel is {device.channel!r}, and an import changes none: leave the column empty")
        if wanted.installed_at and wanted.installed_at != device.installed_at:
            since = f"since {device.installed_at:%Y-%m-%dT%H:%M:%SZ}" if device.installed_at else "since ever"
            raise ValueError(
                f"the device is at its site {since}, and an import changes no time: use the actions on its page, or leave the"
                " column empty"
            )
        return site

    def _site_for(self, wanted: Wanted) -> PlannedSite:
        """Find the site that a row names, or make one that is not in the registry yet."""
        if wanted.site and wanted.site in self.registry.sites:
            return self.registry.sites[wanted.site]
        if wanted.site in self.registry.unseen_codes:
            raise ValueError("the site's code is taken in an area that is not yours: choose another, or ask an administrator")
        if not wanted.site and (found := self._site_named(wanted)):
            return found
        if wanted.position is None and (wanted.uid or not wanted.site):
            named = wanted.site or wanted.site_name
            missing = f"there is no site {named!r} yet" if named else "the device is new"
            raise ValueError(
                f"position: {missing}: fill in latitude and longitude, a grid reference, or easting and northing (or the code"
                " of a site that is there)"
            )
        name = wanted.site_name or wanted.name or wanted.site
        code = wanted.site or self._free_code(slug_of(name))
        return PlannedSite(code, name, wanted.domain or None, wanted.position, wanted.uprn, wanted.usrn, is_new=True)

    def _site_named(self, wanted: Wanted) -> PlannedSite | None:
        """Find the site of the name and at the position that a row gives; without a position, the one of that name."""
        named = self._sites_named.get(wanted.site_name, []) if wanted.site_name else []
        if wanted.position is None and len(named) > 1:
            codes = ", ".join(site.code for site in named[:5])
            raise ValueError(f"site name: {len(named)} sites have this name ({codes}): fill in the code of one")
        return next((site for site in named if wanted.position is None or is_there(wanted, site.position)), None)

    def _free_code(self, slug: str) -> str:
        """Give a code that no site has: the slug itself, or the slug and a number."""
        code = slug
        while code in self.registry.sites or code in self.registry.unseen_codes:
            self._codes_tried[slug] += 1
            code = f"{slug}-{self._codes_tried[slug] + 1}"
        return code


def _new_device(wanted: Wanted, profile: str, site: PlannedSite) -> PlannedDevice:
    return PlannedDevice(
        wanted.uid,
        wanted.name,
        profile or "generic",
        wanted.serial,
        wanted.note,
        site.code,
        wanted.channel or "",
        wanted.installed_at,
        is_new=True,
    )


def _nearest(text: str, there_are: Iterable[str]) -> str:
    """Name what may have been meant, or what there is."""
    names = sorted(there_are)
    near = get_close_matches(text, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are: {', '.join(names[:15])}{', …' if len(names) > 15 else ''}"
