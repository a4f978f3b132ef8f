"""The decoding half of the path for one shipped device profile: a frame in, what is stored of it out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.codecs import Codecs
from devices.frames import frames_of
from devices.registry import Registry, build_registry
from devices.shipped_profiles import load_shipped_profiles
from devices.vocabulary import load_vocabulary
from ingest.check import check
from ingest.resolve import resolve
from tests.unit.ingest.examples import RECEIVED_US, device_topic, group

if TYPE_CHECKING:
    from devices.columns import Reject

METRICS = load_vocabulary()
_CODECS = Codecs()


class Stored(NamedTuple):
    """One reading as it is stored."""

    metric: str
    value: float
    time_us: int
    flags: int


@cache
def registry() -> Registry:
    """Build the registry of a council with one device of every shipped profile, named like it, each at a site of its own."""
    profiles = load_shipped_profiles()
    places = range(len(profiles))
    return build_registry(
        [(i, one.key, one.unit, one.unit_senml, one.valid_min, one.valid_max) for i, one in enumerate(METRICS)],
        [(alias, i) for i, one in enumerate(METRICS) for alias in one.aliases],
        [(i, label, code) for i, one in enumerate(METRICS) for code, label in one.states],
        [(i, *profiles[i].profile, 400 * 86_400, 600) for i in places],
        [(i, profiles[i].key, i) for i in places],
        [(i, i, i, "", None, None) for i in places],
        [(i * 1000 + j, i, j, "") for i in places for j in range(len(METRICS))],
    )


def stored_of(key: str, port: int, payload: bytes) -> tuple[list[Stored], list[Reject]]:
    """Carry one frame of a device through decode, resolve and check; gives readings in the order of the frame."""
    frames = frames_of([(0, key, port, payload, RECEIVED_US)])
    with np.errstate(all="raise"):
        columns = _CODECS.decode(frames, registry())
        resolved = resolve(columns, group(payload, topics=[device_topic(key)]), registry())
        batch = check(resolved.batch, registry())
    assert resolved.missing == []
    return [
        Stored(METRICS[metric].key, value, time_us, flags)
        for metric, value, time_us, flags in zip(
            batch.metric.tolist(), batch.value.tolist(), batch.time_us.tolist(), batch.flags.tolist(), strict=True
        )
    ], list(resolved.rejects)


def state(metric: str, label: str) -> float:
    """Give the code of a state."""
    (known,) = (one for one in METRICS if one.key == metric)
    return next(float(code) for code, name in known.states if name == label)
