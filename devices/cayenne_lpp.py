"""Cayenne LPP: channel, type and value, big-endian, one after the other; a profile says which channel is which metric.

Types and scales: Cayenne Low Power Payload (myDevices), where a type is an IPSO object less 3200; those from 100 on that it
lacks are of the wider table that ElectronicCats' library brought.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.definition_table import DefinitionError, Table, read_definition
from devices.layout import Field, Layout, Number, Part, Scaling, Variant, channels_of
from devices.layout_columns import columns_of
from devices.layout_fields import check_unit, metric_in, scaling_of, states_in
from devices.layout_walk import Placed, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from devices.columns import Columns
    from devices.frames import Frames
    from devices.layout_walk import Walk

_GRAVITY = "0.00980665"
"""A thousandth of standard gravity [m/s²]."""


class Value(NamedTuple):
    """What a type brings: one of its values."""

    name: str
    number: Number
    scale: str = "1"
    unit: str = ""
    metric: str = ""
    """Of the first channel with it, unless the definition says otherwise; empty: only a definition can say."""


def _big(kind: str, at: int = 0) -> Number:
    return Number(at, "i" if kind[0] == "i" else "u", int(kind[1:]) // 8)


def _axes(name: str, scale: str, unit: str = "", metric: str = "") -> tuple[Value, ...]:
    return tuple(
        Value(f"{name}_{axis}", _big("i16", at), scale, unit, f"{metric}_{axis}" if metric else "")
        for axis, at in (("x", 0), ("y", 2), ("z", 4))
    )


TYPES: dict[int, tuple[Value, ...]] = {
    0: (Value("digital_input", _big("u8")),),
    1: (Value("digital_output", _big("u8")),),
    2: (Value("analog_input", _big("i16"), "0.01"),),
    3: (Value("analog_output", _big("i16"), "0.01"),),
    100: (Value("generic", _big("u32")),),
    101: (Value("illuminance", _big("u16"), "1", "lx", "illuminance"),),
    102: (Value("presence", _big("u8")),),
    103: (Value("temperature", _big("i16"), "0.1", "Cel", "air_temperature"),),
    104: (Value("humidity", _big("u8"), "0.5", "%RH", "relative_humidity"),),
    113: _axes("accelerometer", _GRAVITY, "m/s2", "acceleration"),
    115: (Value("barometer", _big("u16"), "0.1", "hPa", "air_pressure"),),
    116: (Value("voltage", _big("u16"), "0.01", "V"),),
    117: (Value("current", _big("u16"), "0.001"),),
    118: (Value("frequency", _big("u32")),),
    120: (Value("percentage", _big("u8")),),
    121: (Value("altitude", _big("i16"), "1", "m", "altitude"),),
    128: (Value("power", _big("u16"), "1", "W"),),
    130: (Value("distance", _big("u32"), "0.001", "m", "distance_to_surface"),),
    131: (Value("energy", _big("u32"), "0.001", "kWh"),),
    132: (Value("direction", _big("u16"), "1", "deg"),),
    133: (Value("unix_time", _big("u32")),),
    134: _axes("gyrometer", "0.01"),
    136: (
        Value("gps_latitude", _big("i24", 0), "0.0001", "lat", "latitude"),
        Value("gps_longitude", _big("i24", 3), "0.0001", "lon", "longitude"),
        Value("gps_altitude", _big("i24", 6), "0.01", "m", "altitude"),
    ),
    142: (Value("switch", _big("u8")),),
}
"""Values by type."""

_VALUES = {value.name: value for values in TYPES.values() for value in values}
_PASSED_OVER = frozenset({"unix_time"})
"""Names that are no metric unless a definition makes them one."""


def _part(values: tuple[Value, ...]) -> Part:
    """Make the part of a type; its fields have the names of its values in the place of metrics."""
    return Part(tuple(Field(value.name, "", (value.number,)) for value in values), max(value.number.end for value in values))


def _headers(code: int) -> list[int]:
    """Give the headers of a type on every channel: channel first, type behind, read as a little-endian number."""
    return [channel | code << 8 for channel in range(256)]


_LAYOUT = Layout((Variant(channels=channels_of([(_headers(code), _part(values)) for code, values in TYPES.items()], 2)),))


class CayenneLpp:
    """Decodes frames; the definition says which channel is which metric.

    Without a word about a name, its first channel in a frame has the usual metric (temperature: air_temperature). A further
    one, or one of a name without a usual metric, is called by name and channel (`temperature_2`, `analog_input_3`): as long
    as no metric has that name it goes to quarantine. A name with a table has no usual metric any more: a sensor that leaves
    out a channel once must not shift the others.

    Parameters
    ----------
    definition
        TOML, a table by name with a metric by channel: see docs/formats.md.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """

    def __init__(self, definition: str = "") -> None:
        document = read_definition(definition)
        self._fields: dict[tuple[str, int, bool], Field | None] = {}
        self._told: set[str] = set()
        for name in document:
            if name not in _VALUES:
                raise DefinitionError(f"{name}: is no name of a value; there are {', '.join(sorted(_VALUES))}")
            self._told.add(name)
            table = document.table(name)
            for channel in table:
                field = _mapped(table, channel, _VALUES[name])
                for is_first in (True, False):
                    self._fields[name, int(channel), is_first] = field

    def __call__(self, frames: Frames) -> Columns:
        """Decode frames of one device profile; nothing is raised for bad data."""
        walked = walk(_LAYOUT, frames)
        walked.placed = list(self._named(walked))
        return columns_of(walked)

    def _named(self, walked: Walk) -> Iterator[Placed]:
        """Give every value found its metric: by its name, its channel, and whether it is the first of its name in the frame."""
        seen: dict[str, NDArray[np.bool_]] = {}
        for placed in walked.placed:
            channels = walked.words[placed.at - 2] & np.uint64(0xFF)
            for item, named in enumerate(placed.part.fields):
                before = seen.setdefault(named.metric, np.zeros(len(walked.items), bool))
                kinds = channels.astype(np.int64) * 2 + ~before[placed.frame]
                before[placed.frame] = True
                for kind in np.flatnonzero(np.bincount(kinds)).tolist():
                    field = self._field(_VALUES[named.metric], kind // 2, is_first=bool(kind % 2))
                    if field is not None:
                        rows = np.flatnonzero(kinds == kind)
                        yield Placed(
                            Part((field,), placed.part.size), placed.frame[rows], placed.at[rows], placed.item[rows] + item
                        )

    def _field(self, value: Value, channel: int, *, is_first: bool) -> Field | None:
        key = value.name, channel, is_first
        if key not in self._fields:
            self._fields[key] = None if value.name in _PASSED_OVER else _unmapped(value, channel, is_usual=self._is_usual(key))
        return self._fields[key]

    def _is_usual(self, key: tuple[str, int, bool]) -> bool:
        name, _, is_first = key
        return is_first and name not in self._told


def _unmapped(value: Value, channel: int, *, is_usual: bool) -> Field:
    scaling = _scaling(value, Fraction(1), Fraction(0))
    if is_usual and value.metric:
        return Field(value.metric, value.unit, (value.number,), scaling=scaling)
    return Field(f"{value.name}_{channel}", "", (value.number,), scaling=scaling)


def _scaling(value: Value, scale: Fraction, offset: Fraction) -> Scaling:
    return scaling_of(Fraction(value.scale) * scale, offset, max(map(abs, value.number.limits)))


def _mapped(table: Table, channel: str, value: Value) -> Field | None:
    """Read what a channel is: a metric, a table with more of it, or false where nobody wants it."""
    if not channel.isdecimal() or int(channel) > 255:
        raise table.error(channel, "must be a channel, 0 to 255")
    told = table.get(channel)
    if told is False:
        return None
    if isinstance(told, str):
        told = {"metric": told}
    if not isinstance(told, dict):
        raise table.error(channel, "must be a metric, a table with metric, unit, scale, offset and states, or false")
    return _mapped_field(Table(f"{table.place}.{channel}", told), value)


def _mapped_field(entry: Table, value: Value) -> Field:
    metric, unit = metric_in(entry), entry.text("unit", value.unit)
    scale, offset = entry.exact("scale", 1), entry.exact("offset", 0)
    states = states_in(entry) if "states" in entry else None
    entry.close()
    if not scale:
        raise entry.error("scale", "must not be 0")
    check_unit(entry, metric, unit)
    return Field(metric, unit, (value.number,), scaling=_scaling(value, scale, offset), states=states)
