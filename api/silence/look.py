"""A look: reads what is known of all devices and gateways, judges them, stores what changed and tells it as events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from api.silence.events import Told, device_events, gateway_event
from api.silence.facts import Facts, intervals_s, read_facts
from api.silence.hearing import Outage, note_outages
from devices.gateway_silence import Children, Gateway, is_explained, judge_gateway
from devices.silence import WORDS, Judged, Limits, State, judge, levels, limits, misses_needed, unheard_s
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from numpy.typing import NDArray
    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Silences:
    """How long devices have said nothing, and how long they may; parallel arrays in the order of the facts."""

    silence_s: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    allowed: Limits


def look(connection: Connection, now: datetime, pause: timedelta) -> bool:
    """Look at all devices once, in one transaction; tell whether it was done.

    It is not where another process looks just now, or has within the last `pause`.
    """
    began = time.perf_counter()
    with connection.transaction():
        row = connection.execute(query("lead_watch"), {"now": now, "pause": pause}).fetchone()
        if row is None:
            return False
        outages = note_outages(connection, row[0], now)
        facts = read_facts(connection, now)
        if len(facts):
            _judge_all(connection, facts, outages, now)
        connection.execute(query("note_look"), {"now": now, "took_s": time.perf_counter() - began})
    return True


def _judge_all(connection: Connection, facts: Facts, outages: Sequence[Outage], now: datetime) -> None:
    gateways_before, quiets = _read_gateways(connection)
    silences = _silences(facts, outages, quiets, now.timestamp())
    aside = facts.aside
    gateways = _judge_gateways(facts, silences, aside, gateways_before)
    level = levels(silences.silence_s, silences.allowed)
    judged = judge(level, facts.before, facts.messages, facts.messages_before, aside)
    silent = {name: one for name, one in gateways.items() if one.is_silent or _was_silent(gateways_before, name)}
    suppressed_by = _suppressed_by(facts, silences, judged, level, silent)
    told, events = device_events(facts, silences.silence_s, silences.interval_s, judged.state, suppressed_by)
    _store_devices(connection, facts, silences.interval_s, judged, suppressed_by, told, now)
    events = _store_gateways(connection, gateways, gateways_before, now) + events
    if events:
        columns = ("devices", "gateways", "kinds", "levels", "details")
        values: dict[str, Any] = dict(zip(columns, map(list, zip(*events, strict=True)), strict=True))
        connection.execute(query("add_silence_events"), values | {"now": now})


def _silences(facts: Facts, outages: Sequence[Outage], quiets: Mapping[str, tuple[float, float]], now_s: float) -> Silences:
    """Measure silence by a clock that stands still while Hedgerow, or a device's only gateway, could not hear."""
    interval_s = intervals_s(facts)
    since_s = np.fmax(facts.last_s, facts.maintained_s)
    began_s = np.array([outage.began_at.timestamp() for outage in outages])
    ended_s = np.array([outage.ended_at.timestamp() if outage.ended_at else np.inf for outage in outages])
    silence_s = now_s - since_s - unheard_s(since_s, now_s, began_s, ended_s)
    never = (np.inf, -np.inf)
    quiet = np.array(
        [
            quiets.get(name, never) if count == 1 else never
            for name, count in zip(facts.gateway, facts.gateways.tolist(), strict=True)
        ]
    )
    silence_s = np.maximum(0.0, silence_s - np.maximum(0.0, quiet[:, 1] - np.maximum(since_s, quiet[:, 0])))
    return Silences(silence_s, interval_s, limits(interval_s, facts.loss, facts.is_safety))


def _judge_gateways(
    facts: Facts, silences: Silences, aside: NDArray[np.int8], before: Mapping[str, Gateway]
) -> dict[str, Gateway]:
    names, which = np.unique(np.array(facts.gateway, str), return_inverse=True)
    order = np.argsort(which, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(which))[:-1])
    misses = misses_needed(facts.loss)
    gateways = {}
    for name, heard in zip(names.tolist(), parts, strict=True):
        if not name:
            continue
        rows = heard[(facts.gateways[heard] == 1) & (aside[heard] < 0)]
        children = Children(
            facts.last_s[rows],
            silences.silence_s[rows],
            silences.interval_s[rows],
            silences.allowed.late[rows],
            misses[rows],
        )
        gateways[name] = judge_gateway(
            children,
            before.get(name),
            last_s=float(facts.last_s[heard].max()),
            silence_s=float(silences.silence_s[heard].min()),
            messages=int(facts.messages[heard].sum()),
        )
    return gateways


def _was_silent(before: Mapping[str, Gateway], name: str) -> bool:
    return name in before and before[name].is_silent


def _suppressed_by(
    facts: Facts, silences: Silences, judged: Judged, level: NDArray[np.int8], silent: Mapping[str, Gateway]
) -> list[str | None]:
    """Name the silent gateway of each device that fell silent with it; it stands until the device is well, or silent anew."""
    silent_from_s = np.array(
        [
            silent[name].silent_from_s if count == 1 and name in silent else np.nan
            for name, count in zip(facts.gateway, facts.gateways.tolist(), strict=True)
        ]
    )
    explained = is_explained(facts.last_s, silences.allowed.late, silent_from_s) & (level > State.OK)
    is_silent = (judged.state > State.OK) & (judged.state <= State.OFFLINE)
    recovers = is_silent & (level == State.OK)
    return [
        name if now else (before if still else None)
        for name, before, now, still in zip(
            facts.gateway, facts.suppressed_by, (explained & is_silent).tolist(), recovers.tolist(), strict=True
        )
    ]


def _read_gateways(connection: Connection) -> tuple[dict[str, Gateway], dict[str, tuple[float, float]]]:
    """Give the gateways by name and, of those that are back, from when to when they were silent last [s since 1970]."""
    gateways, quiets = {}, {}
    for name, is_silent, since_s, last_s, from_s, *counts in connection.execute(query("list_gateway_states")):
        gateways[name] = Gateway(is_silent, last_s, np.nan if from_s is None else from_s, *counts)
        if from_s is not None and not is_silent:
            quiets[name] = (from_s, since_s)
    return gateways, quiets


def _store_devices(
    connection: Connection,
    facts: Facts,
    interval_s: NDArray[np.float64],
    judged: Judged,
    suppressed_by: Sequence[str | None],
    told: Sequence[str],
    now: datetime,
) -> None:
    changed = (judged.state != facts.before) | (judged.messages_before != facts.messages_before)
    changed |= (facts.messages != facts.judged_messages) | ~(interval_s == facts.expected_interval_s)
    changed |= np.array([a != b for a, b in zip(suppressed_by, facts.suppressed_by, strict=True)], bool)
    changed |= np.array([a != b for a, b in zip(told, facts.told, strict=True)], bool)
    rows = np.flatnonzero(changed)
    if not len(rows):
        return
    at = rows.tolist()
    connection.execute(
        query("put_device_states"),
        {
            "now": now,
            "devices": facts.device_id[rows].tolist(),
            "states": [WORDS[code] for code in judged.state[rows].tolist()],
            "last_s": _or_none(facts.last_s[rows]),
            "messages": facts.messages[rows].tolist(),
            "messages_before": judged.messages_before[rows].tolist(),
            "interval_s": interval_s[rows].tolist(),
            "gap_s": _or_none(facts.new_gap_s[rows]),
            "suppressed_by": [suppressed_by[row] for row in at],
            "told": [told[row] for row in at],
        },
    )


def _store_gateways(
    connection: Connection, gateways: Mapping[str, Gateway], before: Mapping[str, Gateway], now: datetime
) -> list[Told]:
    changed = {name: gateway for name, gateway in gateways.items() if repr(gateway) != repr(before.get(name))}
    if changed:
        columns = [list(column) for column in zip(*changed.values(), strict=True)]
        values: dict[str, Any] = dict(zip(Gateway._fields, columns, strict=True))
        values["silent_from_s"] = _or_none(np.array(values["silent_from_s"], np.float64))
        connection.execute(query("put_gateway_states"), values | {"gateways": list(changed), "now": now})
    return [gateway_event(name, gateway) for name, gateway in changed.items() if gateway.is_silent != _was_silent(before, name)]


def _or_none(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
