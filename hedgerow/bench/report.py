"""Figures of a benchmark as a table that a person can check, or as lines of JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH = 128
"""Of a table that goes into a file [characters]."""


class Teller:
    """Says on standard error how far a benchmark is, with the seconds since it began."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        """Say one line."""
        typer.echo(f"[{time.monotonic() - self._began:6.1f} s] {line}", err=True)


@dataclass(slots=True)
class Report:
    """What a benchmark prints: where it ran, a table, what to know of it; or its figures alone."""

    bench: str
    machine: Mapping[str, str]
    headings: Sequence[str]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    """An empty one parts two sections."""
    notes: Sequence[str] = ()
    figures: Sequence[Mapping[str, object]] = ()
    """One JSON object a line, without what every line has."""

    def show(self, *, as_json: bool) -> None:
        """Print it on standard output."""
        if as_json:
            for line in self.figures:
                typer.echo(json.dumps({"bench": self.bench, **line, "where": dict(self.machine)}, allow_nan=False))
            return
        console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
        for name, text in self.machine.items():
            console.print(Text(f"{name}: {text}"))
        console.print()
        console.print(self._table())
        for note in self.notes:
            console.print(Text(note))

    def _table(self) -> Table:
        table = Table(title=Text(f"hedgerow bench {self.bench}"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for number, heading in enumerate(self.headings):
            table.add_column(Text(heading), justify="right" if number else "left", no_wrap=not number)
        for row in self.rows:
            if any(row):
                table.add_row(*map(Text, row))
            else:
                table.add_section()
        return table


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Round a figure for JSON; what is unknown stays so."""
    return None if value is None else round(value, digits) if digits else round(value)


def number(value: float | None, digits: int = 0) -> str:
    """Write a figure for a table; what is unknown is a dash."""
    return "\N{EN DASH}" if value is None else f"{value:,.{digits}f}"


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write the least and the greatest of some figures."""
    return f"{number(min(values), digits)} \N{EN DASH} {number(max(values), digits)}"
