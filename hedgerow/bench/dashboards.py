"""`hedgerow bench dashboards`: how much slower messages are stored while people look at dashboards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from hedgerow.bench.database import BenchError
from hedgerow.bench.flood import flood, load_for
from hedgerow.bench.report import Report, number, rounded
from hedgerow.bench.stock import build
from hedgerow.bench.viewers import OPEN, Seen, Viewing
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg

    from hedgerow.bench.flood import Flood
    from hedgerow.bench.servers import Servers
    from hedgerow.bench.stock import Wanted

MOST_LOSS = 0.05
_HOUR_S = 3600
_SETTLED_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """Floods in pairs, alone and looked at."""

    alone: Sequence[Flood]
    looked_at: Sequence[Flood]
    seen: Sequence[Seen]
    dashboards: int
    every_s: float

    @property
    def loss(self) -> float:
        """How much of the rate is lost: the median of the pairs."""
        pairs = zip(self.alone, self.looked_at, strict=True)
        return median(1 - looked.readings_per_s / alone.readings_per_s for alone, looked in pairs)


def bench_dashboards(
    servers: Servers,
    wanted: Wanted,
    messages: int,
    pairs: int,
    viewers: tuple[int, float],
    say: Callable[[str], None],
) -> Result:
    """Flood a stocked store in pairs, once with dashboards open and once without; which comes first changes.

    Parameters
    ----------
    wanted
        What the store holds before.
    messages
        Of one flood, of five readings each, from the devices of the store.
    viewers
        How many dashboards are open, and how often each refreshes [s].
    say
        Called with one line per step.
    """
    end_s = int(time.time()) // _HOUR_S * _HOUR_S
    build(servers.database, wanted, end_s, say)
    client = servers.start_api()
    dashboards, every_s = viewers
    key = client.headers["Authorization"].removeprefix("Bearer ")
    viewing = Viewing(servers.database.url, str(client.base_url), key, dashboards, every_s)
    alone: list[Flood] = []
    looked_at: list[Flood] = []
    seen: list[Seen] = []
    with servers.database.connect() as connection:
        servers.start_ingest()
        flooding = _Floods(servers, connection, wanted.sites, messages)
        flooding.next()
        for pair in range(pairs):
            for is_looked_at in (bool(pair % 2), not pair % 2):
                _wait_until_rolled(connection)
                if not is_looked_at:
                    alone.append(flooding.next())
                    say(f"alone: {alone[-1].readings_per_s:,.0f} readings/s")
                    continue
                with _looking(viewing) as viewers_process:
                    looked_at.append(flooding.next())
                    seen.append(_told(viewers_process))
                say(f"looked at: {looked_at[-1].readings_per_s:,.0f} readings/s")
    return Result(alone, looked_at, seen, dashboards, every_s)


class _Floods:
    """One flood after the other, each of later times, the last of which is now."""

    def __init__(self, servers: Servers, connection: psycopg.Connection, devices: int, messages: int) -> None:
        self._servers = servers
        self._connection = connection
        self._devices = devices
        self._messages = messages
        self._next_s = 0

    def next(self) -> Flood:
        """Flood once more."""
        turns = self._messages // self._devices + 1
        start_s = max(self._next_s, int(time.time()) - turns)
        self._next_s = start_s + turns
        load = load_for(self._servers.broker, self._messages, self._devices, start_s)
        return flood(self._servers, self._connection, load)


@contextmanager
def _looking(viewing: Viewing) -> Iterator[subprocess.Popen[str]]:
    """Keep dashboards open in a process of their own, which ends with the block.

    Raises
    ------
    BenchError
        When they cannot be opened.
    """
    command = [sys.executable, "-m", "hedgerow.bench.viewers", json.dumps(asdict(viewing))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != OPEN:
                raise BenchError("the dashboards cannot be opened")
            yield process
        finally:
            process.kill()


def _told(process: subprocess.Popen[str]) -> Seen:
    """Close the dashboards and hear what they saw.

    Raises
    ------
    BenchError
        When one of them got no answer.
    """
    output, _ = process.communicate("\n")
    if process.returncode:
        raise BenchError("a dashboard got no answer")
    return Seen(**json.loads(output))


def _wait_until_rolled(connection: psycopg.Connection) -> None:
    give_up = time.monotonic() + _SETTLED_WITHIN_S
    while not (connection.execute(query("read_rolled_hours")).fetchone() or (False,))[0]:
        if time.monotonic() > give_up:
            raise BenchError("rollups do not catch up")
        time.sleep(_LOOK_EVERY_S)


def report(result: Result, machine: Mapping[str, str]) -> Report:
    """Lay out the pairs."""
    rows: list[tuple[str, ...]] = [
        (f"pair {pair + 1}", number(alone.readings_per_s), number(looked.readings_per_s), _loss(alone, looked), "")
        for pair, (alone, looked) in enumerate(zip(result.alone, result.looked_at, strict=True))
    ]
    rows.append(("median", "", "", f"{result.loss:.1%}", f"\N{LESS-THAN OR EQUAL TO} {MOST_LOSS:.0%}"))
    refreshes = sorted(took for seen in result.seen for took in seen.refresh_s)
    notes = [
        (
            f"{result.dashboards} dashboards open, of {result.seen[0].boards} kinds, each refreshed every {result.every_s:g} s:"
            " every question of every panel, as Grafana asks it, of the database and of the API. Answers are read, not"
            " drawn; the viewers share the cores."
        ),
        (
            f"{sum(seen.questions for seen in result.seen):,} questions in {len(refreshes):,} refreshes: the median took"
            f" {median(refreshes) * 1000 if refreshes else 0:,.0f} ms and the longest"
            f" {refreshes[-1] * 1000 if refreshes else 0:,.0f} ms."
        ),
    ]
    headings = ["readings/s", "alone", "looked at", "loss", "to reach"]
    return Report("dashboards", machine, headings, rows, notes, [_figures(result, refreshes)])


def _loss(alone: Flood, looked: Flood) -> str:
    return f"{1 - looked.readings_per_s / alone.readings_per_s:.1%}"


def _figures(result: Result, refreshes: Sequence[float]) -> dict[str, object]:
    return {
        "dashboards": result.dashboards,
        "kinds": result.seen[0].boards,
        "every_s": result.every_s,
        "readings_stored": [one.readings for one in (*result.alone, *result.looked_at)],
        "readings_per_s_alone": [rounded(one.readings_per_s, 0) for one in result.alone],
        "readings_per_s_looked_at": [rounded(one.readings_per_s, 0) for one in result.looked_at],
        "loss": rounded(result.loss),
        "loss_to_reach": MOST_LOSS,
        "questions": sum(seen.questions for seen in result.seen),
        "refreshes": len(refreshes),
        "refresh_p50_s": rounded(median(refreshes)) if refreshes else None,
    }
