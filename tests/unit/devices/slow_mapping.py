"""A slow and obvious mapping: every value of an output against every line of the TOML."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from devices.columns import NO_TIME_US
from devices.reasons import Reason

Keys = tuple[str | int, ...]


@dataclass
class Outcome:
    """Readings as (item, metric, unit, time, value or text) and refusals as (item, reason)."""

    readings: list[tuple[int, str, str, int, float | str]] = field(default_factory=list)
    refusals: list[tuple[int, Reason]] = field(default_factory=list)


def slow_apply(definition: str, time_us: int, output: object) -> Outcome:
    """Map one output; it must not nest deeper, nor hold more, than the real mapping looks at."""
    table: dict[str, Any] = tomllib.loads(definition).get("mapping", {})
    outcome = Outcome()
    item = 0
    values = list(_values(output, ()))
    for keys, value, unit, is_aside in values:
        entry = _entry(table, keys, unit) if table else _entry_by_name(output, keys, is_aside=is_aside)
        if entry is None or value is None or (not table and keys == _time_keys_by_name(output, keys, values)):
            continue
        item += 1
        time_keys = _time_keys(table, keys) if table else _time_keys_by_name(output, keys, values)
        own_time = (
            next((one for other, one, _, _ in values if _dotted(other) == _dotted(time_keys)), None) if time_keys else None
        )
        time: int | None = time_us if own_time is None else _time(own_time, _time_unit(table))
        number = _meaning(value, entry)
        if time is None:
            outcome.refusals.append((item, Reason.TIME_INVALID))
        elif isinstance(number, float) and not math.isfinite(number):
            outcome.refusals.append((item, Reason.VALUE_NOT_FINITE))
        else:
            outcome.readings.append((item, entry["metric"], entry.get("unit") or unit or "", time, number))
    if not item:
        outcome.refusals.append((1, Reason.VALUE_MISSING))
    return outcome


def _values(value: object, keys: Keys) -> list[tuple[Keys, object, str | None, bool]]:
    """List (keys, value, unit if it stands beside one, whether it stands beside such a pair)."""
    if isinstance(value, dict):
        unit = value.get("unit", 0)
        if (
            keys
            and "value" in value
            and (unit is None or isinstance(unit, str))
            and not isinstance(value["value"], dict | list)
        ):
            found: list[tuple[Keys, object, str | None, bool]] = [(keys, value["value"], unit or "", False)]
            for key in value:
                if key not in {"value", "unit"}:
                    found += [(at, one, u, True) for at, one, u, _ in _values(value[key], (*keys, key))]
            return found
        return [one for key in value for one in _values(value[key], (*keys, key))]
    if isinstance(value, list):
        return [one for index in range(len(value)) for one in _values(value[index], (*keys, index))]
    return [(keys, value, None, False)]


def _dotted(keys: Keys) -> str:
    return ".".join(map(str, keys))


def _entry(table: dict[str, Any], keys: Keys, unit: str | None) -> dict[str, Any] | None:
    """Find the line for a value: its exact path first, then with stars; a measure also by the path of what it holds."""
    for wanted in [_dotted(keys)] + ([_dotted((*keys, "value"))] if unit is not None else []):
        lines = {path: line for path, line in table.items() if path != "time"}
        matching = [path for path in lines if path == wanted and "*" not in path.split(".")]
        matching += [path for path in lines if "*" in path.split(".") and _fits(path.split("."), wanted.split("."))]
        if matching:
            line = lines[matching[0]]
            return {"metric": line} if isinstance(line, str) else line
    return None


def _fits(pattern: list[str], parts: list[str]) -> bool:
    if len(pattern) != len(parts):
        return False
    return all(
        want == have or (want == "*" and re.fullmatch("[0-9]+", have)) for want, have in zip(pattern, parts, strict=True)
    )


def _entry_by_name(output: object, keys: Keys, *, is_aside: bool) -> dict[str, Any] | None:
    name = "_".join(map(str, keys[1:] if isinstance(output, list) else keys))
    return {"metric": name} if name and not is_aside else None


def _time_keys(table: dict[str, Any], keys: Keys) -> Keys | None:
    if "time" not in table:
        return None
    path = table["time"] if isinstance(table["time"], str) else table["time"]["path"]
    indices = [key for key in keys if isinstance(key, int)]
    filled: list[str | int] = []
    for key in path.split("."):
        if key == "*":
            if not indices:
                return None
            filled.append(indices.pop(0))
        else:
            filled.append(key)
    return tuple(filled)


def _time_unit(table: dict[str, Any]) -> str:
    time = table.get("time", "")
    return "" if isinstance(time, str) else time.get("unit", "")


def _time_keys_by_name(output: object, keys: Keys, values: list[tuple[Keys, object, str | None, bool]]) -> Keys | None:
    start = keys[:1] if isinstance(output, list) else ()
    for name in ("time", "timestamp", "ts"):
        if any(_dotted(other) == _dotted((*start, name)) for other, _, _, _ in values):
            return (*start, name)
    return None


def _time(value: object, unit: str) -> int | None:
    """Read a time; None for what is none."""
    if unit:
        number = None if isinstance(value, bool) else _number(value)
        return None if number is None else _limited(number * {"s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3}[unit])
    if isinstance(value, str):
        return _time_of_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for limit, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0)):
        if abs(value) < limit:
            return round(value * factor)
    return round(value / 1000) if abs(value) < 9e20 else NO_TIME_US


def _time_of_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return None if text.isdigit() else since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


def _limited(micros: float) -> int:
    return round(micros) if abs(micros) < 9e17 else NO_TIME_US


def _number(value: object) -> float | None:
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*", value, re.ASCII):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # a TypeError is told apart below
    except OverflowError:
        return math.inf
    except TypeError:
        return None


def _meaning(value: object, entry: dict[str, Any]) -> float | str:
    states = entry.get("states", {})
    word = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{_number(value):.15g}"
    if word in states:
        return states[word] if isinstance(states[word], str) else float(states[word])
    number = _number(value)
    if number is None:
        return str(value)
    if not math.isfinite(number):
        return number
    exact = Fraction(repr(number)) * Fraction(str(entry.get("scale", 1))) + Fraction(str(entry.get("offset", 0)))
    try:
        return float(exact)
    except OverflowError:
        return math.inf
