"""Findings of the doctor: each state of affairs is judged as it should be, with what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hedgerow.doctor.facts import Facts, Migrations
from hedgerow.doctor.findings import MUST_BE_ON, find
from ingest.retention import Outcome

_NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
_SERVER = {
    "version": "17.6",
    "timescaledb": None,
    "license": None,
    "flavour": "plain",
    "bytes": 10**9,
    "transaction_age": 1000,
    "reader_may_lock": False,
}
_SETTINGS: dict[str, dict[str, Any]] = {name: {"told": "on", "bytes": None} for name in (*MUST_BE_ON, "data_checksums")} | {
    "jit": {"told": "off", "bytes": None},
    "shared_buffers": {"told": "128MB", "bytes": 2**27},
    "max_wal_size": {"told": "1GB", "bytes": 2**30},
}
_READING = {"name": "reading", "bytes": 80 * 10**6, "rows": 10**6, "oldest": _NOW - timedelta(days=400)}
_WORKER = {"worker": "w", "silent_s": 1.0, "broker_dropped": None, "connected": True, "queue_messages": 3, "lag_ms": 40.0}
_WAITING = {
    "rolled_until": _NOW - timedelta(minutes=30),
    "marks": 0,
    "quarantine": 0,
    "held": 0,
    "held_since": None,
    "errands_failed": 0,
}
WELL = Facts(
    now=_NOW,
    server=_SERVER,
    clock_off_s=0.1,
    settings=_SETTINGS,
    migrations=Migrations(27),
    tables=[_READING],
    columnstore=None,
    policies=[],
    table_policies=[],
    due=Outcome(),
    last_run_s=1000.0,
    postponed="",
    has_partition_ahead=True,
    growth={"readings": 10_000.0, "uplink_bytes": 0.0},
    waiting=_WAITING,
    workers=[_WORKER],
    zones_off=[],
    disk_free=10**9,
)


def test_find_all_is_well_everything_is_fine() -> None:
    """Where nothing is wrong every finding is fine, and advises nothing."""
    assert {(finding.level, finding.advice) for finding in find(WELL)} == {("fine", "")}
    assert len({finding.subject for finding in find(WELL)}) == 10


@pytest.mark.parametrize(
    ("changed", "subject", "level", "word"),
    [
        ({"server": {**_SERVER, "transaction_age": 1_600_000_000}}, "server", "do", "FREEZE"),
        ({"server": {**_SERVER, "reader_may_lock": True}}, "server", "do", "200_locks.sql"),
        ({"migrations": Migrations(26, pending=["0028_next"])}, "schema", "do", "migrate"),
        ({"migrations": Migrations(28, unknown=["0028_next"])}, "schema", "do", "version"),
        ({"settings": {**_SETTINGS, "fsync": {"told": "off", "bytes": None}}}, "settings", "do", "fsync = on"),
        (
            {"settings": {**_SETTINGS, "synchronous_commit": {"told": "local", "bytes": None}}},
            "settings",
            "do",
            "synchronous_commit",
        ),
        ({"settings": {**_SETTINGS, "jit": {"told": "on", "bytes": None}}}, "settings", "look", "jit = off"),
        ({"server": {**_SERVER, "bytes": 10**10}}, "settings", "look", "memory"),
        ({"has_partition_ahead": False}, "storage", "do", "retention run"),
        ({"last_run_s": None}, "retention", "look", "retention run"),
        ({"last_run_s": 4 * 3600.0}, "retention", "do", "every hour"),
        ({"postponed": "old readings"}, "retention", "look", "lock"),
        ({"waiting": {**_WAITING, "rolled_until": None}}, "rollups", "look", "start"),
        ({"waiting": {**_WAITING, "rolled_until": _NOW - timedelta(hours=4)}}, "rollups", "do", "slower"),
        ({"waiting": {**_WAITING, "quarantine": 2}}, "waiting", "look", "Quarantine"),
        ({"waiting": {**_WAITING, "held": 2, "held_since": _NOW}}, "waiting", "look", "Register"),
        ({"waiting": {**_WAITING, "errands_failed": 1}}, "waiting", "look", "why"),
        ({"workers": []}, "ingest", "do", "hedgerow ingest"),
        ({"workers": [{**_WORKER, "silent_s": 61.0}]}, "ingest", "do", "log"),
        ({"workers": [{**_WORKER, "connected": False}]}, "ingest", "do", "broker"),
        ({"workers": [{**_WORKER, "queue_messages": 6000}]}, "ingest", "do", "workers"),
        ({"workers": [{**_WORKER, "lag_ms": 11_000.0}]}, "ingest", "do", "workers"),
        ({"workers": [{**_WORKER, "broker_dropped": 1}]}, "ingest", "do", "mosquitto.conf"),
        ({"disk_free": 8 * 10**6}, "disk", "do", "room"),
        ({"disk_free": 30 * 10**6}, "disk", "look", "larger disk"),
        ({"disk_free": None}, "disk", "look", "--disk"),
        ({"clock_off_s": -3.0}, "clocks", "do", "NTP"),
        ({"zones_off": ["Europe/London"]}, "clocks", "do", "tzdata"),
    ],
)
def test_find_what_is_wrong_is_told_with_what_to_do(changed: dict[str, Any], subject: str, level: str, word: str) -> None:
    """Each thing that is wrong is told under its subject, with an advice, and as urgent as it is."""
    worst = [finding for finding in find(replace(WELL, **changed)) if finding.level != "fine"]

    assert {(finding.subject, finding.level) for finding in worst} == {(subject, level)}
    assert any(word in finding.advice for finding in worst)


def test_find_compressed_readings_says_how_much_smaller() -> None:
    """On the Community edition the ratio is told."""
    facts = replace(WELL, columnstore={"before": 10**9, "after": 8 * 10**7}, server={**_SERVER, "license": "timescale"})

    assert any("12.5 times smaller" in finding.what for finding in find(facts))


def test_find_due_says_how_much_it_frees() -> None:
    """What is due is told as counts and as the space that comes back."""
    due = Outcome(series=3, readings=1200, partitions=["a", "b"], bytes=5_000_000)
    due.rows["quarantine"] = 7

    [told] = [finding.what for finding in find(replace(WELL, due=due)) if finding.what.startswith("due")]

    assert told == "due: about 1,200 readings of 3 series; 2 partitions, which frees 5.0 MB; 7 rows of quarantine"
