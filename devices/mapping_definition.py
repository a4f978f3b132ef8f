"""The `[mapping]` of a device profile's TOML: which path of a codec's output is which metric, and where the time stands."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME = "time"
"""The one key of the table that is no path."""
_TIME_UNITS = ("", "s", "ms", "us", "ns")


class MappingError(ValueError):
    """A mapping that cannot be used; the text names the place."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the value at a path is: `value * scale + offset` of a metric, in a unit."""

    metric: str
    unit: str = ""
    """Empty: the unit that stands beside the value, else the metric's own."""
    scale: float = 1.0
    offset: float = 0.0
    states: Mapping[str, float | str] = field(default_factory=dict)
    """Name or code of the metric's state by the codec's own word or number for it."""


class TimePath(NamedTuple):
    """Where the time of readings stands."""

    keys: tuple[str, ...]
    unit: str = ""
    """s, ms, us or ns since 1970; empty: ISO 8601, or a number whose unit shows in its size."""

    def beside(self, indices: Sequence[str]) -> str | None:
        """Give the path for a value at these positions of lists, in turn in the place of each `*`; None if they are too few."""
        left = iter(indices)
        keys = [next(left, None) if key == "*" else key for key in self.keys]
        return None if None in keys else ".".join(map(str, keys))


def parse_definition(definition: str) -> tuple[dict[str, Target], TimePath | None]:
    """Read the `[mapping]` of a profile's TOML; other tables are other people's.

    Returns
    -------
    tuple
        Target by path, empty where there is no such table, and where the time stands if anywhere.

    Raises
    ------
    MappingError
        Naming the place that is wrong.
    """
    try:
        table = tomllib.loads(definition).get("mapping", {})
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"the definition is not TOML: {error}") from error
    if not isinstance(table, dict):
        raise MappingError("mapping: must be a table, [mapping]")
    time = _time(table[TIME]) if TIME in table else None
    targets = {path: _target(f'mapping."{path}"', entry) for path, entry in table.items() if path != TIME}
    if "" in targets:
        raise MappingError('mapping."": is no path')
    if time and not targets:
        raise MappingError("mapping: has a time but no path of a metric")
    return targets, time


def _target(place: str, entry: object) -> Target:
    if isinstance(entry, str):
        entry = {"metric": entry}
    if not isinstance(entry, dict):
        raise MappingError(f"{place}: must be a metric's name or a table with metric, unit, scale, offset and states")
    if "metric" not in entry:
        raise MappingError(f'{place}: has no metric; a path with dots stands in quotes, "a.b" = …')
    _refuse_others(place, entry, ("metric", "unit", "scale", "offset", "states"))
    metric = _text(place, entry, "metric")
    if not metric:
        raise MappingError(f"{place}.metric: is empty")
    return Target(
        metric,
        _text(place, entry, "unit"),
        _number(f"{place}.scale", entry.get("scale", 1.0)),
        _number(f"{place}.offset", entry.get("offset", 0.0)),
        _states(f"{place}.states", entry.get("states", {})),
    )


def _time(entry: object) -> TimePath:
    place = f"mapping.{TIME}"
    if isinstance(entry, str):
        entry = {"path": entry}
    if not isinstance(entry, dict):
        raise MappingError(f"{place}: must be a path or a table with path and unit")
    _refuse_others(place, entry, ("path", "unit"))
    path, unit = _text(place, entry, "path"), _text(place, entry, "unit")
    if not path:
        raise MappingError(f"{place}.path: is missing")
    if unit not in _TIME_UNITS:
        raise MappingError(f"{place}.unit: must be s, ms, us or ns, not {unit!r}")
    return TimePath(tuple(path.split(".")), unit)


def _refuse_others(place: str, entry: Mapping[str, object], known: Sequence[str]) -> None:
    for key in entry:
        if key not in known:
            raise MappingError(f"{place}.{key}: is not known here; known are {', '.join(known)}")


def _text(place: str, entry: Mapping[str, object], key: str) -> str:
    text = entry.get(key, "")
    if not isinstance(text, str):
        raise MappingError(f"{place}.{key}: must be text, not {text!r}")
    return text


def _number(place: str, number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise MappingError(f"{place}: must be a finite number, not {number!r}")
    return float(number)


def _states(place: str, states: object) -> dict[str, float | str]:
    if not isinstance(states, dict):
        raise MappingError(f"{place}: must be a table such as {{open = 1, closed = 0}}")
    return {word: state if isinstance(state, str) else _number(f"{place}.{word}", state) for word, state in states.items()}
