"""Tests of simulators/verify.py: what is in quarantine, held, or stored under the time of its arrival."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from devices.flags import Flag
from simulators.compose import spoil
from simulators.verify import verify
from sql.queries import query
from tests.integration.ledger_store import START_US, ZEROS, Row, Store, faults_of, filled, message, skewed, write_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulators.message import Reading

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


def test_verify_malformed_messages_in_quarantine_are_good(store: Store, write: WriteLedger) -> None:
    """Each is there for its reason, as often as it should, and the good neighbours are stored."""
    messages = [spoil(message(n), name) for n, name in enumerate(["empty_payload", "unknown_metric", "newer_version"])]
    store.store_messages(messages)
    store.quarantine(Row(messages[0]), Row(messages[1], item=1), *(Row(messages[2], item=item) for item in (1, 2, 3)))

    figures, _examples = verify([write(messages)], store.url)

    assert figures.ok
    assert (figures.malformed, figures.quarantined, figures.stored) == (3, 5, 2)


def test_verify_malformed_message_that_vanished_is_lost(store: Store, write: WriteLedger) -> None:
    """Refused readings are data too: one that is in no quarantine is lost, whole messages and single readings alike."""
    messages = [spoil(message(1), "empty_payload"), spoil(message(2), "newer_version"), spoil(message(3), "bad_name")]
    store.store_messages(messages)
    store.quarantine(Row(messages[1], item=1), Row(messages[1], item=2))

    figures, examples = verify([write(messages)], store.url)

    assert faults_of(figures) == ZEROS | {"lost": 3}
    assert {(example.fault, example.expected) for example in examples} == {
        ("lost", "quarantine: payload_empty"),
        ("lost", "quarantine: name_invalid"),
    }


def test_verify_good_neighbour_that_vanished_is_lost(store: Store, write: WriteLedger) -> None:
    """That one reading of a message is in quarantine excuses no other."""
    spoilt = spoil(message(1), "unknown_metric")
    store.quarantine(Row(spoilt, item=1))
    store.store(spoilt.readings[1:])

    assert faults_of(verify([write([spoilt])], store.url)[0]) == ZEROS | {"lost": 1}


def test_verify_wrong_reason_in_quarantine_is_wrong(store: Store, write: WriteLedger) -> None:
    """Refused, but not for what it was."""
    spoilt = spoil(message(1), "empty_pack")
    store.quarantine(Row(spoilt, "not_json"))

    figures, examples = verify([write([spoilt])], store.url)

    assert faults_of(figures) == ZEROS | {"wrong": 1}
    assert [(example.expected, example.found) for example in examples] == [("quarantine: pack_empty", "quarantine: not_json")]


def test_verify_good_message_in_quarantine_is_wrong(store: Store, write: WriteLedger) -> None:
    """It is not lost, but it should have been stored."""
    store.quarantine(Row(message(1), "not_json"))

    figures, _examples = verify([write([message(1)])], store.url)

    assert faults_of(figures) == ZEROS | {"wrong": 1}
    assert (figures.wrong_value, figures.wrong_reason) == (0, 1)


def test_verify_good_neighbour_in_quarantine_is_wrong(store: Store, write: WriteLedger) -> None:
    """Of a message one reading was bad; that two are refused is one too many."""
    spoilt = spoil(message(1), "unknown_metric")
    store.quarantine(Row(spoilt, item=1), Row(spoilt, item=2))
    store.store(spoilt.readings[1:])

    assert faults_of(verify([write([spoilt])], store.url)[0]) == ZEROS | {"wrong": 1}


def test_verify_quarantine_row_too_many_is_a_duplicate(store: Store, write: WriteLedger) -> None:
    """One sending, one row; two sendings, up to two."""
    spoilt = spoil(message(1), "empty_pack")
    store.quarantine(Row(spoilt), Row(spoilt, copy=1))

    assert faults_of(verify([write([spoilt])], store.url)[0]) == ZEROS | {"duplicate": 1}
    assert verify([write([spoilt], again=[0])], store.url)[0].ok
    assert verify([write([spoilt, spoilt])], store.url)[0].ok


def test_verify_quarantine_and_held_rows_never_sent_are_phantoms(store: Store, write: WriteLedger) -> None:
    """Set aside in a device's name, but no message of its ledger."""
    store.store_messages([message(1)])
    store.quarantine(Row(message(5), "not_json"))
    store.hold(Row(message(6)))

    assert faults_of(verify([write([message(1)])], store.url)[0]) == ZEROS | {"phantom": 2}


def test_verify_held_messages_are_not_lost(store: Store, write: WriteLedger) -> None:
    """They wait for their device to be registered, good and malformed alike."""
    messages = [message(1, "dev-9"), message(2, "dev-9"), spoil(message(3, "dev-9"), "unknown_metric")]
    store.hold(*map(Row, messages))

    figures, _examples = verify([write(messages)], store.url)

    assert figures.ok
    assert (figures.messages_held, figures.readings_held, figures.stored) == (3, 8, 0)


def test_verify_held_row_too_many_is_a_duplicate(store: Store, write: WriteLedger) -> None:
    """Held twice for one sending; or held although it was stored."""
    store.hold(Row(message(1, "dev-9")), Row(message(1, "dev-9"), copy=1), Row(message(2)))
    store.store_messages([message(2)])

    figures, _examples = verify([write([message(1, "dev-9"), message(2)])], store.url)

    assert faults_of(figures) == ZEROS | {"duplicate": 1 + 3}


def arrival(number: int) -> Reading:
    """Give the reading of a skewed message as it should stand in the store."""
    return skewed(number).readings[0]._replace(time_us=START_US + 7_000_000 + number)


def test_verify_impossible_time_stands_under_arrival_with_its_flag(store: Store, write: WriteLedger) -> None:
    """Where the clock is wrong, value and flag are what can be compared."""
    messages = [skewed(1), skewed(2), message(3)]
    store.store_messages([message(3)])
    store.store([arrival(1), arrival(2)], flags=Flag.CLOCK | Flag.OUT_OF_RANGE)

    figures, _examples = verify([write(messages)], store.url)

    assert figures.ok
    assert (figures.readings, figures.stored, figures.stored_by_arrival) == (5, 5, 2)


def test_verify_impossible_time_missing_or_unflagged_is_found(store: Store, write: WriteLedger) -> None:
    """A skewed reading that is not there is lost; one without the flag is lost and a phantom."""
    store.store([arrival(2)])

    figures, examples = verify([write([skewed(1), skewed(2)])], store.url)

    assert faults_of(figures) == ZEROS | {"lost": 2, "phantom": 1}
    assert {example.fault for example in examples} == {"lost", "phantom"}


def test_verify_impossible_time_stored_once_too_often_is_a_duplicate(store: Store, write: WriteLedger) -> None:
    """The broker's redelivery must keep the first arrival: a second row is one too many, unless it was sent again."""
    store.store([arrival(1), arrival(1)._replace(time_us=START_US + 9_000_000)], flags=Flag.CLOCK)

    assert faults_of(verify([write([skewed(1)])], store.url)[0]) == ZEROS | {"duplicate": 1}
    assert verify([write([skewed(1)], again=[0])], store.url)[0].ok


def test_verify_impossible_time_with_another_value_is_found(store: Store, write: WriteLedger) -> None:
    """A value nobody sent: lost and a phantom."""
    store.store([arrival(1)._replace(value=77.0)], flags=Flag.CLOCK)

    assert faults_of(verify([write([skewed(1)])], store.url)[0]) == ZEROS | {"lost": 1, "phantom": 1}


def test_verify_clock_flag_in_the_query_is_the_one_of_ingest() -> None:
    """The bit is written out in SQL."""
    assert int(Flag.CLOCK) == 512
    assert "flags & 512" in query("match_ledger")
