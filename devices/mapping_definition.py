"""The `[mapping]` of a device profile's TOML: which path of an output is which metric, and where the time stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING, NamedTuple

from devices.definition_table import Table, read_definition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME = "time"
"""The one key of the table that is no path."""
_EXACT = Context(prec=60)
_TIME_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True, slots=True)
class Target:
    """What the value at a path is: of a metric, in a unit, as `scaled` gives it."""

    metric: str
    unit: str = ""
    """Empty: the unit that stands beside the value, else the metric's own."""
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    states: Mapping[str, float | str] = field(default_factory=dict)
    """Name or code of the metric's state by the codec's own word or number for it."""

    def scaled(self, value: float) -> float:
        """Give `value * scale + offset`, computed in decimals and rounded once: 257 * 0.1 is 25.7."""
        if self.scale == 1 and not self.offset:
            return value
        return float(_EXACT.fma(Decimal(repr(value)), self.scale, self.offset))


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
    """Read the `[mapping]` of a profile's TOML; its other tables belong to others.

    Returns
    -------
    tuple
        Target by path, empty where there is no such table, and where the time stands if anywhere.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    definitions = read_definition(definition)
    if "mapping" not in definitions:
        return {}, None
    table = definitions.table("mapping")
    time = _time(table) if TIME in table else None
    targets = {path: _target(table, path) for path in table if path != TIME}
    if not targets:
        raise table.error("", "has no path of a metric")
    return targets, time


def _target(table: Table, path: str) -> Target:
    entry = table.get(path)
    if not path or not isinstance(entry, str | dict) or not entry:
        raise table.error(path or '""', "must be a path = metric, or a path = {metric, unit, scale, offset, states}")
    if isinstance(entry, str):
        return Target(entry)
    if "metric" not in entry:
        raise table.error(path, 'has no metric; a path with dots stands in quotes, "a.b" = …')
    one = table.table(path)
    target = Target(
        one.text("metric"), one.text("unit", ""), _decimal(one, "scale", 1), _decimal(one, "offset", 0), _states(one)
    )
    one.close()
    if not target.metric:
        raise one.error("metric", "is empty")
    return target


def _decimal(table: Table, key: str, default: int) -> Decimal:
    number = table.exact(key, default)
    return Decimal(number.numerator) / number.denominator


def _states(target: Table) -> dict[str, float | str]:
    if "states" not in target:
        target.get("states", None)
        return {}
    states = target.table("states")
    return {word: state if isinstance(state := states.get(word), str) else float(states.exact(word, 0)) for word in states}


def _time(table: Table) -> TimePath:
    if isinstance(table.get(TIME), str):
        return TimePath(tuple(table.text(TIME).split(".")))
    time = table.table(TIME)
    path, unit = time.text("path"), time.text("unit", among=_TIME_UNITS) if "unit" in time else ""
    time.get("unit", None)
    time.close()
    return TimePath(tuple(path.split(".")), unit)
