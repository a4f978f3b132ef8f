"""The live screen of `hedgerow up`: rates, lag, what was stored and set aside; log lines where there is no terminal."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.rows import class_row
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hedgerow.parts import Part

_LINE_EVERY_S = 10.0
_RATE_OVER_S = 5.0


class Totals(NamedTuple):
    """Counters of the whole path."""

    messages: int
    readings: int
    stored: int
    duplicate: int
    quarantined: int
    held: int
    lag_ms: float
    queue_messages: int
    sessions_lost: int
    connected: bool
    updated_at: datetime | None


class Meter:
    """Reads the counters and makes rates of them."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: psycopg.Connection | None = None
        self._seen: deque[tuple[float, Totals]] = deque(maxlen=64)

    def read(self) -> Totals | None:
        """Read the counters; None while the store is away."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._database_url, autocommit=True, connect_timeout=2)
            with self._connection.cursor(row_factory=class_row(Totals)) as cursor:
                totals = cursor.execute(query("read_path_totals")).fetchone()
        except psycopg.Error:
            self.close()
            return None
        if totals is not None:
            self._seen.append((time.monotonic(), totals))
        return totals

    def rates(self) -> tuple[float, float]:
        """Messages and readings a second over the last seconds."""
        if not self._seen:
            return 0.0, 0.0
        now, newest = self._seen[-1]
        then, oldest = next((old for old in self._seen if now - old[0] <= _RATE_OVER_S), self._seen[-1])
        if now <= then:
            return 0.0, 0.0
        return (newest.messages - oldest.messages) / (now - then), (newest.readings - oldest.readings) / (now - then)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Screen:
    """Shows how it goes: on one screen in a terminal, else as a line now and then."""

    def __init__(self, meter: Meter, facts: Sequence[tuple[str, str]], parts: Sequence[Part]) -> None:
        self._console = Console()
        self._meter = meter
        self._facts = facts
        self._parts = parts
        self._events: deque[str] = deque(maxlen=6)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._next_line = 0.0

    def open(self) -> None:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        else:
            for name, value in self._facts:
                self._print(f"{name}: {value}")

    def close(self) -> None:
        """Leave the last state on the terminal."""
        if self._live is not None:
            self._live.stop()
        self._meter.close()

    def say(self, event: str) -> None:
        """Tell what has happened."""
        if self._live is None or not self._live.is_started:
            self._print(event)
        self._events.append(f"{time.strftime('%H:%M:%S')} {event}")

    def refresh(self) -> None:
        """Show the present state."""
        totals = self._meter.read()
        if self._live is not None:
            self._live.update(Group(*self._panels(totals)), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            self._print(self._line(totals))

    def _print(self, line: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {line}", markup=False, highlight=False, soft_wrap=True)

    def _line(self, totals: Totals | None) -> str:
        if totals is None:
            return "the store is away; nothing is acknowledged until it is back"
        messages, readings = self._meter.rates()
        return (
            f"{messages:,.0f} messages/s, {readings:,.0f} readings/s, lag {totals.lag_ms:,.0f} ms, stored {totals.stored:,},"
            f" duplicate {totals.duplicate:,}, quarantined {totals.quarantined:,}, held {totals.held:,}"
        )

    def _panels(self, totals: Totals | None) -> list[Panel]:
        facts = Table.grid(padding=(0, 2))
        for name, value in self._facts:
            facts.add_row(Text(name, style="bold"), value)
        parts = Table(box=None, pad_edge=False)
        for heading in ("Part", "State", "Process", "Restarts"):
            parts.add_column(heading)
        for part in self._parts:
            parts.add_row(part.name, part.state, str(part.pid or ""), str(part.restarts))
        return [
            Panel(facts, title="Hedgerow", title_align="left"),
            Panel(self._numbers(totals), title="The path", title_align="left"),
            Panel(parts, title="Parts", title_align="left"),
            Panel("\n".join(self._events) or "all quiet", title="Events (Ctrl-C stops)", title_align="left"),
        ]

    def _numbers(self, totals: Totals | None) -> Table | Text:
        if totals is None:
            return Text("The store is away. Nothing is acknowledged until it is back, so nothing is lost.")
        messages, readings = self._meter.rates()
        cells = {
            "messages": f"{messages:,.0f} /s",
            "stored": f"{totals.stored:,}",
            "held": f"{totals.held:,}",
            "readings": f"{readings:,.0f} /s",
            "duplicate": f"{totals.duplicate:,}",
            "waiting": f"{totals.queue_messages:,}",
            "lag": f"{totals.lag_ms:,.0f} ms",
            "quarantined": f"{totals.quarantined:,}",
            "sessions lost": f"{totals.sessions_lost:,}",
        }
        table = Table.grid(padding=(0, 3))
        pairs = [(Text(name, style="bold"), Text(value)) for name, value in cells.items()]
        for row in (pairs[0:3], pairs[3:6], pairs[6:9]):
            table.add_row(*(cell for pair in row for cell in pair))
        return table
