"""Mapping: how an object that a codec or a network server made becomes readings, by the table of its device profile.

Without a table the names in the object are the names of metrics, as in flat JSON. See "Mapping" in docs/formats.md.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias

from devices import flat
from devices.columns import LAST_S, NO_TIME_US, Reject, Rows
from devices.leaves import Leaf, leaves
from devices.mapping_definition import Target, TimePath, parse_definition
from devices.reasons import EXPLANATIONS, Reason
from devices.senml import TIME_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_VALUES = 1_000
"""Values of one output; a real one has about ten."""

_MOST_PATHS = 10_000
_LONGEST_NUMBER = 60
_NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}


def parse_mapping(definition: str) -> Mapping:
    """Make the mapping of a device profile from its TOML.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    return Mapping(*parse_definition(definition))


class Mapping:
    """Turns outputs into readings. Not thread-safe.

    Parameters
    ----------
    targets
        Target by path; without any, the names in an output are the names of metrics.
    time
        Where the time stands.
    """

    def __init__(self, targets: dict[str, Target], time: TimePath | None = None) -> None:
        self._targets = _Targets(targets) if targets else None
        self._time = time

    def apply(self, rows: Rows, message: int, uid: str, time_us: int, output: object) -> None:
        """Add the readings of one output to `rows`, and rejects for what cannot be one; at least one of either.

        Parameters
        ----------
        rows
            Where to.
        message
            Index of the message within its group.
        uid
            The device.
        time_us
            Time of readings that bring none [µs since 1970].
        output
            What a JSON parser gives. Numbers in quotes are numbers, booleans 1 and 0, other texts states; null is no value.
        """
        found = leaves(output, MOST_VALUES)
        if len(found) > MOST_VALUES:
            rows.rejects.append(Reject(message, Reason.PAYLOAD_TOO_LARGE, f"more than {MOST_VALUES:,} values", item=1))
            return
        if self._targets is None:
            sought = _named(found, is_list=isinstance(output, list))
        else:
            sought = _mapped(found, self._targets, self._time)
        item = 0
        for item, (leaf, target, time) in enumerate(sought, start=1):
            try:
                micros, value = time_us if time is None else _micros(*time), _value(leaf.value, target)
            except _RefusedError as refusal:
                rows.rejects.append(Reject(message, refusal.reason, f"{leaf.path[:60]}: {refusal}", item))
            else:
                rows.add(message, item, uid, target.metric, target.unit or leaf.unit, micros, value)
        if not item:
            rows.rejects.append(Reject(message, Reason.VALUE_MISSING, _nothing(found, self._targets), item=1))


class _Targets(dict[str, Target | None]):
    """Target of each path, every `*` matched once a path; forgets what it matched when that grows large."""

    def __init__(self, targets: dict[str, Target]) -> None:
        super().__init__()
        self._exact = {path: target for path, target in targets.items() if "*" not in path.split(".")}
        self._patterns = [(_pattern(path), target) for path, target in targets.items() if path not in self._exact]

    def __missing__(self, path: str) -> Target | None:
        if len(self) >= _MOST_PATHS:
            self.clear()
        matches = (target for pattern, target in self._patterns if pattern.fullmatch(path))
        target = self[path] = self._exact.get(path) or next(matches, None)
        return target


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(r"\.".join(r"\d+" if key == "*" else re.escape(key) for key in path.split(".")), re.ASCII)


_Sought: TypeAlias = "tuple[Leaf, Target, tuple[object, str] | None]"
"""A value that is to be a reading, as what, and its own time with the unit of that."""


class _RefusedError(ValueError):
    """A value or time that cannot be understood."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _mapped(found: Sequence[Leaf], targets: _Targets, clock: TimePath | None) -> Iterator[_Sought]:
    """Pick the values that a mapping names."""
    values = {leaf.path: leaf.value for leaf in found} if clock else {}
    for leaf in found:
        target = targets[leaf.path] or (targets[f"{leaf.path}.value"] if leaf.is_measure else None)
        if target is None or leaf.value is None:
            continue
        time = values.get(clock.beside(leaf.indices) or "") if clock else None
        yield leaf, target, None if time is None or clock is None else (time, clock.unit)


def _named(found: Sequence[Leaf], *, is_list: bool) -> Iterator[_Sought]:
    """Take values by their names, each with the time that stands beside it, as in flat JSON; an output may be a list."""
    values = {leaf.path: leaf.value for leaf in found}
    for leaf in found:
        beside = f"{leaf.indices[0]}." if is_list else ""
        clock = next((beside + key for key in TIME_KEYS if beside + key in values), "")
        if leaf.name and not leaf.is_aside and leaf.value is not None and leaf.path != clock:
            time = values[clock] if clock else None
            yield leaf, Target(leaf.name), None if time is None else (time, "")


def _nothing(found: Sequence[Leaf], targets: _Targets | None) -> str:
    if targets is None or not found:
        return EXPLANATIONS[Reason.PACK_EMPTY]
    return f"no path of the mapping has a value; there are {', '.join(leaf.path for leaf in found[:8])[:200]}"


def _micros(time: object, unit: str) -> int:
    if not unit:
        try:
            return flat.time_us(time)
        except flat.TimeError as error:
            raise _RefusedError(Reason.TIME_INVALID, str(error)) from error
    number = None if isinstance(time, bool) else _number(time)
    if number is None:
        raise _RefusedError(Reason.TIME_INVALID, f"{str(time)[:60]!r} is no number of {unit}")
    micros = number * _US[unit]
    return round(micros) if abs(micros) < LAST_S * 1e6 else NO_TIME_US


def _value(value: object, target: Target) -> float | str:
    if target.states and (state := target.states.get(_word(value))) is not None:
        return state
    number = value if type(value) is float else _number(value)
    if number is None:
        if isinstance(value, str):
            return value
        raise _RefusedError(Reason.NOT_READINGS, "a list or object where a value is needed")
    scaled = target.scaled(number) if math.isfinite(number) else number
    if not math.isfinite(scaled):
        raise _RefusedError(Reason.VALUE_NOT_FINITE, "beyond all floating-point numbers")
    return scaled


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if len(value) <= _LONGEST_NUMBER and _NUMERIC.fullmatch(value) else None
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _word(value: object) -> str:
    """Write a value as the keys of `states` do: true, false, 3, Frost."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{_number(value):.15g}" if isinstance(value, int | float) else str(value)
