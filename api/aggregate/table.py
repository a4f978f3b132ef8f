"""An answer as columns: one row a point (long), or one row a time with columns for each series (wide)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from api.aggregate.grid import Grid
    from api.readings import Label

Kind = Literal["time", "text", "float", "whole", "bool"]

STATUSES = ("provisional", "verified", "ratified")
"""How far what a point covers is checked, the lowest first."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; all of an answer are of the same length.

    Values are µs since 1970 (time), positions in `texts` (text), numbers, NaN where there is none (float, whole), or bools.
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Statistics and what stands beside each point, as (buckets, series) arrays by name; those of one zone."""

    grid: Grid
    beside: Mapping[str, NDArray[np.float64]]
    """n, n_expected, data_capture and flags."""
    status: NDArray[np.int8] | None = None
    """Position in `STATUSES` of what stands beside each point; None: it was not asked for."""


def with_captures(grid: Grid, expected: NDArray[np.float64]) -> Part:
    """Put beside each point how many readings count, how many were expected, their share, and the flags seen."""
    n = grid.n.astype(np.float64)
    with np.errstate(invalid="ignore"):
        capture = np.minimum(1.0, n / expected)
    return Part(grid, {"n": n, "n_expected": expected, "data_capture": capture, "flags": grid.flags.astype(np.float64)})


def long_table(
    parts: Sequence[Part], labels: Mapping[int, Label], statistics: Sequence[str], *, with_filled: bool
) -> list[Column]:
    """Give one row a point, by time and then by series.

    Parameters
    ----------
    parts
        One or more, of different series.
    statistics
        Names of the columns of statistics; a part that lacks one has nulls there.
    with_filled
        Whether a column tells which points are made up.
    """
    ids = sorted(labels)
    times = np.concatenate([np.repeat(part.grid.buckets.labels, part.grid.is_there.sum(axis=1)) for part in parts])
    series = np.concatenate([part.grid.series[np.nonzero(part.grid.is_there)[1]] for part in parts])
    order = np.lexsort((series, times)) if len(parts) > 1 else slice(None)

    def numbers(name: str, kind: Kind) -> Column:
        return Column(name, kind, np.concatenate([_points(part, name) for part in parts])[order])

    place = np.searchsorted(np.array(ids, np.int32), series)[order]
    columns = [Column("time", "time", times[order])]
    columns += [
        Column(name, "text", place, [getattr(labels[series_id], name) for series_id in ids])
        for name in ("site", "metric", "unit")
    ]
    columns += [numbers(name, kind_of(name)) for name in statistics]
    columns += [numbers(name, kind_of(name)) for name in parts[0].beside]
    if any(label.channel for label in labels.values()):
        columns.append(Column("channel", "text", place, [labels[series_id].channel for series_id in ids]))
    if (told := _told_statuses(parts)) is not None:
        columns.append(Column("status", "text", told[order], STATUSES))
    if with_filled:
        filled = np.concatenate([part.grid.is_filled[part.grid.is_there] for part in parts])
        columns.append(Column("filled", "bool", filled[order]))
    return columns


def wide_table(
    parts: Sequence[Part], labels: Mapping[int, Label], statistics: Sequence[str], *, with_filled: bool
) -> list[Column]:
    """Give one row a time, with columns `site/metric/statistic` of each series (`site/metric/channel/…` where it has one)."""
    times = np.unique(np.concatenate([part.grid.buckets.labels[part.grid.is_there.any(axis=1)] for part in parts]))
    columns = [Column("time", "time", times)]
    for part in parts:
        rows = np.flatnonzero(np.isin(part.grid.buckets.labels, times))
        at = np.searchsorted(times, part.grid.buckets.labels[rows])
        for number, series_id in enumerate(part.grid.series.tolist()):
            head = head_of(labels[series_id])
            kept = part.grid.is_there[rows, number]
            for name in (*statistics, *part.beside):
                if name in part.beside or name in part.grid.statistics:
                    values = np.full(len(times), np.nan)
                    values[at[kept]] = _values(part, name)[rows, number][kept]
                    columns.append(Column(f"{head}/{name}", kind_of(name), values))
            if part.status is not None:
                status = np.full(len(times), len(STATUSES))
                status[at[kept]] = part.status[rows, number][kept]
                columns.append(Column(f"{head}/status", "text", status, (*STATUSES, "")))
            if with_filled:
                filled = np.zeros(len(times), np.bool_)
                filled[at[kept]] = part.grid.is_filled[rows, number][kept]
                columns.append(Column(f"{head}/filled", "bool", filled))
    return columns


def head_of(label: Label) -> str:
    """Give what the columns of a series begin with in a wide answer."""
    return "/".join(filter(None, (label.site, label.metric, label.channel)))


def kind_of(name: str) -> Kind:
    """Tell whether a column holds whole numbers."""
    return "whole" if name in ("count", "n", "n_expected", "flags") else "float"


def _told_statuses(parts: Sequence[Part]) -> NDArray[np.int8] | None:
    told = [part.status[part.grid.is_there] for part in parts if part.status is not None]
    return np.concatenate(told) if told else None


def _values(part: Part, name: str) -> NDArray[np.float64]:
    values = part.beside.get(name)
    return part.grid.statistics[name] if values is None else values


def _points(part: Part, name: str) -> NDArray[np.float64]:
    if name not in part.beside and name not in part.grid.statistics:
        return np.full(int(part.grid.is_there.sum()), np.nan)
    values: NDArray[np.float64] = _values(part, name)[part.grid.is_there]
    return values
