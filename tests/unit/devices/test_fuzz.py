"""Twenty thousand damaged inputs for each parser: none raises, none takes long, none costs memory."""

from __future__ import annotations

import resource
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from devices import flat, senml_plain
from devices.columns import NO_TIME_US
from devices.formats import decode_self_explaining
from devices.reasons import Reason
from devices.states import parse_states, plain_label
from devices.topics import Kind, parse_topic
from tests.unit.devices import mutations
from tests.unit.devices.examples import DEVICE, GATEWAY, decode_flat, messages
from tests.unit.devices.mutations import BINARY_SPLINTERS, TEXT_SPLINTERS, mutated, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devices.columns import Columns

EXECUTIONS = 20_000
GENEROUS_S = 5.0
"""For one input; most take some microseconds."""
GENEROUS_BYTES = 100 * 2**20
"""For all inputs of a parser together."""


def check_columns(columns: Columns, payload: bytes) -> None:
    """See that readings and rejects can be stored, replayed and told apart, and that nothing vanished."""
    assert len(columns) or columns.rejects
    assert np.isfinite(columns.value).all()
    assert ((columns.time_us == NO_TIME_US) | (np.abs(columns.time_us) < 10**18)).all()
    items = columns.item.tolist() + [reject.item for reject in columns.rejects]
    assert len(items) == len(set(items))
    for reject in columns.rejects:
        assert isinstance(reject.reason, Reason)
        assert 0 < len(reject.detail) < 1000
        if reject.payload is not None:
            assert len(reject.payload) < 2 * len(payload) + 6 * len(payload) + 200
            reject.payload.decode()


def fuzz_senml(payload: bytes, chance: Random) -> None:
    """Read a pack both ways."""
    asked = messages(payload, topics=[chance.choice([DEVICE, DEVICE, GATEWAY])])
    check_columns(decode_self_explaining(asked), payload)
    plain, others = senml_plain.decode(asked)
    assert (plain is None) == bool(others)
    if plain is not None:
        check_columns(plain, payload)


def fuzz_flat(payload: bytes, _chance: Random) -> None:
    """Read flat objects."""
    check_columns(decode_flat(messages(payload)), payload)


def fuzz_topic(topic: bytes, _chance: Random) -> None:
    """Read a topic."""
    source = parse_topic(topic.decode("utf-8", "replace"))
    assert (source.kind is Kind.UNKNOWN) == (source.reason is not None)
    assert len(source.uid) <= 128


def fuzz_time(text: bytes, _chance: Random) -> None:
    """Read a time."""
    with suppress(flat.TimeError):
        assert abs(flat.time_us(text.decode("utf-8", "replace"))) < 10**18


def fuzz_states(text: bytes, _chance: Random) -> None:
    """Read labels and tables of states."""
    label = plain_label(text.decode("utf-8", "replace"))
    assert plain_label(label) == label
    with suppress(ValueError):
        parse_states(text.decode("utf-8", "replace"))


Case = tuple["Callable[[bytes, Random], None]", "Sequence[bytes]", "Sequence[bytes]", bytes]
PARSERS: dict[str, Case] = {
    "senml json": (fuzz_senml, mutations.SENML_JSON, TEXT_SPLINTERS, b"["),
    "senml cbor": (fuzz_senml, mutations.SENML_CBOR, BINARY_SPLINTERS, b"\x83"),
    "flat json": (fuzz_flat, mutations.FLAT_JSON, TEXT_SPLINTERS, b"{"),
    "flat cbor": (fuzz_flat, mutations.FLAT_CBOR, BINARY_SPLINTERS, b"\xa3"),
    "topic": (fuzz_topic, mutations.TOPICS, TEXT_SPLINTERS, b"hedgerow/v1/"),
    "time": (fuzz_time, mutations.TIMES, TEXT_SPLINTERS, b"2024-"),
    "states": (fuzz_states, mutations.STATES, TEXT_SPLINTERS, b"0 "),
}


@pytest.mark.parametrize("parser", PARSERS)
def test_parser_twenty_thousand_damaged_inputs_never_raise(parser: str) -> None:
    """Every input ends as readings or as rejects that can be stored, soon and within bounds."""
    fuzz, seeds, splinters, start = PARSERS[parser]
    chance = Random(20_240_615)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    longest = 0.0
    for _ in range(EXECUTIONS):
        payload = (rewritten if "cbor" in parser else mutated)(chance, seeds, splinters, start)
        began = time.perf_counter()
        try:
            fuzz(payload, chance)
        except Exception as error:
            error.add_note(f"payload: {payload[:300]!r}")
            raise
        longest = max(longest, time.perf_counter() - began)

    assert longest < GENEROUS_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GENEROUS_BYTES
