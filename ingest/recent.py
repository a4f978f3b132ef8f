"""Recent: holds readings against those that came before, of which it keeps the last two a series and a humidity a site.

What is kept only moves on: a reading older than the last one of its series gets the rules that need no neighbours, and one
that comes again (a redelivery) the flags it had. A group that is processed anew, as it has not been stored, takes what was said
of it the first time along (`carried_over`). Memory is bounded by the ids of series and sites.
"""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.flags import Flag
from devices.quality.judge import NEVER_US, Known, judge, nothing_known
from ingest.batch import in_order
from ingest.beside import Damp, is_crossed
from ingest.check import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from devices.registry import Registry
    from ingest.batch import Batch

NO_NEIGHBOUR = Flag.OUT_OF_RANGE | Flag.SENTINEL
"""Such a value is no measurement: nothing is held against it."""

_CARRIED = np.int16(Flag.STEP | Flag.FLATLINE | Flag.SPIKE | Flag.WARM_UP | Flag.HUMIDITY | Flag.CROSS_CHECK)
"""Flags that hang on what came before, or with, a reading."""

_REMEMBERED = np.int16(Flag.STEP | Flag.FLATLINE | Flag.WARM_UP)
_ROOM = 1_024
_FIELDS = [field.name for field in fields(Known)]
_OLDEST_FIRST = (2, 3, 0, 1, 4, 5, 6)
_COLUMNS, _TIME, _VALUE, _FLAGS = 8, 0, 1, 7
"""Of the table of what is known, by series id: the fields of `Known` in their order, then what `judge` said of the last one."""


class Spikes(NamedTuple):
    """Readings of earlier batches that have turned out to be spikes, as parallel columns."""

    series: list[int]
    time_us: list[int]


NO_SPIKES = Spikes([], [])


def carried_over(batch: Batch, spikes: Spikes, before: Batch, spikes_before: Spikes) -> tuple[Batch, Spikes]:
    """Give readings that are checked anew what the first check, of which nothing was stored, said of them and earlier ones.

    Parameters
    ----------
    batch, spikes
        What `check` gives now: of all the readings, of some, or of some that belong to other series meanwhile.
    before, spikes_before
        What it gave then.
    """
    doubtful = before.take(before.flags & _CARRIED != 0)
    told = dict(zip(_keys(doubtful), (doubtful.flags & _CARRIED).tolist(), strict=True))
    flags = np.array([told.get(key, 0) for key in _keys(batch)], np.int16)
    ours = set(batch.series.tolist())
    earlier = {key for key in zip(*spikes_before, strict=True) if key[0] in ours}.union(zip(*spikes, strict=True))
    return batch.with_flags(flags), Spikes(*map(list, zip(*sorted(earlier), strict=True))) if earlier else NO_SPIKES


def _keys(batch: Batch) -> Iterator[tuple[int, int, float]]:
    return zip(batch.series.tolist(), batch.time_us.tolist(), batch.value.tolist(), strict=True)


class Recent:
    """The last readings of every series a worker has seen; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table = _nothing(0)
        self._damp = Damp()

    def fill(self, recent: Iterable[Sequence[object]], damp: Iterable[Sequence[object]]) -> None:
        """Take over what the store has: rows of the queries `list_recent` and `list_recent_humidity`."""
        with self._lock:
            if columns := list(zip(*recent, strict=True)):
                series = np.array(columns[0], np.int64)
                self._make_room(int(series.max()) + 1)
                times = [np.array([NEVER_US if at is None else at for at in columns[i]], np.int64) for i in (1, 3, 5, 6)]
                values = [np.array([np.nan if at is None else at for at in columns[i]], np.float64) for i in (2, 4)]
                never = np.full(len(series), NEVER_US)
                self._table[series] = _rows_of(Known(times[0], values[0], times[1], values[1], times[2], times[3], never))
            if columns := list(zip(*damp, strict=True)):
                self._damp.take_over(
                    np.array(columns[0], np.int32), np.array(columns[1], np.int64), np.array(columns[2], np.float64)
                )

    def check(self, batch: Batch, registry: Registry) -> tuple[Batch, Spikes]:
        """Flag what is doubtful about readings by themselves, beside those before them and beside other series.

        Gives the batch sorted by series and time, and the earlier readings that are spikes by what has come now.
        """
        batch = in_order(check(batch, registry))
        if not len(batch):
            return batch, NO_SPIKES
        with self._lock:
            self._make_room(int(batch.series[-1]) + 1)
            flags, spikes = self._judge(batch, registry)
            return batch.with_flags(flags | self._beside_others(batch, registry)), spikes

    def _judge(self, batch: Batch, registry: Registry) -> tuple[NDArray[np.int16], Spikes]:
        first = _first(batch)
        known = rows = self._table.take(batch.series[first], axis=0)
        if len(first) < len(batch):
            rows = rows[np.repeat(np.arange(len(first)), np.diff(np.append(first, len(batch))))]
        usable = (batch.time_us > rows[:, _TIME]) & (batch.flags & np.int16(NO_NEIGHBOUR) == 0)
        usable[1:] &= (batch.time_us[1:] != batch.time_us[:-1]) | (batch.series[1:] != batch.series[:-1])
        if usable.all():
            return self._move_on(batch, first, known, registry)
        again = (batch.time_us == rows[:, _TIME]) & (batch.value == rows[:, _VALUE].view(np.float64))
        flags = np.where(again, rows[:, _FLAGS], 0).astype(np.int16)
        spikes = NO_SPIKES
        if usable.any():
            judged = batch.take(usable)
            first = _first(judged)
            known = self._table.take(judged.series[first], axis=0)
            flags[usable], spikes = self._move_on(judged, first, known, registry)
        return flags, spikes

    def _move_on(
        self, batch: Batch, first: NDArray[np.intp], rows: NDArray[np.int64], registry: Registry
    ) -> tuple[NDArray[np.int16], Spikes]:
        """Judge readings that are each later than what is known of their series, `rows`, and know them from then on."""
        whose = batch.series[first]
        judged = judge(first, batch.time_us, batch.value, batch.metric, batch.profile, registry.rules, _known_of(rows))
        lone = judged.known_is_spike
        spikes = Spikes(whose[lone].tolist(), rows[lone, _TIME].tolist()) if lone.any() else NO_SPIKES
        _write(rows, judged.known)
        rows[:, _FLAGS] = judged.flags[np.append(first[1:], len(batch)) - 1] & _REMEMBERED
        self._table[whose] = rows
        return judged.flags, spikes

    def _beside_others(self, batch: Batch, registry: Registry) -> NDArray[np.int16]:
        is_good = batch.flags & np.int16(NO_NEIGHBOUR) == 0
        humid = self._damp.is_humid(batch, is_good, registry) * np.int16(Flag.HUMIDITY)
        crossed = is_crossed(batch, is_good, registry) * np.int16(Flag.CROSS_CHECK)
        beside: NDArray[np.int16] = humid | crossed
        return beside

    def _make_room(self, size: int) -> None:
        if (more := size - len(self._table)) > 0:
            self._table = np.concatenate([self._table, _nothing(more + _ROOM)])


def _first(batch: Batch) -> NDArray[np.intp]:
    """Give the index of the first reading of each series of a sorted batch that is not empty."""
    return np.flatnonzero(np.append(True, batch.series[1:] != batch.series[:-1]))


def _nothing(series: int) -> NDArray[np.int64]:
    return _rows_of(nothing_known(series))


def _known_of(rows: NDArray[np.int64]) -> Known:
    time_us, value, second_us, second, length, since_us, resumed_us, _ = rows.T
    return Known(time_us, value.view(np.float64), second_us, second.view(np.float64), length, since_us, resumed_us)


def _rows_of(known: Known) -> NDArray[np.int64]:
    """Write what is known as rows, one cache line a series: they are found and written several times as fast as columns."""
    rows = np.zeros((len(known.time_us), _COLUMNS), np.int64)
    _write(rows, known)
    return rows


def _write(rows: NDArray[np.int64], known: Known) -> None:
    for at in _OLDEST_FIRST:  # what was known may be read out of these very rows
        column = getattr(known, _FIELDS[at])
        rows[:, at] = column if column.dtype == np.int64 else column.view(np.int64)
