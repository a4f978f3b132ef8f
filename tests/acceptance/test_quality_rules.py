"""The shipped rules on the simulated county: no alarm on clean days, and what is stuck, alone or no value is found."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import psycopg
import pytest

from devices.flags import Flag
from devices.registry import Registry, load_registry
from ingest.batch import Batch, sort_unique
from ingest.recent import Recent
from simulators.county import make_county
from simulators.signals import Where, measure

NOW_US, DAY_US, HOUR_US = 1_795_300_000_000_000, 86_400_000_000, 3_600_000_000
DAYS = 3
ALARMS = np.int16(~(Flag.HUMIDITY | Flag.LATE))
"""Damp air is what it is: on clean days too."""


class Field(NamedTuple):
    """Readings of a county in the order of their times, and what the registry says of them."""

    registry: Registry
    batch: Batch


@pytest.fixture
def field(plain_database: str) -> Field:
    """Give three days of twelve devices, with the rules that ship."""
    county = make_county(3, 12)
    parts = []
    with psycopg.connect(plain_database, autocommit=True) as connection:
        for at, device in enumerate(county.devices):
            connection.execute("INSERT INTO site (code, name) VALUES (%s, 'a site')", (str(at),))
            time_us = np.arange(NOW_US - DAYS * DAY_US, NOW_US, device.kind.interval_s * 1_000_000)
            for one in device.kind.measures:
                values = measure(one.signal, Where(county.sky, county.keys[[at]], time_us))
                there = ~np.isnan(values)
                [series] = connection.execute(_ADD_SERIES, (str(at), one.metric)).fetchone() or [0]
                count = int(there.sum())
                parts.append((np.full(count, series, np.int32), time_us[there], values[there].round(2), [one.metric] * count))
        registry = load_registry(connection)
    series, time_us, value, keys = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(time_us, kind="stable")
    batch = Batch(series, time_us, value, np.zeros(len(series), np.int16), registry.metrics(keys.tolist()), time_us)
    return Field(registry, batch.take(order))


def flags_of(field: Field, value: np.ndarray) -> Batch:
    """Judge readings hour by hour, as they come; gives them sorted by series and time, spikes told later included."""
    recent, parts, spikes = Recent(), [], set()
    whole = replace(field.batch, value=value)
    hours = np.flatnonzero(np.diff(whole.time_us // HOUR_US)) + 1
    for rows in np.split(np.arange(len(whole)), hours):
        checked, lone = recent.check(whole.take(rows), field.registry)
        parts.append(checked)
        spikes |= set(zip(*lone, strict=True))
    series, time_us, values, flags, metric = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("series", "time_us", "value", "flags", "metric")
    )
    late = [key in spikes for key in zip(series.tolist(), time_us.tolist(), strict=True)]
    return sort_unique(Batch(series, time_us, values, flags | np.array(late) * np.int16(Flag.SPIKE), metric, time_us)).batch


def test_clean_days_of_the_simulated_county_raise_no_alarm(field: Field) -> None:
    """Rain, rush hours, emptied bins and quiet nights are no doubts; damp air is told where it was damp."""
    judged = flags_of(field, field.batch.value)

    assert len(judged) > 40_000
    assert np.count_nonzero(judged.flags & ALARMS) == 0


def test_faults_of_the_simulated_county_are_found(field: Field) -> None:
    """Of stations that stick for half a day each is found; so is every lone value of gases, and every -999."""
    rules, batch = field.registry.rules, field.batch
    is_air = np.isin(batch.metric, field.registry.metrics(["no2", "o3", "pm2_5", "pm10"]))
    value = batch.value.copy()
    stuck, lone, missing = [], [], []
    for series in np.unique(batch.series[is_air]).tolist():
        rows = np.flatnonzero(batch.series == series)
        value[rows[20:70]] = value[rows[20]]
        value[rows[100]] += 1.5 * rules.spike_least[batch.metric[rows[0]]]
        value[rows[150]] = -999.0
        stuck.append((series, batch.time_us[rows[60]]))
        lone.append((series, batch.time_us[rows[100]]))
        missing.append((series, batch.time_us[rows[150]]))

    judged = flags_of(field, value)

    found = dict(zip(zip(judged.series.tolist(), judged.time_us.tolist(), strict=True), judged.flags.tolist(), strict=True))
    assert len(stuck) == 12
    assert [found[key] & ALARMS for key in lone] == [Flag.SPIKE] * 12
    assert [found[key] & (Flag.SENTINEL | Flag.OUT_OF_RANGE) for key in missing] == [Flag.SENTINEL | Flag.OUT_OF_RANGE] * 12
    assert all(found[key] & Flag.FLATLINE for key in stuck)
    assert sum(bool(flags & Flag.SPIKE) for flags in found.values()) == 12


_ADD_SERIES = (
    "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE code = %s AND key = %s"
    " RETURNING series_id"
)
