"""Prepared: what one transaction writes adds up to what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from devices.columns import Reject
from devices.digest import digest_of
from devices.flags import Flag
from devices.reasons import Reason
from ingest.check import check
from ingest.decode import decode
from ingest.encode import encode_readings
from ingest.prepared import Prepared, prepare, refusal_of
from ingest.resolve import nothing_resolved, resolve
from tests.unit.ingest.examples import (
    GATEWAY,
    HOUR_US,
    KNOWN,
    OTHER,
    RECEIVED_US,
    Row,
    batch_of,
    device_topic,
    group,
    registry,
    rows_of,
)

if TYPE_CHECKING:
    from ingest.message import Group

DAY_S = 86_400
NEW = device_topic("not-registered")


def prepared(messages: Group) -> Prepared:
    """Take a group through decode, resolve and check."""
    found = resolve(decode(messages), messages, registry())
    return prepare(messages, found, check(found.batch, registry()))


def test_prepare_readings_are_sorted_unique_and_flagged() -> None:
    """One row a key, in the order of the key, and the newest of each series besides."""
    made = prepared(
        group(
            b'[{"n":"pm25","v":8},{"n":"temperature","v":99,"t":5},{"n":"temperature","v":20}]',
            b'[{"n":"temperature","v":21,"t":-1},{"n":"air_temperature","v":20,"t":4},{"n":"temperature","v":1,"t":-7200}]',
        )
    )

    assert made.readings == encode_readings(
        batch_of(
            [
                Row(101, RECEIVED_US + 1_000_000 - 2 * HOUR_US, 1.0, Flag.LATE),
                Row(101, RECEIVED_US, 20.0),
                Row(101, RECEIVED_US + 5_000_000, 99.0, Flag.OUT_OF_RANGE),
                Row(102, RECEIVED_US, 8.0),
            ]
        )
    )
    assert made.reading_count == 4
    assert [(row.series, row.time_us, row.value) for row in rows_of(made.latest)] == [
        (101, RECEIVED_US + 5_000_000, 99.0),
        (102, RECEIVED_US, 8.0),
    ]


def test_prepare_without_the_archive_stores_readings_alone() -> None:
    """Where raw messages are not to be kept none is written, and no partition is asked for; readings are as ever."""
    messages = group(b'[{"n":"pm25","v":8}]')
    found = resolve(decode(messages), messages, registry())
    made = prepare(messages, found, check(found.batch, registry()), archive=False)

    assert prepared(messages).uplinks
    assert made.uplinks == b""
    assert made.uplink_days.tolist() == []
    assert made.readings == prepared(messages).readings


def test_prepare_counts_add_up() -> None:
    """Readings = stored + duplicate + quarantined; messages say what became of each."""
    made = prepared(
        group(
            b'[{"bt":1699999000,"n":"temperature","v":1},{"n":"temperature","v":1},{"n":"temperature","v":2}]',
            b'[{"n":"temperature","v":1},{"n":"aura","v":1},{"n":"a b","v":1}]',
            b"nonsense",
            b'[{"n":"temperature","v":1},{"n":"pm25","v":1}]',
            b'[{"n":"x:temperature","v":1},{"n":"y:temperature","v":1},{"n":"dev-2:temperature","v":3}]',
            topics=[device_topic(KNOWN), device_topic(OTHER), device_topic(KNOWN), NEW, GATEWAY],
        )
    )

    assert dict(made.counts) == {
        "messages": 5,
        "messages_redelivered": 0,
        "messages_quarantined": 1,
        "messages_held": 2,
        "readings": 7,
        "readings_duplicate": 2,
        "readings_conflicting": 1,
        "readings_quarantined": 2,
    }
    assert made.counts["readings"] == made.reading_count + made.counts["readings_duplicate"] + len(made.quarantine) - 1
    assert len(made.held) == 3


def test_prepare_quarantine_rows_say_what_a_person_needs() -> None:
    """Whole messages with their bytes, single readings with what a replay needs, each under a key of its own."""
    bad = b'[{"n":"temperature","v":"x"},{"n":"aura","u":"lx","v":5}]'
    messages = group(b"hell\xc3\xb6", bad, topics=[device_topic(KNOWN)] * 2)

    made = prepared(messages)

    first, second, third = sorted(made.quarantine, key=lambda row: (row["received_us"], row["item"]))
    assert first == {
        "received_us": RECEIVED_US,
        "digest": digest_of(device_topic(KNOWN), b"hell\xc3\xb6"),
        "item": 0,
        "device_uid": KNOWN,
        "topic": device_topic(KNOWN),
        "payload": b"hell\xc3\xb6",
        "reason": "not_json",
        "detail": first["detail"],
    }
    assert [(row["item"], row["reason"], row["received_us"]) for row in (second, third)] == [
        (1, "value_not_numeric", RECEIVED_US + 1_000_000),
        (2, "metric_unknown", RECEIVED_US + 1_000_000),
    ]
    assert second["payload"] == bad
    assert third["payload"] != bad


@pytest.mark.parametrize("detail", ["a\x00b", "\ud800", "x" * 10_000, "\x00" * 600])
def test_prepare_texts_are_such_as_postgresql_holds(detail: str) -> None:
    """One NUL or lone surrogate would make the database refuse everything that came with it."""
    made = refusal_of(group(b"x", topics=["nonsense/\x00"]), detail)

    (row,) = made.quarantine
    for text in (row["topic"], row["detail"]):
        assert isinstance(text, str)
        assert "\x00" not in text
        assert len(text.encode()) > 0
    assert len(str(row["detail"])) <= 500
    assert row["device_uid"] is None


def test_prepare_topic_that_is_no_text_is_kept_readable() -> None:
    """The library lets through what MQTT forbids: bytes that are no UTF-8."""
    messages = group(b"x")
    messages.topics = [b"hedgerow/v1/\xff\xfe/up"]

    (row,) = prepared(messages).quarantine

    assert row["topic"] == "hedgerow/v1/\ufffd\ufffd/up"
    assert row["reason"] == "uid_invalid"


def test_prepare_held_rows_have_their_own_key() -> None:
    """A message of one unregistered device under its own topic, each part of a gateway's pack under its device's."""
    payload = b'[{"n":"temperature","v":1}]'
    made = prepared(group(payload, b'[{"n":"x:temperature","v":1},{"n":"y:temperature","v":2}]', topics=[NEW, GATEWAY]))

    assert [(row["device_uid"], row["topic"], row["received_us"]) for row in made.held] == [
        ("not-registered", NEW, RECEIVED_US),
        ("x", device_topic("x"), RECEIVED_US + 1_000_000),
        ("y", device_topic("y"), RECEIVED_US + 1_000_000),
    ]
    for row in made.held:
        assert isinstance(row["payload"], bytes)
        assert row["digest"] == digest_of(str(row["topic"]), row["payload"])
    assert made.held[0]["payload"] == payload


def test_prepare_released_messages_take_back_the_rows_that_were_held() -> None:
    """The keys are those under which `held` was written, and nobody is told of them as of new messages."""
    waiting = prepared(group(b'[{"n":"temperature","v":1}]', topics=[NEW])).held
    messages = group(b'[{"n":"temperature","v":1}]', topics=[NEW], held=True)

    made = prepared(messages)

    assert list(made.released) == [{name: waiting[0][name] for name in ("device_uid", "received_us", "digest")}]
    assert made.delivery is None
    assert made.counts["messages"] == 0


def test_prepare_uplinks_archive_messages_with_readings_of_known_devices() -> None:
    """The raw message, its device and its digest; what is held or refused as a whole has its bytes elsewhere."""
    good = b'[{"n":"temperature","v":1}]'
    made = prepared(group(good, b"nonsense", good, topics=[device_topic(KNOWN), device_topic(KNOWN), NEW]))

    assert made.uplinks.count(good) == 1
    assert device_topic(KNOWN).encode() in made.uplinks
    assert NEW.encode() not in made.uplinks
    assert prepared(group(b"nonsense")).uplinks == b""


def test_prepare_days_are_those_of_what_is_written() -> None:
    """Each UTC day once, before 1970 too: they decide which partitions must exist."""
    times_us = [-1, 0, DAY_S * 1_000_000 - 1, DAY_S * 1_000_000, RECEIVED_US]
    messages = group(b"x")

    made = prepare(messages, nothing_resolved(messages, []), batch_of([Row(1, time_us, 0.0) for time_us in times_us]))

    assert made.reading_days.tolist() == [-DAY_S, 0, DAY_S, RECEIVED_US // 1_000_000 // DAY_S * DAY_S]
    assert made.uplink_days.tolist() == []
    assert prepared(group(b'{"temperature":1}')).uplink_days.tolist() == [RECEIVED_US // 1_000_000 // DAY_S * DAY_S]


def test_prepare_deliveries_are_remembered_as_they_were_stamped() -> None:
    """Digests and arrivals as eight bytes each, packet ids as two, in step."""
    messages = group(b"a", b"b")

    made = prepared(messages)

    assert made.delivery is not None
    assert np.frombuffer(made.delivery["digests"], "<i8").tolist() == messages.digests.tolist()
    assert np.frombuffer(made.delivery["packet_ids"], "<u2").tolist() == messages.packet_ids.tolist()
    assert np.frombuffer(made.delivery["received_us"], "<i8").tolist() == [RECEIVED_US, RECEIVED_US + 1_000_000]
    assert made.oldest_received_us == RECEIVED_US


def test_prepare_deliveries_known_already_are_not_remembered_again() -> None:
    """What came before stands with its first arrival: a second entry would push out another message's."""
    messages = group(b"a", b"b")
    messages.repeated[0] = True

    some = prepared(messages)
    messages.repeated[1] = True
    none = prepared(messages)

    assert some.delivery is not None
    assert np.frombuffer(some.delivery["digests"], "<i8").tolist() == messages.digests.tolist()[1:]
    assert none.delivery is None


def test_prepare_repeated_messages_give_the_same_rows_again() -> None:
    """Stored once more they change nothing: every key is the one of the first time."""
    payloads = (b'{"temperature":1}', b'{"aura":1}', b"nonsense", b'{"temperature":1}')
    topics = [device_topic(KNOWN)] * 3 + [NEW]

    once, again = prepared(group(*payloads, topics=topics)), prepared(group(*payloads, topics=topics))

    assert once.readings == again.readings
    assert once.uplinks == again.uplinks
    assert list(once.quarantine) == list(again.quarantine)
    assert list(once.held) == list(again.held)


def test_prepare_known_repeats_are_not_archived_again() -> None:
    """The first delivery put them there, in the transaction that stored their readings."""
    messages = group(b'{"temperature":1}', b'{"temperature":2}')
    messages.repeated[0] = True

    made = prepared(messages)

    assert made.uplinks.count(b'{"temperature":1}') == 0
    assert made.uplinks.count(b'{"temperature":2}') == 1
    assert made.reading_count == 2
    assert made.counts["messages_redelivered"] == 1


def test_refusal_of_message_sets_all_of_it_aside() -> None:
    """What the database itself refuses: the bytes, the reason, and no reading."""
    made = refusal_of(group(b'{"temperature":1}'), "invalid byte sequence")

    assert made.reading_count == 0
    assert made.uplinks == b""
    assert [(row["item"], row["reason"], row["payload"], row["detail"]) for row in made.quarantine] == [
        (0, "store_refused", b'{"temperature":1}', "invalid byte sequence")
    ]
    assert made.counts["messages_quarantined"] == 1


def test_refusal_of_held_message_takes_it_back_too() -> None:
    """Otherwise it would be released, and refused, for ever."""
    made = refusal_of(group(b"{}", held=True), "no")

    assert len(made.released) == 1
    assert len(made.quarantine) == 1


def test_prepare_reject_with_a_payload_of_its_own_is_replayed_by_that() -> None:
    """Without one the message's own bytes stand."""
    messages = group(b"whole")
    rejects = [Reject(0, Reason.METRIC_UNKNOWN, "", 1, b"part"), Reject(0, Reason.METRIC_UNKNOWN, "", 2)]

    made = prepare(messages, nothing_resolved(messages, rejects), batch_of([]))

    assert [row["payload"] for row in made.quarantine] == [b"part", b"whole"]
