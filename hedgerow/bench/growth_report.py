"""The table of `hedgerow bench growth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.bench.growth import ROUNDS
from hedgerow.bench.report import Report, number, rounded, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.bench.growth import Growth, State

MOST_RATIO = 1.2

_MICRO = "\N{MICRO SIGN}s"


def report(growth: Growth, machine: Mapping[str, str]) -> Report:
    """Lay out both states side by side, and how much more the full one costs."""
    empty, full = growth.empty, growth.full
    rows = [
        ("rows in the store", number(empty.rows), number(full.rows), "", ""),
        ("size of the database [GiB]", number(empty.gib, 2), number(full.gib, 2), "", ""),
        ("messages of a flood", number(empty.floods[0].messages), number(full.floods[0].messages), "", ""),
        ("",),
        _compared(f"time of a reading [{_MICRO}]", empty.wall_us, full.wall_us, is_goal=True),
        ("  least \N{EN DASH} most", _walls(empty), _walls(full), "", ""),
        _compared(f"CPU of a reading, all servers [{_MICRO}]", empty.cpu_us, full.cpu_us, is_goal=True),
        _compared(f"  of these PostgreSQL [{_MICRO}]", empty.postgres_us, full.postgres_us),
        _compared(f"time of a row of raw COPY [{_MICRO}]", empty.copy_us, full.copy_us),
    ]
    notes = [
        (
            f"Medians of {ROUNDS} floods each. The full store was filled by COPY in the order of time, in"
            f" {growth.fill_s:,.0f} s: {growth.months} months of readings that end where the floods begin, in a month that is"
            " nearly full. Each flood goes to the same month, at times of its own."
        ),
        "Raw COPY shows how much of the difference is PostgreSQL's own: the same rows, nothing else.",
    ]
    return Report("growth", machine, ["", "empty", "full", "ratio", "to reach"], rows, notes, [_figures(growth)])


def _compared(name: str, empty: float | None, full: float | None, *, is_goal: bool = False) -> tuple[str, ...]:
    goal = f"\N{LESS-THAN OR EQUAL TO} {MOST_RATIO:g}" if is_goal else ""
    return name, number(empty, 2), number(full, 2), number(_ratio(empty, full), 2), goal


def _ratio(empty: float | None, full: float | None) -> float | None:
    return full / empty if empty and full is not None else None


def _walls(state: State) -> str:
    return spread([flood.seconds / flood.readings * 1e6 for flood in state.floods], 2)


def _figures(growth: Growth) -> dict[str, object]:
    empty, full = growth.empty, growth.full
    return {
        "months": growth.months,
        "fill_seconds": rounded(growth.fill_s),
        "empty": _state(empty),
        "full": _state(full),
        "wall_ratio": rounded(_ratio(empty.wall_us, full.wall_us)),
        "cpu_ratio": rounded(_ratio(empty.cpu_us, full.cpu_us)),
        "copy_ratio": rounded(_ratio(empty.copy_us, full.copy_us)),
        "ratio_to_reach": MOST_RATIO,
    }


def _state(state: State) -> dict[str, object]:
    return {
        "rows": state.rows,
        "gib": rounded(state.gib),
        "messages": state.floods[0].messages,
        "readings_stored_each": [flood.readings for flood in state.floods],
        "wall_us_per_reading": rounded(state.wall_us),
        "wall_us_per_reading_each": [rounded(flood.seconds / flood.readings * 1e6) for flood in state.floods],
        "cpu_us_per_reading": rounded(state.cpu_us),
        "postgres_cpu_us_per_reading": rounded(state.postgres_us),
        "copy_us_per_row": rounded(state.copy_us),
    }
