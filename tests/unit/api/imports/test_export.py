"""What an export writes, an import finds unchanged, whatever people call their devices; and no cell is a formula."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from api.imports.cells import guarded, unguarded
from api.imports.columns import find_columns
from api.imports.export import to_csv
from api.imports.plan import Plan
from api.imports.planned import PlannedDevice, PlannedSite, Registry
from api.imports.rows import read_row
from api.imports.tables import read_table
from devices.positions import Position

_COLUMNS = "uid name profile serial note site site_name domain latitude longitude uprn usrn channel installed_at".split()  # noqa: SIM905
_START = datetime(1970, 1, 1, tzinfo=UTC)
_LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30).map(str.strip)
_DANGEROUS = st.sampled_from(["=1+1", "+44", "-5", "@x", "'=1", "''-x", " =1", "' +1", "-1.5e3", "'", "'quoted'", "\uff1d1"])
_TEXT = (_LINE | st.builds("{}{}".format, _DANGEROUS, _LINE)).map(str.strip)
_NAME = _TEXT.filter(bool)


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Draw devices at a site, one of them in the store."""
    position = draw(st.none() | st.builds(Position, st.floats(50, 58), st.floats(-5, 1)))
    uprn = draw(st.none() | st.integers(1, 999_999_999_999))
    site = PlannedSite("a-site", draw(_NAME), draw(st.sampled_from([None, "traffic", "parks"])), position, uprn)
    devices = {}
    for number in range(draw(st.integers(1, 4))):
        device = PlannedDevice(f"d{number}", draw(_NAME), "generic", draw(_TEXT), draw(_TEXT))
        if number != 1:
            device.site, device.channel = site.code, draw(st.sampled_from(["", "b", "-1"]))
            device.installed_at = draw(
                st.none() | st.integers(0, 2_000_000_000_000_000).map(lambda us: _START + timedelta(microseconds=us))
            )
        devices[device.uid] = device
    return Registry(devices, {site.code: site}, {"generic": ("Any", "")}, {"traffic", "parks"})


def exported(registry: Registry) -> str:
    """Write a registry as the export does."""
    rows: list[list[object]] = []
    for device in registry.devices.values():
        row: list[object] = [device.uid, device.name, device.profile, device.serial, device.note]
        if device.site:
            site = registry.sites[device.site]
            row += [site.code, site.name, site.domain, *(site.position or (None, None)), site.uprn, site.usrn]
            row += [device.channel, device.installed_at]
        rows.append(row)
    return to_csv(_COLUMNS, rows)


@settings(max_examples=100, deadline=None)
@given(registries())
def test_export_imported_again_is_unchanged_in_every_row(registry: Registry) -> None:
    """Export → import gives all unchanged, for every name a device or site can have."""
    table = read_table(exported(registry).encode())
    columns, ignored = find_columns(table.header)
    plan = Plan(registry)
    results = [plan.add(number, *read_row(cells, columns, len(table.header))) for number, cells in table.rows]

    assert ignored == []
    assert [(result.status, result.reason, result.changes) for result in results] == [("unchanged", "", ())] * len(results)
    assert len(results) == len(registry.devices)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20) | st.builds("{}{}".format, _DANGEROUS, st.text(max_size=5)))
def test_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    """Even after spaces no cell but a plain number begins like a formula; taking the guard off restores what was there."""
    cell = guarded(text)

    assert unguarded(cell) == text
    assert not re.match(r"\s*[=+\-@\t\r]", cell) or re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell)


def test_numbers_stay_numbers() -> None:
    """A longitude west of Greenwich has no apostrophe before it."""
    [_, row] = csv.reader(io.StringIO(to_csv(["a", "b", "c"], [[-2.4366, "-5", "-5 °C"]])))

    assert row == ["-2.4366", "-5", "'-5 °C"]
