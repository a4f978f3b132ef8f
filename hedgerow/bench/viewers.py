"""People who look at dashboards: a process in which each open dashboard asks all its panels' questions again and again."""

from __future__ import annotations

import argparse
import functools
import http.client
import json
import sys
import threading
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import httpx

import grafana
from grafana.ask import Sources, open_view, view_of_panel
from grafana.expand import expand_address, expand_sql
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import psycopg

    from grafana.expand import View

    Json = Mapping[str, Any]

OPEN = "open\n"
"""Said when every dashboard has been refreshed once."""

_LOOK_EVERY_S = 0.05

FOLDER = Path(grafana.__file__).parent / "dashboards"


@dataclass(frozen=True, slots=True)
class Viewing:
    """Who looks at what, how often."""

    database_url: str
    http_url: str
    api_key: str
    dashboards: int
    """Open at once; of those that the store has something for, in turn."""
    every_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What the viewers saw."""

    boards: int
    """Dashboards that the store has something for."""
    questions: int
    refresh_s: list[float]
    """How long each refresh of a dashboard took, first question to last answer."""


def targets_of(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Give each question of a dashboard with its panel."""
    waiting = list(dashboard["panels"])
    while waiting:
        panel = waiting.pop(0)
        waiting += panel.get("panels", [])
        for target in panel.get("targets", []):
            yield panel, target


def boards_of(viewing: Viewing) -> list[Json]:
    """Read the dashboards that the store has something for: a value for each of their variables."""
    found = []
    with connect(viewing.database_url, name="hedgerow bench viewer") as connection, httpx.Client() as never_asked:
        for file in sorted(FOLDER.glob("*.json")):
            board = json.loads(file.read_text(encoding="utf-8"))
            if all(open_view(board, Sources(connection, never_asked)).chosen.values()):
                found.append(board)
    return found


class _Dashboard(threading.Thread):
    """One open dashboard, with connections of its own."""

    def __init__(self, board: Json, viewing: Viewing, number: int, stopping: threading.Event) -> None:
        super().__init__(name=f"{board['title']}, dashboard {number}", daemon=True)
        self._board = board
        self._viewing = viewing
        self._first_s = viewing.every_s * number / viewing.dashboards
        self._stopping = stopping
        self.questions = 0
        self.refresh_s: list[float] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        """Refresh until it is closed."""
        try:
            with (
                connect(self._viewing.database_url, name="hedgerow bench viewer") as connection,
                httpx.Client(base_url=self._viewing.http_url) as client,
            ):
                self._look(Sources(connection, client))
        except Exception as error:  # noqa: BLE001 - told by the process, for a thread cannot
            self.failure = error

    def _look(self, sources: Sources) -> None:
        due = time.monotonic() + self._first_s
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            # The API ends connections that say nothing for some seconds: each refresh has its own.
            with closing(http.client.HTTPConnection(urlsplit(self._viewing.http_url).netloc)) as client:
                self._refresh(sources, client)
            self.refresh_s.append(time.monotonic() - began)
            due = max(due + self._viewing.every_s, time.monotonic())

    def _refresh(self, sources: Sources, client: http.client.HTTPConnection) -> None:
        view = open_view(self._board, sources, datetime.now(UTC))
        sources.database.execute(query("bench_as_reader"))
        for panel, target in targets_of(self._board):
            self._ask(sources.database, client, target, view_of_panel(panel, view))
            self.questions += 1
        sources.database.execute(query("bench_as_oneself"))

    def _ask(self, connection: psycopg.Connection, client: http.client.HTTPConnection, target: Json, view: View) -> None:
        if "rawSql" in target:
            connection.execute(expand_sql(target["rawSql"], view).encode()).fetchall()
            return
        path, pairs = expand_address(target, view)
        headers = {"Authorization": f"Bearer {self._viewing.api_key}", "Accept-Encoding": "gzip"}
        client.request("GET", f"{path}?{urlencode(pairs)}", headers=headers)
        answer = client.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} answers {answer.status}: {body[:300]!r}")


def look(viewing: Viewing, until: Iterator[str], say: Callable[[str], object]) -> Seen:
    """Open dashboards, say so when all have been seen once, and keep them open until a line comes; then tell what they saw.

    Raises
    ------
    RuntimeError
        When a question got no answer.
    """
    stopping, found = threading.Event(), boards_of(viewing)
    boards = [_Dashboard(found[number % len(found)], viewing, number, stopping) for number in range(viewing.dashboards)]
    for board in boards:
        board.start()
    while not all(board.refresh_s or board.failure for board in boards):
        time.sleep(_LOOK_EVERY_S)
    say(OPEN)
    next(until, "")
    stopping.set()
    for board in boards:
        board.join()
        if board.failure is not None:
            raise RuntimeError(f"{board.name}: {board.failure}") from board.failure
    return Seen(len(found), sum(board.questions for board in boards), [took for board in boards for took in board.refresh_s])


def main() -> None:
    """Run the process: a `Viewing` as JSON, a line on standard input that ends it, a `Seen` as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("viewing", type=json.loads, help="fields of Viewing as a JSON object")
    viewing = Viewing(**parser.parse_args().viewing)
    told = functools.partial(print, end="", flush=True)  # what the benchmark reads
    told(json.dumps(asdict(look(viewing, iter(sys.stdin), told))))


if __name__ == "__main__":
    main()
