"""Measures: takes decoded columns, gives values in the units of their metrics, or the codes of the states they name; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.columns import NO_TEXT
from devices.reasons import Reason
from devices.registry import NONE
from devices.states import labels_of, plain_label
from devices.units import conversion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devices.columns import Columns
    from devices.registry import Registry

_MOST_MARKED = 1_000_000


def measure(
    columns: Columns, metric: NDArray[np.int32], registry: Registry
) -> tuple[NDArray[np.float64], dict[Reason, NDArray[np.bool_]]]:
    """Give each value in its metric's own unit, or as the code of the state it names, and what is refused for which reason.

    Parameters
    ----------
    columns
        n readings as decoded.
    metric
        Position of each reading's metric in the registry, `NONE` where the vocabulary lacks it, shape (n,).
    registry
        Units and states of the metrics.

    Returns
    -------
    tuple
        Values, shape (n,), and a mask of the same shape for each reason; what is refused has no meaning as a value.
    """
    scale, offset, fits = _conversions(columns, metric, registry)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows here is refused in the next line
        value = columns.value * scale + offset
    refused = {Reason.UNIT_MISMATCH: ~fits, Reason.VALUE_NOT_FINITE: fits & ~np.isfinite(value)}
    if columns.text is None:
        return value, refused
    named = columns.text != NO_TEXT
    code = _state_codes(columns, columns.text, metric, registry)
    nameless = named & np.isnan(code)
    has_states = np.isin(metric, list({position for position, _ in registry.state_codes}))
    refused = {reason: mask & ~named for reason, mask in refused.items()}  # a text has no unit
    refused |= {Reason.STATE_UNKNOWN: nameless & has_states, Reason.VALUE_NOT_NUMERIC: nameless & ~has_states}
    return np.where(named, code, value), refused


def _state_codes(
    columns: Columns, text: NDArray[np.int32], metric: NDArray[np.int32], registry: Registry
) -> NDArray[np.float64]:
    """Code of the state that each text names, NaN where its metric has none of that name; once per pair of metric and text."""
    rows = np.flatnonzero((text != NO_TEXT) & (metric != NONE))
    pairs, which = np.unique(metric[rows].astype(np.int64) * len(columns.texts) + text[rows], return_inverse=True)
    found = [
        registry.state_codes.get((position, plain_label(columns.texts[number])), np.nan)
        for position, number in (divmod(pair, len(columns.texts)) for pair in pairs.tolist())
    ]
    code = np.full(len(columns), np.nan)
    code[rows] = np.array(found, np.float64)[which]
    return code


def is_text(columns: Columns, row: int) -> bool:
    """Tell whether a reading came as a text, which names a state."""
    return columns.text is not None and bool(columns.text[row] != NO_TEXT)


def sent(columns: Columns, row: int) -> float | str:
    """Give the number or the text that a reading came as."""
    number = NO_TEXT if columns.text is None else int(columns.text[row])
    return float(columns.value[row]) if number == NO_TEXT else columns.texts[number]


def sent_text(columns: Columns, row: int) -> str:
    """Write what a reading came as, for the one who is to mend it: metric, unit, and the text if it was one."""
    metric, unit, value = columns.metrics[columns.metric[row]], columns.units[columns.unit[row]], sent(columns, row)
    told = f"{metric[:60]!r}" + (f" in {unit[:20]!r}" if unit else "")
    return f"{told}: {value[:60]!r}" if isinstance(value, str) else told


def states_of(metric: int, registry: Registry) -> str:
    """Write which states a metric knows; nothing where it knows none."""
    labels = labels_of(metric, registry.state_codes)
    return f"; it may be {', '.join(labels)}" if labels else ""


def _conversions(
    columns: Columns, metric: NDArray[np.int32], registry: Registry
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Scale and offset into each reading's stored unit, and whether its unit fits; once per pair of unit and metric."""
    width = len(registry.metric_units) + 1  # one more: an unknown metric is position 0 here
    pair = columns.unit.astype(np.int64) * width + metric + 1
    pairs = _distinct(pair, len(columns.units) * width)
    found = []
    for code in pairs.tolist():
        unit, position = divmod(code, width)
        stored = (*registry.metric_units[position - 1], registry.metric_keys[position - 1]) if position else ("", "")
        found.append(conversion(columns.units[unit], *stored))
    which = np.searchsorted(pairs, pair)
    scale = np.array([1.0 if factor is None else factor[0] for factor in found])
    offset = np.array([0.0 if factor is None else factor[1] for factor in found])
    fits = np.array([factor is not None for factor in found], bool)
    return scale[which], offset[which], fits[which]


def _distinct(codes: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Give the distinct codes in order, by marking where there are few, for sorting them all takes longer."""
    if limit > _MOST_MARKED:
        return np.unique(codes)
    marked = np.zeros(limit, bool)
    marked[codes] = True
    return np.flatnonzero(marked)
