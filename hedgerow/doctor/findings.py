"""Findings: what the facts mean, in words, and what somebody should do about it; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from api.pages.words import duration_text
from hedgerow.words import count_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.doctor.facts import Facts, Migrations

    Level = Literal["fine", "look", "do"]

_DAY_S = 86_400.0
_SILENT_S = 60.0
_MOST_LAG_MS = 10_000.0
_MOST_QUEUE = 5_000
_MOST_CLOCK_OFF_S = 2.0
_RETENTION_LATE_S = 3 * 3600.0
_ROLLUPS_LATE_S = 2 * 3600.0
_LEAST_DAYS, _FEW_DAYS = 14.0, 90.0
_OLD_TRANSACTIONS = 1_500_000_000
_SMALL_BUFFERS, _SMALL_WAL = 256 * 2**20, 2 * 2**30
_BIG_STORE = 2 * 2**30

MUST_BE_ON = {
    "fsync": "a crash of the machine can destroy the whole database",
    "full_page_writes": "a crash of the machine can leave torn pages",
    "synchronous_commit": "what is acknowledged may be lost in a crash; Hedgerow's own connections set it on for themselves",
    "autovacuum": "deleted rows keep their space, and in the end the database stops",
}
"""Settings of the server, and what follows from having them off."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    level: Level
    """fine; look: good to know, or to be changed some day; do: somebody should act."""
    what: str
    advice: str = ""


def find(facts: Facts) -> list[Finding]:
    """Judge everything, in the order in which it is told."""
    parts = (_server, _settings, _storage, _retention, _rollups, _waiting, _path, _disk, _clocks)
    return [*schema(facts.migrations), *(finding for part in parts for finding in part(facts))]


def schema(migrations: Migrations) -> Iterator[Finding]:
    """Judge the schema."""
    if migrations.changed or migrations.unknown:
        names = ", ".join([*migrations.changed, *migrations.unknown])
        yield Finding("schema", "do", f"of another Hedgerow than this one: {names}", "Use the version that migrated last.")
    elif migrations.pending:
        yield Finding("schema", "do", f"{len(migrations.pending)} migrations are missing", "Run: hedgerow migrate")
    else:
        yield Finding("schema", "fine", f"{migrations.applied} migrations, up to date")


def _server(facts: Facts) -> Iterator[Finding]:
    server = facts.server
    edition = {"timescale": "Community edition", "apache": "Apache edition"}.get(server["license"], "no edition")
    timescale = f" with TimescaleDB {server['timescaledb']}, {edition}" if server["timescaledb"] else ", without TimescaleDB"
    yield Finding("server", "fine", f"PostgreSQL {server['version']}{timescale}; {size_text(server['bytes'])} in all")
    if server["transaction_age"] > _OLD_TRANSACTIONS:
        told = f"{server['transaction_age']:,} transactions since it was last frozen"
        yield Finding("server", "do", told, "Run VACUUM FREEZE: at 2,000 million the database stops taking anything.")
    if server["reader_may_lock"]:
        told = "Grafana's login (hedgerow_reader) may take locks that stop ingest"
        yield Finding("server", "do", told, "Run deploy/timescaledb/200_locks.sql in this database, as its superuser.")


def _settings(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    off = [name for name in MUST_BE_ON if name in settings and settings[name]["told"] in ("off", "local")]
    for name in off:
        yield Finding("settings", "do", f"{name} is {settings[name]['told']}: {MUST_BE_ON[name]}", f"Set {name} = on.")
    if not off:
        yield Finding("settings", "fine", f"{', '.join(MUST_BE_ON)} are on")
    if settings["data_checksums"]["told"] == "off":
        yield Finding(
            "settings", "look", "data_checksums is off: a broken disk is not noticed", "pg_checksums --enable, once stopped."
        )
    if settings["shared_buffers"]["bytes"] < _SMALL_BUFFERS and facts.server["bytes"] > _BIG_STORE:
        told = f"shared_buffers is {settings['shared_buffers']['told']}"
        yield Finding("settings", "look", told, "A quarter of the memory lets questions find more of what they need there.")
    if settings["max_wal_size"]["bytes"] < _SMALL_WAL and facts.server["bytes"] > _BIG_STORE:
        told = f"max_wal_size is {settings['max_wal_size']['told']}"
        yield Finding("settings", "look", told, "4 GB or more: a backlog then causes fewer checkpoints.")
    if settings["jit"]["told"] == "on":
        advice = (
            "ALTER DATABASE … SET jit = off: questions of many small pieces take seconds longer with it. The API does without."
        )
        yield Finding("settings", "look", "jit is on", advice)


def _storage(facts: Facts) -> Iterator[Finding]:
    sizes = {row["name"]: row for row in facts.tables}
    reading = sizes["reading"]
    count = reading["rows"] or 0
    each = f", {reading['bytes'] / count:.0f} bytes each with its index" if count else ", none counted yet (ANALYZE does)"
    span = f", from {reading['oldest']:%Y-%m} on" if reading["oldest"] else ""
    yield Finding("storage", "fine", f"about {count:,} readings, {size_text(reading['bytes'])}{each}{span}")
    if facts.columnstore:
        before, after = facts.columnstore["before"], facts.columnstore["after"]
        yield Finding(
            "storage", "fine", f"compressed: {size_text(before)} in {size_text(after)}, {before / after:.1f} times smaller"
        )
    elif facts.server["license"] != "timescale":
        yield Finding("storage", "fine", "nothing is compressed: only the Community edition of TimescaleDB can")
    if not facts.has_partition_ahead:
        told = "no partition for readings of the month to come"
        yield Finding("storage", "do", told, "Ingest makes them ahead: see that it runs, or: hedgerow retention run")


def _retention(facts: Facts) -> Iterator[Finding]:
    due = facts.due
    if facts.last_run_s is None:
        yield Finding("retention", "look", "has never run here", "Ingest does it within the hour, or: hedgerow retention run")
    elif facts.last_run_s > _RETENTION_LATE_S:
        told = f"last ran {duration_text(facts.last_run_s)} ago"
        yield Finding("retention", "do", told, "Ingest does it every hour: see that it runs, and its log.")
    else:
        yield Finding("retention", "fine", f"last ran {duration_text(facts.last_run_s)} ago")
    if facts.postponed:
        advice = "It is tried again every minute; if this stays, something holds a lock or rollups do not get on."
        yield Finding("retention", "look", f"postponed: {facts.postponed}", advice)
    parts = [f"about {count_text(due.readings, 'reading')} of {due.series:,} series"] if due.series else []
    parts += [f"{count_text(len(due.partitions), 'partition')}, which frees {size_text(due.bytes)}"] if due.partitions else []
    parts += [f"{count_text(count, 'row')} of {name}" for name, count in due.rows.items() if count]
    told = f"due: {'; '.join(parts)}" if parts else "nothing is due"
    yield Finding("retention", "fine", told, "The next run takes it away." if parts else "")


def _rollups(facts: Facts) -> Iterator[Finding]:
    waiting = facts.waiting
    if waiting["rolled_until"] is None:
        yield Finding("rollups", "look", "none are made yet", "Ingest makes them: start it.")
        return
    behind_s = (facts.now - waiting["rolled_until"]).total_seconds() - 3600.0
    told = f"made until {waiting['rolled_until']:%Y-%m-%d %H:%M}, {count_text(waiting['marks'], 'mark')} waiting"
    if behind_s > _ROLLUPS_LATE_S:
        advice = "Answers are right and slower. Ingest makes rollups: see that it runs, and its log."
        yield Finding("rollups", "do", told, advice)
    else:
        yield Finding("rollups", "fine", told)


def _waiting(facts: Facts) -> Iterator[Finding]:
    waiting = facts.waiting
    if waiting["quarantine"]:
        told = f"{count_text(waiting['quarantine'], 'row')} in quarantine"
        yield Finding("waiting", "look", told, "The console's page Quarantine says why, and what to do.")
    if waiting["held"]:
        told = f"{count_text(waiting['held'], 'message')} of unregistered devices, since {waiting['held_since']:%Y-%m-%d}"
        yield Finding("waiting", "look", told, "Register these devices: the console's page Status lists them.")
    if waiting["errands_failed"]:
        yield Finding("waiting", "look", f"{count_text(waiting['errands_failed'], 'errand')} failed", "The console says why.")
    if not (waiting["quarantine"] or waiting["held"] or waiting["errands_failed"]):
        yield Finding("waiting", "fine", "nothing waits for a person")


def _path(facts: Facts) -> Iterator[Finding]:
    if not facts.workers:
        yield Finding("ingest", "do", "has never run here", "Start it: hedgerow ingest")
    for worker in facts.workers:
        name = worker["worker"]
        queue = f"{count_text(worker['queue_messages'], 'message')} taken from the broker and not stored yet"
        if worker["silent_s"] > _SILENT_S:
            told = f"{name} has said nothing for {duration_text(worker['silent_s'])}"
            yield Finding("ingest", "do", told, "Start it, or look at its log. The broker keeps what comes meanwhile.")
        elif not worker["connected"]:
            yield Finding(
                "ingest", "do", f"{name} has no broker", "See that the broker runs, and that address and login are right."
            )
        elif worker["queue_messages"] > _MOST_QUEUE or worker["lag_ms"] > _MOST_LAG_MS:
            told = f"{name} is behind: {queue}, the last {worker['lag_ms'] / 1000:.1f} s old when stored"
            yield Finding("ingest", "do", told, "After an outage this passes. If it stays: more workers, or a faster disk.")
        else:
            yield Finding("ingest", "fine", f"{name}: {queue}, the last stored after {worker['lag_ms']:.0f} ms")
        if worker["broker_dropped"]:
            told = f"the broker of {name} has dropped {count_text(worker['broker_dropped'], 'message')}"
            yield Finding("ingest", "do", told, "Those are lost: give it the settings of deploy/mosquitto/mosquitto.conf.")


def _disk(facts: Facts) -> Iterator[Finding]:
    sizes = {row["name"]: row for row in facts.tables}
    reading = sizes["reading"]
    each = reading["bytes"] / reading["rows"] if reading["rows"] else 100.0
    growth = facts.growth["readings"] * each
    told = f"grows by about {size_text(growth)} a day, {facts.growth['readings']:,.0f} readings"
    if facts.growth["uplink_bytes"]:
        told += f"; {size_text(facts.growth['uplink_bytes'])} of raw messages a day until the oldest go"
    if facts.disk_free is None:
        yield Finding("disk", "look", told, "How much is free is not known here: give --disk a folder on the database's disk.")
        return
    days = facts.disk_free / (growth + facts.growth["uplink_bytes"]) if growth else float("inf")
    told = f"{size_text(facts.disk_free)} free; {told}"
    if days < _LEAST_DAYS:
        advice = "Make room now: a larger disk, or keep less (hedgerow retention set)."
        yield Finding("disk", "do", f"full in {days:.0f} days: {told}", advice)
    elif days < _FEW_DAYS:
        yield Finding("disk", "look", f"full in {days:.0f} days: {told}", "Plan for a larger disk, or keep less.")
    else:
        yield Finding("disk", "fine", told)


def _clocks(facts: Facts) -> Iterator[Finding]:
    if abs(facts.clock_off_s) > _MOST_CLOCK_OFF_S:
        side = "ahead of" if facts.clock_off_s > 0 else "behind"
        told = f"the database's clock is {abs(facts.clock_off_s):.1f} s {side} this machine's"
        yield Finding("clocks", "do", told, "Let both follow the same time servers (NTP).")
    else:
        yield Finding("clocks", "fine", "database and this machine agree")
    if facts.zones_off:
        told = f"database and Python differ about {', '.join(facts.zones_off)}"
        yield Finding("clocks", "do", told, "Bring tzdata up to date on both: local days would begin at different hours.")
