"""Redecode: messages of the past once more through the present codec, and the store put right; twice is the same as once.

Takes archived and quarantined messages in the order of their first arrival; decode, resolve and check are the path's own.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from psycopg.types.json import Jsonb

from devices.codecs import Codecs
from devices.registry import NONE, load_registry
from ingest.check import check
from ingest.corrections import EXAMPLES, Corrections, Scope
from ingest.portions import archived, quarantined
from ingest.quality_run import mark_due
from ingest.replay import decode_again
from ingest.resolve import resolve
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import psycopg

    from devices.columns import Columns
    from devices.registry import Registry
    from ingest.corrections import Example, Found
    from ingest.message import Group
    from ingest.portions import Portion
    from ingest.resolve import Resolved

    Watch = Callable[[datetime, "Summary"], None]


_PATIENCE_S = 10.0


class RedecodeError(Exception):
    """What was asked for cannot be done."""


class BusyError(RedecodeError):
    """Another run is at work."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to decode again."""

    profile: str
    """Key of the device profile."""
    start: datetime
    """Arrival of the first message; aware."""
    end: datetime
    """Arrival before which the last message lies; aware."""
    uid: str | None = None
    """One device of the profile; None: all of them."""
    with_quarantine: bool = True
    remove: bool = False
    """Take away what the present codec no longer gives."""
    dry_run: bool = False


@dataclass(slots=True)
class Summary:
    """What was read, and what became of it."""

    archived: int = 0
    """Messages from the archive."""
    quarantined: int = 0
    """Messages, or parts of them, from quarantine."""
    readings: Counter[str] = field(default_factory=Counter)
    """By outcome, see `ingest.corrections.Found`."""
    refused: Counter[str] = field(default_factory=Counter)
    """Messages and readings refused, by reason."""
    examples: list[Example] = field(default_factory=list)
    run_id: int | None = None
    """Whose corrections are those of this run; None: a dry run."""

    def add(self, found: Found) -> None:
        """Add what became of some readings; of examples, the first ones."""
        self.readings += found.outcomes
        shown = Counter(example.outcome for example in self.examples)
        for example in found.examples:
            if shown[example.outcome] < EXAMPLES:
                shown[example.outcome] += 1
                self.examples.append(example)

    def counts(self) -> dict[str, object]:
        """Give the figures alone."""
        return {"archived": self.archived, "quarantined": self.quarantined, **self.readings, "refused": dict(self.refused)}


def redecode(database_url: str, request: Request, watch: Watch = lambda _at, _summary: None) -> Summary:
    """Decode again what was asked for.

    Parameters
    ----------
    database_url
        PostgreSQL connection string.
    request
        What, and whether only to look.
    watch
        Called after every portion with the arrival of its last message and the figures so far.

    Raises
    ------
    RedecodeError
        When the request makes no sense, or another run is at work.
    psycopg.Error
        When the store goes away; what is done is done, and a second run goes over it again.
    """
    if request.start >= request.end:
        raise RedecodeError(
            f"--from ({request.start:%Y-%m-%d %H:%M:%S}) must lie before --to ({request.end:%Y-%m-%d %H:%M:%S})"
        )
    if request.start >= datetime.now(UTC):
        raise RedecodeError(f"--from ({request.start:%Y-%m-%d %H:%M:%S}) lies in the future: nothing has arrived by then")
    with (
        connect(database_url, name="hedgerow redecode") as writing,
        connect(database_url, name="hedgerow redecode archive") as reading,
    ):
        for connection in (writing, reading):
            connection.execute("SET statement_timeout = '10min'")
        reading.execute("SET idle_in_transaction_session_timeout = 0")  # while portions are written
        return _Run(writing, reading, request).run(watch)


class _Run:
    """One run over the messages of a request."""

    def __init__(self, writing: psycopg.Connection, reading: psycopg.Connection, request: Request) -> None:
        self._writing = writing
        self._reading = reading
        self._request = request
        self._devices = _devices(writing, request)
        self._uids = frozenset(self._devices)
        _lead(writing)
        self._registry = load_registry(writing)
        self._codecs = Codecs()
        self._run_id = None if request.dry_run else _begin(writing, request)
        self._scope = Scope(list(self._devices.values()), request.start, min(request.end, datetime.now(UTC)))
        self._corrections = Corrections(writing, self._run_id, self._scope)
        self._newest_quarantined = _number(writing.execute(query("find_newest_quarantined")))
        self._series: set[int] = set()
        self._summary = Summary(run_id=self._run_id)

    def run(self, watch: Watch) -> Summary:
        try:
            for portion in self._portions():
                for piece, group, columns in decode_again(portion, self._uids, self._registry, self._codecs):
                    self._put(piece, group, columns)
                watch(datetime.fromtimestamp(portion.kept[-1].received_us / 1e6, UTC), self._summary)
            self._put_gone()
        finally:
            self._codecs.close()
        if self._run_id is not None:
            self._writing.execute(query("finish_redecode"), {"run_id": self._run_id, "counts": Jsonb(self._summary.counts())})
        return self._summary

    def _portions(self) -> Iterator[Portion]:
        device_ids, start, end = self._scope
        yield from archived(self._reading, start, end, device_ids)
        if self._request.with_quarantine:
            for portion in quarantined(self._reading, start, end, list(self._devices), self._newest_quarantined):
                unseen = self._corrections.unseen(portion)
                if unseen.kept:
                    yield unseen

    def _put(self, portion: Portion, group: Group, columns: Columns) -> None:
        resolved = self._resolve(columns, group)
        batch = check(resolved.batch, self._registry)
        has_series = batch.series != NONE  # in a dry run none are made
        if not self._request.dry_run:
            mark_due(self._writing, batch.take(has_series))
        self._summary.readings["new"] += int(np.count_nonzero(~has_series))
        self._summary.add(self._corrections.put(portion, group, resolved, batch.take(has_series)))
        self._series.update(np.unique(batch.series[has_series]).tolist())
        self._summary.refused.update(str(reject.reason) for reject in resolved.rejects)
        if portion.is_quarantined:
            self._summary.quarantined += len(portion.kept)
        else:
            self._summary.archived += len(portion.kept)

    def _resolve(self, columns: Columns, group: Group) -> Resolved:
        resolved = resolve(columns, group, self._registry)
        if resolved.missing and not self._request.dry_run:
            self._registry = make_series(self._writing, self._registry, resolved.missing)
            resolved = resolve(columns, group, self._registry)
        return resolved

    def _put_gone(self) -> None:
        self._corrections.look_over()
        for site, channel in _places_of(self._registry, self._series):
            self._summary.add(self._corrections.put_gone(site, channel, remove=self._request.remove))


def make_series(connection: psycopg.Connection, registry: Registry, missing: Sequence[tuple[int, int]]) -> Registry:
    """Make the series of (place, metric) positions, and give the registry that has them."""
    places = [registry.places[place] for place, _ in missing]
    values = {
        "sites": [site for site, _ in places],
        "metrics": [int(registry.metric_ids[metric]) for _, metric in missing],
        "channels": [channel for _, channel in places],
    }
    connection.execute(query("add_series"), values)
    return load_registry(connection)


def _places_of(registry: Registry, series: set[int]) -> Iterator[tuple[int, str]]:
    """Give the places that have some of the series."""
    for place in np.flatnonzero(np.isin(registry.series_of, list(series)).any(axis=1)).tolist():
        yield registry.places[place]


def _devices(connection: psycopg.Connection, request: Request) -> dict[str, int]:
    """Find the devices asked for: their ids by uid."""
    keys = [row[0] for row in connection.execute(query("list_profile_keys"))]
    if request.profile not in keys:
        raise RedecodeError(f"there is no device profile {request.profile!r}; there are: {', '.join(keys)}")
    values = {"profile": request.profile, "uid": request.uid}
    rows = connection.execute(query("find_devices_of_profile"), values).fetchall()
    if request.uid is not None and not rows:
        raise RedecodeError(f"no device {request.uid!r} is registered")
    if request.uid is not None and rows[0][2] != request.profile:
        raise RedecodeError(f"the device {request.uid} has the profile {rows[0][2]!r}, not {request.profile!r}")
    if not rows:
        raise RedecodeError(f"no device has the profile {request.profile!r}: there is nothing to decode again")
    return {uid: device_id for device_id, uid, _ in rows}


def _lead(connection: psycopg.Connection) -> None:
    """Become the one run of the database; one that has just ended may hold its lock for some moments more."""
    give_up = time.monotonic() + _PATIENCE_S
    while not _number(connection.execute(query("lead_redecode"))):
        if time.monotonic() >= give_up:
            raise BusyError("another redecode is at work on this database: wait for its end")
        time.sleep(0.1)


def _begin(connection: psycopg.Connection, request: Request) -> int:
    values = {"profile": request.profile, "uid": request.uid, "from": request.start, "to": request.end}
    return _number(connection.execute(query("begin_redecode"), values))


def _number(cursor: psycopg.Cursor) -> int:
    """Give the one number of an answer."""
    return int(next(cursor)[0])
