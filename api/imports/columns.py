"""Columns: which of them is what, by the many names people give them."""

from __future__ import annotations

import re
from typing import NamedTuple

from api.errors import Slip, Unusable

_SYNONYMS = {
    "uid": "uid deveui eui eui64 deviceeui deviceuid deviceid sensoreui sensoruid sensorid",
    "name": "name devicename sensorname label",
    "profile": "profile deviceprofile profilekey deviceprofilekey",
    "serial": "serial serialnumber serialno sernum sn",
    "note": "note notes comment comments remark remarks",
    "site": "site sitecode sitekey siteid",
    "site_name": "sitename location locationname place placename",
    "domain": "domain sitedomain theme",
    "latitude": "latitude lat latitudewgs84 sitelatitude",
    "longitude": "longitude lng lon long longitudewgs84 sitelongitude",
    "grid_ref": "gridref gridreference osgridref osgridreference osgr osref ngr nationalgridreference nationalgridref",
    "easting": "easting eastings oseasting bngeasting",
    "northing": "northing northings osnorthing bngnorthing",
    "uprn": "uprn",
    "usrn": "usrn",
    "channel": "channel",
    "installed_at": "installedat installed installdate installationdate installedon dateinstalled",
}

_FIELD_OF = {name: field for field, names in _SYNONYMS.items() for name in names.split()}
_PUNCTUATION = re.compile(r"[\W_]+")


class Column(NamedTuple):
    """A column that says something we know."""

    at: int
    """Index of its cells in a row."""
    heading: str
    """As it stands in the file."""


def field_of(heading: str) -> str | None:
    """Tell which field a heading names, whatever its capitals and punctuation; None where it is none of ours."""
    return _FIELD_OF.get(_PUNCTUATION.sub("", heading).casefold())


def find_columns(header: list[str]) -> tuple[dict[str, Column], list[str]]:
    """Give the column of each field, and the headings that name none.

    Raises
    ------
    Unusable
        When two columns hold the same, or none names a device or site.
    """
    columns: dict[str, Column] = {}
    ignored = []
    for at, heading in enumerate(header):
        field = field_of(heading)
        if field is None:
            ignored += [heading] if heading.strip() else []
            continue
        if field in columns:
            text = f"the columns {columns[field].heading!r} and {heading!r} are both read as {field}: delete or rename one"
            raise Unusable(f"The file cannot be read: {text}.", Slip("body", text))
        columns[field] = Column(at, heading.strip())
    if not columns.keys() & {"uid", "site", "site_name"}:
        found = ", ".join(repr(heading.strip()[:40]) for heading in header[:10] if heading.strip())
        text = f"no column is named DevEUI (for devices) or Site (for sites); the first row has {found or 'no headings'}"
        raise Unusable(f"The file cannot be read: {text}. Give each column a heading in the first row.", Slip("body", text))
    return columns, ignored
