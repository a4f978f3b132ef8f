"""`hedgerow bench aggregate`: how long the API takes for what people ask of a full store, beside the bare SQL of the same."""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.bench.database import BenchError
from hedgerow.bench.history import end_of_history
from hedgerow.bench.questions import questions
from hedgerow.bench.raw_copy import series_of
from hedgerow.bench.stock import build, read_stock, write_stock
from simulators.load import READINGS
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import httpx
    import psycopg

    from hedgerow.bench.questions import Question
    from hedgerow.bench.servers import Servers
    from hedgerow.bench.stock import Stock, Wanted

_WARM_UP = 3
"""Turns that are not measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How long one question took, asked again and again in turn in both ways."""

    question: Question
    rows: int
    """Of the bare SQL's answer."""
    api_s: Sequence[float]
    sql_s: Sequence[float]

    def api_ms(self, share: float) -> float:
        """Time within which such a share of the API's answers came [ms]."""
        return float(np.quantile(self.api_s, share)) * 1000

    def sql_ms(self, share: float) -> float:
        """Time within which such a share of the database's answers came [ms]."""
        return float(np.quantile(self.sql_s, share)) * 1000

    @property
    def ratio(self) -> float:
        """How many times as long the API takes: of the medians."""
        return self.api_ms(0.5) / self.sql_ms(0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of all questions, and of the store."""

    stock: Stock
    rows: int
    """Readings that are in it."""
    gib: float
    """Size of the database [GiB]."""
    measured: Sequence[Measured]


def stocked(servers: Servers, wanted: Wanted, keep: Path | None, say: Callable[[str], None]) -> Stock:
    """Build a store, or take the one that was kept.

    Raises
    ------
    BenchError
        When what was kept is something else, or was not finished.
    """
    found = read_stock(keep) if keep else None
    if found is None:
        with servers.database.connect() as connection:
            rows, _ = _size(connection)
        if rows:
            raise BenchError(f"{keep} holds a store that was not finished: remove the folder, or take another one")
        found = build(servers.database, wanted, end_of_history(), say)
        if keep:
            write_stock(keep, found)
    elif found.wanted != wanted:
        holds = f"{found.wanted.readings} readings of {found.wanted.sites * READINGS} series and {found.wanted.days} days"
        raise BenchError(f"{keep} holds {holds}: ask for as many, or take another folder")
    with servers.database.connect() as connection:
        connection.execute(query("bench_note_arrivals"))
    return found


def bench_aggregate(servers: Servers, wanted: Wanted, requests: int, keep: Path | None, say: Callable[[str], None]) -> Result:
    """Measure every question.

    Parameters
    ----------
    wanted
        What the store is to hold.
    requests
        How often each question is asked in each way.
    keep
        Folder to keep the store in, or to find it in; None: it is thrown away.
    say
        Called with one line per step.
    """
    stock = stocked(servers, wanted, keep, say)
    client = servers.start_api()
    with servers.database.connect() as connection, closing(client):
        rows, gib = _size(connection)
        series = dict(enumerate(series_of(connection, wanted.long_sites, READINGS)[:, 0].tolist()))
        asking = _Asking(connection, client)
        say(f"each question {requests} times, in turn with its bare SQL …")
        for turn in range(_WARM_UP):
            for question in questions(stock, series, turn):
                asking.compare(question)
        for turn in range(requests):
            for question in questions(stock, series, turn):
                asking.time(question, sql_first=bool(turn % 2))
    return Result(stock, rows, gib, asking.measured())


class _Asking:
    """Asks the API and the database in turn, as a program that does nothing else with the answers."""

    def __init__(self, connection: psycopg.Connection, client: httpx.Client) -> None:
        self._connection = connection
        self._http = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
        # Packed, as browsers and Grafana ask for it; but not unpacked, for that is no part of the API's work.
        self._headers = {"Authorization": client.headers["Authorization"], "Accept-Encoding": "gzip"}
        self._questions: dict[str, Question] = {}
        self._rows: dict[str, int] = {}
        self._api_s: dict[str, list[float]] = defaultdict(list)
        self._sql_s: dict[str, list[float]] = defaultdict(list)

    def compare(self, question: Question) -> None:
        """Ask once in both ways, and compare how many rows came.

        Raises
        ------
        BenchError
            When they are not the same.
        """
        body, rows = self._ask_api(question), self._ask_sql(question)
        self._questions[question.name], self._rows[question.name] = question, rows
        if question.is_counted and (told := _count(body)) != rows:
            raise BenchError(f"{question.name}: the API has {told:,} rows, bare SQL {rows:,}")

    def time(self, question: Question, *, sql_first: bool) -> None:
        """Ask in both ways and note how long each took."""
        for is_sql in (sql_first, not sql_first):
            began = time.perf_counter()
            _ = self._ask_sql(question) if is_sql else self._ask_api(question)
            took = time.perf_counter() - began
            (self._sql_s if is_sql else self._api_s)[question.name].append(took)

    def measured(self) -> list[Measured]:
        """Give what was noted."""
        return [
            Measured(question, self._rows[name], self._api_s[name], self._sql_s[name])
            for name, question in self._questions.items()
        ]

    def _ask_sql(self, question: Question) -> int:
        cursor = self._connection.cursor(binary=True)
        return len(cursor.execute(query(question.sql), question.values).fetchall())

    def _ask_api(self, question: Question) -> bytes:
        self._http.request("GET", question.address, headers=self._headers)
        answer = self._http.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise BenchError(f"{question.name}: the API answers {answer.status}: {body[:500]!r}")
        return gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" and question.is_counted else body


def _count(body: bytes) -> int:
    found = json.loads(body)
    return len(found["features"] if isinstance(found, dict) else found)


def _size(connection: psycopg.Connection) -> tuple[int, float]:
    row = connection.execute(query("read_size")).fetchone()
    return (int(row[0]), int(row[1]) / 2**30) if row else (0, 0.0)
