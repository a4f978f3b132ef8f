"""Tests of simulators/verify.py: whatever is lost, doubled, invented or altered on purpose is found."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from devices.topics import device_topic
from simulators.ledger import LedgerError
from simulators.message import Message, Reading
from simulators.verify import verify
from tests.integration.ledger_store import START_US, ZEROS, Store, faults_of, filled, message, write_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    WriteLedger = Callable[..., Path]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Give a store with the device dev-1 at place-1, on either flavour."""
    with filled(database) as store:
        yield store


@pytest.fixture
def write(tmp_path: Path) -> WriteLedger:
    """Write a ledger of messages."""
    return partial(write_ledger, tmp_path)


def test_verify_everything_stored_is_good(store: Store, write: WriteLedger) -> None:
    """What was sent is there, to the last bit: all zeros."""
    messages = [message(number) for number in range(20)]
    store.store_messages(messages)

    figures, examples = verify([write(messages)], store.url)

    assert figures.ok
    assert examples == []
    assert (figures.messages, figures.acknowledged, figures.readings, figures.stored) == (20, 20, 60, 60)


def test_verify_missing_row_is_lost(store: Store, write: WriteLedger) -> None:
    """An acknowledged reading that is nowhere is lost, and said which."""
    messages = [message(number) for number in range(5)]
    store.store_messages(messages[:-1])
    store.store(messages[-1].readings[1:])

    figures, examples = verify([write(messages)], store.url)

    assert faults_of(figures) == ZEROS | {"lost": 1}
    assert not figures.ok
    (example,) = examples
    assert (example.fault, example.uid, example.metric, example.expected) == ("lost", "dev-1", "no2", "4.1")
    assert example.time is not None
    assert round(example.time.timestamp() * 1e6) == messages[-1].readings[0].time_us


def test_verify_unregistered_device_loses_what_is_not_held(store: Store, write: WriteLedger) -> None:
    """A device nobody knows has no rows: all it sent is lost, unless it is held."""
    figures, _examples = verify([write([message(1, "dev-9")])], store.url)

    assert faults_of(figures) == ZEROS | {"lost": 3}


@pytest.mark.parametrize("is_stored", [False, True])
def test_verify_unacknowledged_message_may_be_either(store: Store, write: WriteLedger, is_stored: bool) -> None:  # noqa: FBT001
    """A message nobody confirmed is neither lost when it is missing nor a phantom when it is there."""
    messages = [message(1), message(2)]
    store.store_messages(messages if is_stored else messages[:1])

    figures, _examples = verify([write(messages, unacknowledged=[1])], store.url)

    assert figures.ok
    assert (figures.acknowledged, figures.unacknowledged, figures.stored) == (1, 1, 6 if is_stored else 3)


def test_verify_row_stored_twice_under_its_key_is_a_duplicate(store: Store, write: WriteLedger) -> None:
    """Without its key the table takes a reading twice: each row too many is counted and said."""
    good = message(1)
    store.execute("ALTER TABLE reading DROP CONSTRAINT reading_pkey")
    store.store_messages([good, good])

    figures, examples = verify([write([good])], store.url)

    assert faults_of(figures) == ZEROS | {"duplicate": 3}
    assert {(example.fault, example.found) for example in examples} == {("duplicate", "1 more under the same key")}


def test_verify_row_that_was_never_sent_is_a_phantom(store: Store, write: WriteLedger) -> None:
    """Another time, even by a microsecond, is another reading."""
    good = message(1)
    store.store_messages([good])
    store.store([good.readings[0]._replace(time_us=START_US + 60_000_001)])

    figures, examples = verify([write([good])], store.url)

    assert faults_of(figures) == ZEROS | {"phantom": 1}
    assert [(example.fault, example.metric, example.found) for example in examples] == [("phantom", "no2", "1.1")]


def test_verify_metric_that_was_never_sent_is_a_phantom(store: Store, write: WriteLedger) -> None:
    """A row in a series of the device's site that no message speaks of."""
    good = message(1)
    store.store_messages([good])
    store.store([Reading("so2", good.readings[0].time_us, 1.0)])

    assert faults_of(verify([write([good])], store.url)[0]) == ZEROS | {"phantom": 1}


def test_verify_value_off_by_the_last_bit_is_wrong(store: Store, write: WriteLedger) -> None:
    """Equality is exact."""
    good = message(1)
    store.store(good.readings[1:])
    store.store([good.readings[0]._replace(value=float(np.nextafter(1.1, 2)))])

    figures, examples = verify([write([good])], store.url)

    assert faults_of(figures) == ZEROS | {"wrong": 1}
    assert (figures.wrong_value, figures.wrong_reason) == (1, 0)
    assert [(example.fault, example.expected, example.found) for example in examples] == [
        ("wrong", "1.1", "1.1000000000000003")
    ]


def test_verify_message_sent_twice_is_stored_once(store: Store, write: WriteLedger) -> None:
    """A duplicate and a repeat after a lost connection count once; the rows of the first are enough."""
    messages = [message(1), message(1), message(2)]
    store.store_messages([message(1), message(2)])

    figures, _examples = verify([write(messages, again=[2])], store.url)

    assert figures.ok
    assert (figures.messages, figures.sent_again, figures.readings, figures.stored) == (3, 1, 6, 6)


def test_verify_two_values_for_one_time_may_be_either(store: Store, write: WriteLedger) -> None:
    """Where a device contradicts itself, the store holds one of the values it sent, and no third."""
    first, second = message(1), message(1)
    second = Message(second.uid, second.topic, b"other", tuple(reading._replace(value=9.9) for reading in second.readings))
    store.store([first.readings[0], second.readings[1], first.readings[2]._replace(value=5.5)])

    assert faults_of(verify([write([first, second])], store.url)[0]) == ZEROS | {"wrong": 1}


def test_verify_row_at_a_place_the_device_had_left_is_a_duplicate(store: Store, write: WriteLedger) -> None:
    """A reading stored where the device was, and where it was not yet, is stored twice."""
    store.execute("UPDATE deployment SET during = tstzrange(NULL, to_timestamp(%s))", START_US / 1e6 + 150)
    store.place("dev-1", "place-2", f"[{np.datetime64(START_US + 150_000_000, 'us')}Z,)")
    messages = [message(1), message(2), message(3)]
    store.store_messages(messages[:2])
    store.store(messages[2].readings, "place-2")
    path = write(messages)

    good, _examples = verify([path], store.url)
    store.store(messages[0].readings, "place-2")
    doubled, _examples = verify([path], store.url)

    assert good.ok
    assert faults_of(doubled) == ZEROS | {"duplicate": 3}


def test_verify_rows_of_another_device_at_the_place_are_its_own(store: Store, write: WriteLedger) -> None:
    """Who stood there before, or stands there too, is not the ledger's business."""
    store.place("dev-8", "place-1")
    store.store_messages([message(1), message(7, "dev-8")])

    assert verify([write([message(1)])], store.url)[0].ok


def test_verify_two_devices_of_the_ledger_at_one_place_are_told_apart(store: Store, write: WriteLedger) -> None:
    """Rows of both are in the same series: what one of them sent is no phantom of the other."""
    store.place("dev-2", "place-1")
    messages = [message(1), message(7, "dev-2")]
    store.store_messages(messages)
    path = write(messages)

    assert verify([path], store.url)[0].ok
    store.store([Reading("no2", START_US, 3.0)])
    assert faults_of(verify([path], store.url)[0]) == ZEROS | {"phantom": 1}


def test_verify_two_ledgers_of_the_same_devices_go_together(store: Store, write: WriteLedger) -> None:
    """What only the other ledger knows looks like a phantom until it is given too."""
    store.store_messages([message(1), message(2)])
    first, second = write([message(1)]), write([message(2)])

    assert faults_of(verify([first], store.url)[0]) == ZEROS | {"phantom": 3}
    together, _examples = verify([first, second], store.url)
    assert together.ok
    assert together.stored == 6


def test_verify_waits_for_what_is_on_its_way(store: Store, write: WriteLedger) -> None:
    """A reading that is stored while verify waits is not lost; without waiting it would be."""
    store.store_messages([message(1)])
    path = write([message(1), message(2)])
    without_waiting, _examples = verify([path], store.url)

    def store_later() -> None:
        time.sleep(1)
        store.store_messages([message(2)])

    late = threading.Thread(target=store_later)
    late.start()
    waited, _examples = verify([path], store.url, wait_s=30)
    late.join()

    assert without_waiting.lost == 3
    assert waited.ok


def test_verify_metric_the_database_lacks_is_said(store: Store, write: WriteLedger) -> None:
    """A ledger of another vocabulary cannot be compared."""
    strange = Message("dev-1", device_topic("dev-1"), b"", (Reading("midges_per_hand", START_US, 1.0),))

    with pytest.raises(LedgerError, match="midges_per_hand"):
        verify([write([strange])], store.url)


def test_verify_leaves_nothing_in_the_database(store: Store, write: WriteLedger) -> None:
    """It works in temporary tables of its own connection."""
    before = store.execute("SELECT count(*) FROM pg_class")
    verify([write([message(1)])], store.url)

    give_up = time.monotonic() + 10  # the server clears up a moment after the connection has gone
    while store.execute("SELECT count(*) FROM pg_class") != before and time.monotonic() < give_up:
        time.sleep(0.05)
    assert store.execute("SELECT count(*) FROM pg_class") == before
