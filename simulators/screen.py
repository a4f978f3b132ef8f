"""What a person sees of a simulation, a replay or a comparison: progress while it runs, a table at the end."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulators.malformed import MALFORMED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from rich.console import Console

    from simulators.publish import Publisher, Summary
    from simulators.table import Tally
    from simulators.verify import Example, Figures

_REFRESH_EVERY_S = 0.25
_LINE_EVERY_S = 10.0

_MEANINGS = {
    "lost": "acknowledged, and neither stored nor held nor in quarantine",
    "duplicate": "in the database more often than sent",
    "phantom": "in the database and never sent",
    "wrong": "another value than sent, or another reason in quarantine than expected",
}


class Watched:
    """Shows how a publisher gets on: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, console: Console, total: int | None) -> None:
        self._console = console
        self._total = total
        self._publisher: Publisher | None = None

    def watch(self, publisher: Publisher) -> None:
        """Show this publisher from now on."""
        self._publisher = publisher

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, highlight=False, markup=False)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show it until the block ends."""
        showing = asyncio.create_task(self._show_bar() if self._console.is_terminal else self._show_lines())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show_bar(self) -> None:
        columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task("connecting", total=self._total)
            while True:
                if self._publisher is not None:
                    progress.update(bar, completed=self._publisher.acknowledged, description=self._line(self._publisher))
                await asyncio.sleep(_REFRESH_EVERY_S)

    async def _show_lines(self) -> None:
        before, at = 0, time.monotonic()
        while True:
            await asyncio.sleep(_LINE_EVERY_S)
            if self._publisher is not None:
                now, acknowledged = time.monotonic(), self._publisher.acknowledged
                self.say(f"{self._line(self._publisher)}, {(acknowledged - before) / (now - at):,.1f}/s")
                before, at = acknowledged, now

    @staticmethod
    def _line(publisher: Publisher) -> str:
        waiting = f", {publisher.outstanding:,} waiting" if publisher.outstanding else ""
        return f"{publisher.acknowledged:,} messages acknowledged{waiting}"


def show_summary(console: Console, summary: Summary, tally: Tally | None = None) -> None:
    """Print what was done."""
    table = Table(box=None, show_header=False)
    rows: list[tuple[str, int]] = []
    if tally is not None:
        rows += [("rows read", tally.rows), ("readings", tally.readings), ("empty cells", tally.empty)]
        rows += [("cells that are no number", tally.unreadable)] if tally.unreadable else []
    rows += [("messages sent", summary.sent), ("acknowledged", summary.acknowledged)]
    rows += [("sent again after a lost connection", summary.sent_again)] if summary.sent_again else []
    rows += [("not acknowledged", summary.unacknowledged)] if summary.unacknowledged else []
    rows += [(f"of them {fault.replace('_', ' ')}", number) for fault, number in _gathered(summary.faults).items()]
    for name, number in rows:
        table.add_row(name, f"{number:,}")
    table.add_row("messages a second", f"{summary.sent / max(summary.seconds, 1e-9):,.1f}")
    console.print(table)


def _gathered(faults: Mapping[str, int]) -> dict[str, int]:
    """Put the many ways of being malformed together."""
    others = {fault: number for fault, number in faults.items() if fault not in MALFORMED}
    malformed = sum(number for fault, number in faults.items() if fault in MALFORMED)
    return dict(sorted(others.items())) | ({"malformed": malformed} if malformed else {})


def show_figures(console: Console, figures: Figures, examples: Sequence[Example]) -> None:
    """Print the outcome of a comparison."""
    facts = Table(box=None, show_header=False)
    for name, number in figures.as_dict().items():
        if name not in {"ok", *_MEANINGS}:
            facts.add_row(name.replace("_", " "), f"{number:,}")
    console.print(facts)
    verdicts = Table("", "", "", "what it means", box=None)
    for name, meaning in _MEANINGS.items():
        number = getattr(figures, name)
        verdicts.add_row(name, f"{number:,}", "NOT GOOD" if number else "good", meaning)
    console.print(verdicts)
    if examples:
        _show_examples(console, examples)


def _show_examples(console: Console, examples: Sequence[Example]) -> None:
    table = Table("what", "device", "metric", "time", "expected", "found", box=None)
    for column in table.columns:
        column.overflow = "fold"
    for one in examples:
        table.add_row(one.fault, one.uid, one.metric, one.time.isoformat() if one.time else "", one.expected, one.found)
    console.print("Some of what is not as it should be:")
    console.print(table)
