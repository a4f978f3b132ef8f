"""Fields of a layout definition: `[[field]]` tables made into numbers, scaling, states and conditions."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, cast

from devices.layout import Clock, Condition, Field, Number, Scaling, States, states_of
from devices.units import conversion
from devices.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.definition_table import Table
    from devices.model import Metric

LARGEST_FRAME = 4_096
"""Bytes a layout may speak of."""

TYPES = ("u8", "u16", "u24", "u32", "i8", "i16", "i24", "i32", "f32", "f64")
_EXACT = 2**53
"""Whole numbers below this are exact as floating-point numbers."""
_BITS = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_MOST_TERMS = 64


def field_of(table: Table, *, little: bool, is_channel: bool = False) -> Field:
    """Make a field; in a channel it stands at the start unless it says otherwise.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    terms, weights = _terms(table, little=little, is_channel=is_channel)
    limit = sum(max(map(abs, term.limits)) for term in terms)
    made = Field(
        metric=metric_in(table),
        unit=table.text("unit", ""),
        terms=terms,
        weights=weights,
        scaling=_scaling(table, limit, may_be_exact=not weights),
        missing=_missing(table, is_float=terms[0].kind == "f"),
        when=_condition(table.table("when"), little=little) if "when" in table else None,
        states=states_in(table) if "states" in table else None,
    )
    if not is_channel:
        table.close()
    if made.states and (made.weights or terms[0].kind == "f" or "scale" in table or "offset" in table):
        raise table.error("states", "goes with whole numbers, without scale or offset")
    check_unit(table, made.metric, made.unit)
    return made


def metric_in(table: Table) -> str:
    """Give the metric a table names; whether there is one is seen when it is resolved, for a council may add its own.

    Raises
    ------
    DefinitionError
        When it names none.
    """
    metric = table.text("metric")
    if not metric or len(metric) > 80:
        raise table.error("metric", "must be the key or an alias of a metric")
    return metric


def check_unit(table: Table, name: str, unit: str) -> None:
    """Refuse a unit that can never become the metric's.

    Raises
    ------
    DefinitionError
        Naming the place.
    """
    for metric in load_vocabulary():
        if name.lower() in (metric.key, *metric.aliases) and not _becomes(unit, metric):
            raise table.error("unit", f"{unit!r} cannot become {metric.unit}, the unit of {metric.key}")


def _becomes(unit: str, metric: Metric) -> bool:
    return conversion(unit, metric.unit, metric.unit_senml, metric.key) is not None


def _terms(table: Table, *, little: bool, is_channel: bool) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
    """Read where a field stands: one number, a sum of several, or a mean of pairs of value and weight."""
    if "sum" in table:
        return _numbers(table, "sum", little=little), ()
    if "mean" not in table:
        return (number_of(table, little=little, at=0 if is_channel else None),), ()
    terms = _numbers(table, "mean", little=little)
    weights = tuple(number_of(one.table("weight"), little=little, alone=True) for one in table.tables("mean"))
    if sum(term.limits[1] * weight.limits[1] for term, weight in zip(terms, weights, strict=True)) >= _EXACT:
        raise table.error("mean", "its numbers are too large together")
    return terms, weights


def _numbers(table: Table, key: str, *, little: bool) -> tuple[Number, ...]:
    if any(other in table for other in ("at", "type", "bits", "missing", "states")) or ("sum" in table and "mean" in table):
        raise table.error(key, "stands without at, type, bits, missing, states and the like: its entries have their own")
    found = []
    for one in table.tables(key):
        found.append(number_of(one, little=little))
        if key == "mean":
            one.get("weight")
        one.close()
    if not 0 < len(found) <= _MOST_TERMS or any(number.kind == "f" for number in found):
        raise table.error(key, f'must be a list of 1 to {_MOST_TERMS} whole numbers, [{{at = 0, type = "u8"}}, …]')
    return tuple(found)


def number_of(table: Table, *, little: bool, at: int | None = None, alone: bool = False) -> Number:
    """Make a number of `at`, `type`, `endian` and `bits`; `at` is what counts where the table has none.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    where = table.whole("at", most=LARGEST_FRAME) if at is None else table.whole("at", at, most=LARGEST_FRAME)
    name = table.text("type", among=TYPES)
    endian = table.text("endian", "little" if little else "big", ("big", "little"))
    kind, width = cast('Literal["u", "i", "f"]', name[0]), int(name[1:]) // 8
    low, bits = _bits(table, 8 * width, kind)
    if alone:
        table.close()
    return Number(where, kind, width, endian == "little", low, bits)


def _bits(table: Table, width: int, kind: str) -> tuple[int, int]:
    """Read a bit field: `3`, or `"7-4"` from the highest bit to the lowest."""
    bits = table.get("bits", None)
    if bits is None:
        return 0, 0
    text = str(bits) if isinstance(bits, int) and not isinstance(bits, bool) else bits
    match = _BITS.fullmatch(text) if isinstance(text, str) and len(text) < 10 else None
    high, low = (int(match[1]), int(match[2] or match[1])) if match else (0, 1)
    if not low <= high < width or kind == "f":
        raise table.error("bits", f'must be one bit, 3, or bits from high to low, "7-4", within the {width} of its type')
    return low, high - low + 1


def _scaling(table: Table, limit: float, *, may_be_exact: bool = True) -> Scaling:
    scale, offset = table.exact("scale", 1), table.exact("offset", 0)
    if not scale:
        raise table.error("scale", "must not be 0")
    return scaling_of(scale, offset, limit if may_be_exact else math.inf)


def scaling_of(scale: Fraction, offset: Fraction, limit: float) -> Scaling:
    """Make `raw * scale + offset` for raw numbers up to `limit`.

    Where whole numbers below 2^53 can tell it, the one division at the end is the only one to round.
    """
    over = math.lcm(scale.denominator, offset.denominator)
    times, plus = scale * over, offset * over
    reach = Fraction(limit) if math.isfinite(limit) else Fraction(1)
    if abs(times) * reach + abs(plus) < _EXACT and over < _EXACT:
        return Scaling(float(times), float(plus), float(over))
    return Scaling(float(scale), float(offset), 1.0)


def _missing(table: Table, *, is_float: bool) -> tuple[float, ...]:
    """Read the raw numbers that stand for no reading."""
    if not is_float:
        return table.wholes("missing", least=-(2**31), most=2**32 - 1)
    numbers = table.get("missing", [])
    found = numbers if isinstance(numbers, list) else [numbers]
    if any(isinstance(one, bool) or not isinstance(one, int | Decimal) for one in found):
        raise table.error("missing", "must be a number, nan, or a list of them")
    return tuple(float(one) for one in found)


def states_in(table: Table) -> States:
    """Make the states of `states`, a table from raw number to state or code.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    entries = table.table("states")
    found: dict[int, float | str] = {}
    for key in entries:
        state = entries.get(key)
        try:
            raw = int(key, 0)
        except ValueError:
            raise entries.error(key, "must be a raw number such as 0 or 0x10") from None
        if isinstance(state, str) and state:
            found[raw] = state
        else:
            found[raw] = float(entries.exact(key, 0))
    if not found or not all(abs(raw) < 2**33 for raw in found):
        raise table.error("states", 'must be a table such as {0 = "closed", 1 = "open"}')
    return states_of(found)


def _condition(table: Table, *, little: bool) -> Condition:
    number = number_of(table, little=little)
    wanted = "is" in table
    values = table.wholes("is" if wanted else "not", least=-(2**31), most=2**32 - 1)
    table.close()
    if not values or number.kind == "f":
        raise table.error("is", "must be a whole number or a list of them; or write not")
    return Condition(number, values, wanted)


def clock_of(table: Table, *, little: bool) -> Clock | None:
    """Make the clock of a part: `time` in seconds since 1970, or `age` in seconds before the frame's time.

    Raises
    ------
    DefinitionError
        Naming the place that is wrong.
    """
    named: Sequence[str] = [key for key in ("time", "age") if key in table]
    if len(named) > 1:
        raise table.error("age", "stands beside time: write one or the other")
    if not named:
        return None
    clock = table.table(named[0])
    number = number_of(clock, little=little)
    scaling = _scaling(clock, max(map(abs, number.limits)))
    clock.close()
    return Clock(number, scaling, is_age=named[0] == "age")
