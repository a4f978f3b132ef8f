"""The real ingest program with something tampered with: `die:PLACE:NTH`, `no-key`, `shuffle`, `keep-alive:SECONDS`.

Everything else is the code as it ships. What is replaced is named by module and attribute: a renamed step fails at once.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

import ingest.packets
import ingest.pipeline
import ingest.prepared
import ingest.receive
import ingest.session
import ingest.store
from hedgerow.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Step = Callable[..., Any]

_PUBACKS = (ingest.receive, "puback_bytes")
_SEND = (ingest.receive.MqttSession, "send_acknowledgements")
_QUERY = (ingest.store, "query")
_SORT = (ingest.prepared, "sort_unique")

PLACES: dict[str, tuple[Any, str]] = {
    "received": (ingest.session.Arrivals, "put"),
    "decoded": (ingest.pipeline, "decode"),
    "prepared": (ingest.pipeline, "prepare"),
    "copied": (ingest.store.Store, "_write_readings"),
    "before-commit": (ingest.store.Store, "_write_rows"),
    "committed": (ingest.store.Store, "_write_once"),
    "half-acknowledged": _SEND,
    "acknowledged": _SEND,
}
"""Where ingest may be told to die: as soon as the named step has ended; the last but one has sent half of its bytes."""


def main(words: list[str]) -> None:
    """Tamper, then run `hedgerow ingest`."""
    for word in words:
        what, *details = word.split(":")
        _TAMPERINGS[what](*details)
    app(["ingest"])


def die(place: str, nth: str) -> None:
    """Die as by kill -9 when a place is passed for the n-th time."""
    if place == "half-acknowledged":
        _replace(*_PUBACKS, partial(_halved, int(nth), count(1)))
    _replace(*PLACES[place], partial(_deadly, int(nth), count(1)))


def _replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Put something made from the real thing in its place."""
    setattr(owner, name, make(getattr(owner, name)))


def _deadly(nth: int, passages: Iterator[int], real: Step) -> Step:
    def passed(*arguments: object, **named: object) -> object:
        result = real(*arguments, **named)
        if next(passages) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return passed


def _halved(nth: int, passages: Iterator[int], real: Step) -> Step:
    """Cut the n-th acknowledgements off in the middle of a packet."""

    def half(packet_ids: object) -> bytes:
        data: bytes = real(packet_ids)
        return data[: len(data) // 2 + 1] if next(passages) == nth else data

    return half


def write_without_key() -> None:
    """Store what is staged as if readings had no key; the test has dropped it."""
    _replace(*_QUERY, partial(_changed_query, "store_staged_readings", lambda text: text.partition("ON CONFLICT")[0]))


def shuffle() -> None:
    """Write readings in no order; what is staged goes in as it lies."""
    order = np.random.default_rng(os.getpid())

    def shuffled(real: Step) -> Step:
        def sort_unique(batch: object) -> object:
            unique = real(batch)
            return replace(unique, batch=unique.batch.take(order.permutation(len(unique.batch))))

        return sort_unique

    _replace(*_SORT, shuffled)
    _replace(
        *_QUERY, partial(_changed_query, "store_staged_readings", lambda text: text.replace("ORDER BY series_id, time", ""))
    )


def _changed_query(name: str, change: Callable[[str], str], real: Step) -> Step:
    def query(asked: str) -> str:
        text: str = real(asked)
        if asked != name:
            return text
        changed = change(text)
        if changed == text:
            raise ValueError(f"the query {name} does not read as it did: look at this tampering again")
        return changed

    return query


def set_keep_alive(seconds: str) -> None:
    """Let the broker miss us sooner."""
    for module in (ingest.packets, ingest.receive):
        _replace(module, "KEEP_ALIVE_S", lambda _real: int(seconds))
    _replace(ingest.receive, "_PING_S", lambda _real: int(seconds) / 2)


_TAMPERINGS: dict[str, Callable[..., None]] = {
    "die": die,
    "no-key": write_without_key,
    "shuffle": shuffle,
    "keep-alive": set_keep_alive,
}


if __name__ == "__main__":
    main(sys.argv[1:])
