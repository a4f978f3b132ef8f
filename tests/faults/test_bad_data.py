"""Data that must not get through, or not so: malformed messages, poison that only the database refuses, impossible clocks."""

from __future__ import annotations

import json
import threading
import time
from random import Random
from typing import TYPE_CHECKING

import psycopg
import pytest

from devices.flat import time_us
from devices.reasons import Reason
from ingest.deliveries import Deliveries
from ingest.message import Message as Arrived
from ingest.message import group_of
from ingest.pipeline import Pipeline
from ingest.receive import MqttSession
from ingest.registrar import Registrar
from ingest.settings import IngestSettings
from ingest.store import Refused, Store
from simulators.faults import Faults
from simulators.malformed import MALFORMED
from simulators.message import Message
from simulators.stream import Course
from tests.faults.harness import SEED, report, running_trial, sized, wait_until
from tests.faults.published import assert_all_accounted_for, drain_rate, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.prepared import Prepared
    from tests.servers.mosquitto import Mosquitto

_SMALL = tuple(name for name in MALFORMED if name != "too_large")  # 1 MiB each: test_malformed.py has them

_ROWS = 5_000
_MOST_REFUSED = 13
"""Transactions of a batch of 5,000 rows that the store may refuse, besides the first, until the poison stands alone."""


def test_malformed_one_for_one_with_good_ones_are_set_aside(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """B1: half of all messages malformed in 25 ways: each in quarantine with its reason, every good one stored; rates told."""
    count = sized(4_000, 200_000)
    with running_trial("B1", database, mosquitto.url, tmp_path) as trial:
        clean = drain_rate(trial, Course(rate=100_000, most_messages=count))
        mixed = drain_rate(trial, Course(rate=100_000, most_messages=count, faults=Faults(malformed=0.5), malformed=_SMALL))
        rates = {"clean_per_s": round(clean), "mixed_per_s": round(mixed), "ratio": round(mixed / clean, 2)}
        figures = trial.settle(malformed=trial.count("count(*) FROM quarantine"), **rates)

    assert_all_accounted_for(trial, figures)
    assert figures.malformed >= 0.45 * count
    assert {row[0] for row in _rows(database, "SELECT DISTINCT reason FROM quarantine")} == {
        str(reason) for name, (_, reason) in MALFORMED.items() if name in _SMALL
    }


class CountingStore(Store):
    """The real store, which also counts the transactions it is refused."""

    refused = 0

    def write(self, prepared: Prepared) -> int:
        """Write, and count what the database refuses."""
        try:
            return super().write(prepared)
        except Refused:
            self.refused += 1
            raise


@pytest.fixture
def path(database: str) -> Iterator[tuple[Pipeline, CountingStore]]:
    """Give the path behind the broker over a database that refuses the value 666, as it would one beyond its types."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO site (code, name) VALUES ('s', 's')")
        connection.execute(
            "INSERT INTO device (uid, name, profile_id) SELECT 'd' || n, 'd', profile_id FROM device_profile,"
            " generate_series(1, %s) AS n WHERE key = 'generic'",
            (_ROWS,),
        )
        connection.execute(
            "INSERT INTO deployment (device_id, site_id, channel, during) SELECT device_id, 1, device_id, '(,)' FROM device"
        )
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.value = 666 THEN"
            " RAISE EXCEPTION 'no such number' USING ERRCODE = 'numeric_value_out_of_range'; END IF; RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION refuse()")
    settings = IngestSettings(database_url=database)
    stopping = threading.Event()
    session = MqttSession(settings)
    registrar = Registrar(database, "w", session)
    registrar.load(stopping.is_set)
    store = CountingStore(database, "w", deliveries=100, is_stopping=stopping.is_set)
    yield Pipeline(settings, session, registrar, store, Deliveries(100, packet_ids_last=True), stopping), store
    store.close()
    registrar.start()
    registrar.stop()


@pytest.mark.parametrize("place", [0, _ROWS // 2, _ROWS - 1], ids=["first", "middle", "last"])
def test_poison_in_a_copy_batch_is_set_aside_alone(place: int, database: str, path: tuple[Pipeline, CountingStore]) -> None:
    """B2: of 5,000 rows in one COPY exactly the one that the database refuses is set aside, after few refused transactions."""
    pipeline, store = path
    now_us = int(time.time() * 1e6)
    values = [666 if i == place else i % 40 for i in range(_ROWS)]
    group = group_of(
        [
            Arrived(f"hedgerow/v1/d{i + 1}/up", b'[{"n":"temperature","v":%d}]' % value, now_us + i, i + 1, 1, False)
            for i, value in enumerate(values)
        ]
    )

    pipeline._write(pipeline.process(group))  # noqa: SLF001 - the path from decode to store, without a broker

    report(test="B2", place=place, rows=_ROWS, refused_transactions=store.refused)
    assert _rows(database, "SELECT device_uid, reason, convert_from(payload, 'UTF8') FROM quarantine") == [
        (f"d{place + 1}", Reason.STORE_REFUSED, '[{"n":"temperature","v":666}]')
    ]
    assert _rows(database, "SELECT count(*), count(*) FILTER (WHERE value = 666) FROM reading") == [(_ROWS - 1, 0)]
    assert _rows(database, "SELECT readings_stored, messages_quarantined FROM ingest_status") == [(_ROWS - 1, 1)]
    assert store.refused - 1 <= _MOST_REFUSED


def _clock_messages(uids: list[str], random: Random, count: int) -> list[Message]:
    """Write messages of devices whose clocks show what no clock should, and of one whose clock is right."""
    now_s = time.time()
    times: list[object] = [
        0,
        1,
        2**31 - 1,  # 2038-01-19
        2**32 - 1,  # 2106-02-07
        now_s + 86_400,
        now_s - 401 * 86_400,
        1e21,
        -1e21,
        9.3e18,  # beyond int64, whatever the unit
        -(2**63),  # NaT in NumPy
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ]
    while len(times) < count:
        number = random.randint(-(2**63), 2**63)
        if not now_s - 400 * 86_400 <= time_us(number) / 1e6 <= now_s + 700:  # by chance it may be a time in nanoseconds
            times.append(number)
    wrong = [
        Message(
            uids[i % len(uids)],
            f"hedgerow/v1/{uids[i % len(uids)]}/up",
            json.dumps({"time": one, "temperature": i}).encode(),
            (),
        )
        for i, one in enumerate(times)
    ]
    refused = [
        Message(uids[0], f"hedgerow/v1/{uids[0]}/up", b'{"time": %s, "temperature": 1}' % text, ())
        for text in (b'"infinity"', b'"NaT"', b"Infinity", b"NaN", b"1e999", b"null", b"true", b'"2026-13-45"', b"[]")
    ]
    return wrong + refused


def test_impossible_clocks_are_flagged_or_set_aside_and_make_no_partitions(
    database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """B5: 1970, 2038, 2106, tomorrow, infinity, NaT and any number: at most two new partitions, all stored or set aside.

    What the device said can be found: the raw message is archived, and the table device_clock names the device.
    """
    count = sized(1_000, 20_000)
    with running_trial("B5", database, mosquitto.url, tmp_path) as trial:
        uids = [str(row[0]) for row in _rows(database, "SELECT uid FROM device ORDER BY uid LIMIT 5")]
        partitions = _partitions(database)
        messages = _clock_messages(uids, Random(SEED), count)
        before = trial.messages_stored()
        publish(trial, messages)
        wait_until(lambda: trial.messages_stored() >= before + len(messages), "everything is stored")
        trial.ingest.stop()  # in order: what it knows of clocks is written then
        stored, flagged, quarantined = trial.row(
            "SELECT count(*), count(*) FILTER (WHERE flags & 512 <> 0),"  # Flag.CLOCK
            " (SELECT count(*) FROM quarantine) FROM reading"
        )
        made = _partitions(database) - partitions
        archived = trial.count("count(*) FROM uplink")
        noted = trial.count("sum(unbelievable) FROM device_clock")
        report(
            test="B5",
            flavour=trial.flavour,
            seed=SEED,
            sent=len(messages),
            stored=stored,
            flagged=flagged,
            quarantined=quarantined,
            partitions=made,
        )

    assert stored + quarantined == len(messages)
    assert quarantined >= 9
    assert flagged == stored == count
    assert made <= 2
    assert archived == stored
    assert noted == flagged
    assert {row[0] for row in _rows(database, "SELECT DISTINCT reason FROM quarantine")} <= {
        Reason.TIME_INVALID,
        Reason.NOT_JSON,
        Reason.VALUE_NOT_FINITE,
    }


def _partitions(database: str) -> int:
    """Count the partitions, or chunks, of the readings."""
    return int(_rows(database, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass")[0][0])


def _rows(database: str, statement: str) -> list[tuple[int | str, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(statement.encode()).fetchall()
