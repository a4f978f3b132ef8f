"""`hedgerow bench steps`: every pure step of the path by itself, on one core, without broker, database or network."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import thread_time
from typing import TYPE_CHECKING

from devices.codecs import Codecs
from devices.digest import digests_of
from hedgerow.bench import step_messages
from hedgerow.bench.database import BenchError
from hedgerow.bench.step_messages import CAYENNE, FIXED, MESSAGES, TLV, fresh
from ingest.batch import sort_unique
from ingest.decode import decode
from ingest.encode import encode_readings, encode_uplinks
from ingest.prepared import prepare
from ingest.recent import Recent
from ingest.resolve import resolve
from ingest.wire import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devices.registry import Registry
    from ingest.batch import Batch
    from ingest.message import Group

_LEAST_ROUNDS = 5
_ALLOCATIONS_BETWEEN_COLLECTIONS = 200_000
"""As ingest has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and what it is measured on."""

    name: str
    ready: Callable[[], Callable[[], object]]
    """Gives the step with fresh input, ready to go; what it takes to make that is not measured."""
    readings: int
    """In a group; 0 where a step does not look at readings."""
    to_reach: float | None = None
    """Readings a second."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step took at best."""

    step: Step
    seconds: float
    """CPU time of one core for one group [s]."""
    rounds: int

    @property
    def us_per_message(self) -> float:
        """CPU time for one message [µs]."""
        return self.seconds / MESSAGES * 1e6

    @property
    def readings_per_s(self) -> float | None:
        """Readings in a second of one core; None where a step does not look at readings."""
        return self.step.readings / self.seconds if self.step.readings else None

    @property
    def reached(self) -> float | None:
        """Against what is to be reached; 1 and more is good."""
        rate = self.readings_per_s
        return None if rate is None or self.step.to_reach is None else rate / self.step.to_reach


def bench_steps(seconds: float, say: Callable[[str], None]) -> list[Measured]:
    """Measure every step for some time [s] and keep the best round.

    Parameters
    ----------
    seconds
        How long each step is repeated; five rounds at least.
    say
        Called with one line per step.
    """
    say("making messages …")
    steps = all_steps()
    with _as_ingest_has_it():
        return [_measure(step, seconds, say) for step in steps]


def all_steps() -> list[Step]:
    """List the steps in the order of the path, decoding once for each format."""
    registry, codecs, senml = step_messages.registry(), Codecs(), step_messages.senml_json()
    stream = step_messages.stream()
    if scan(stream).payloads != senml.payloads:
        raise BenchError("the scan does not find the messages in the stream")
    columns = decode(fresh(senml), registry, codecs)
    resolved = resolve(columns, senml, registry)
    batch, _ = Recent().check(resolved.batch, registry)
    unique = sort_unique(batch).batch
    count = len(columns)
    uplinks = (resolved.device_ids, senml.received_us, senml.digests, senml.topics, senml.payloads)
    return [
        Step("scan: packets out of the stream", lambda: lambda: scan(stream), count),
        Step("digest", lambda: lambda: digests_of(senml.topics, senml.payloads), 0),
        _decode("SenML JSON, packs of 5", senml, codecs, 1.5e6),
        _decode("SenML CBOR, packs of 5", step_messages.senml_cbor(), codecs),
        *_frames("fixed layout (Dragino LSE01)", FIXED, codecs, 20e6),
        *_frames("channels and types (Milesight EM300-TH)", TLV, codecs, 20e6),
        *_frames("Cayenne LPP", CAYENNE, codecs),
        _decode("ChirpStack JSON around channels and types", step_messages.chirpstack_json(), codecs),
        Step("resolve", lambda: lambda: resolve(columns, senml, registry), count),
        Step("check: sort, and hold against what came before", lambda: _checking(resolved.batch, registry), count, 20e6),
        Step("sort", lambda: lambda: sort_unique(resolved.batch), count),
        Step("encode readings", lambda: lambda: encode_readings(unique), count, 20e6),
        Step("encode uplinks", lambda: lambda: encode_uplinks(*uplinks), 0),
        Step("prepare: sort, encode and all else that is written", lambda: lambda: prepare(senml, resolved, batch), count),
    ]


def _decode(name: str, group: Group, codecs: Codecs, to_reach: float | None = None) -> Step:
    registry = step_messages.registry()
    columns = decode(fresh(group), registry, codecs)
    if columns.rejects:
        raise BenchError(f"{name}: {columns.rejects[0]}")

    def ready() -> Callable[[], object]:
        arrived = fresh(group)
        return lambda: decode(arrived, registry, codecs)

    return Step(f"decode {name}", ready, len(columns), to_reach)


def _checking(batch: Batch, registry: Registry) -> Callable[[], object]:
    recent = Recent()
    recent.check(replace(batch, time_us=batch.time_us - 60_000_000, value=batch.value + 0.1), registry)
    return lambda: recent.check(batch, registry)


def _frames(name: str, kind: str, codecs: Codecs, to_reach: float | None = None) -> list[Step]:
    """Measure a codec by itself, and with what it takes to tell it apart and to gather its frames."""
    registry, found = step_messages.registry(), step_messages.frames(kind)
    columns = codecs.decode(found, registry)
    if columns.rejects:
        raise BenchError(f"{name}: {columns.rejects[0]}")
    return [
        Step(f"decode {name}, codec alone", lambda: lambda: codecs.decode(found, registry), len(columns), to_reach),
        _decode(f"{name}, as messages", step_messages.framed(kind), codecs),
    ]


def _measure(step: Step, seconds: float, say: Callable[[str], None]) -> Measured:
    took: list[float] = []
    while len(took) < _LEAST_ROUNDS or sum(took) < seconds:
        run = step.ready()
        began = thread_time()
        run()
        took.append(thread_time() - began)
    say(f"{step.name}: {min(took) / MESSAGES * 1e6:.2f} \N{MICRO SIGN}s a message")
    return Measured(step, min(took), len(took))


@contextmanager
def _as_ingest_has_it() -> Iterator[None]:
    """Keep to one core, and collect garbage as seldom as ingest does."""
    cores, thresholds = os.sched_getaffinity(0), gc.get_threshold()
    os.sched_setaffinity(0, {max(cores)})
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        os.sched_setaffinity(0, cores)
