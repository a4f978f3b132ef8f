"""What the tests of quality share: a small registry with rules, and the rules once more, slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from devices.flags import Flag
from devices.registry import Registry, build_registry

if TYPE_CHECKING:
    from tests.unit.ingest.examples import Row

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
SITE = 1
PM2_5, PM10, HUMIDITY, BATTERY = 0, 1, 2, 3
"""Positions of the metrics."""

SERIES = {PM2_5: 1, PM10: 2, HUMIDITY: 3, BATTERY: 4}
FLAT_COUNT, FLAT_FOR_US = 4, 3 * MINUTE_US
MAX_STEP, SPIKE_LEAST = 10.0, 25.0
SENTINELS = (-99.0, 77.0)
DAMP, TIMES, LOW = 95.0, 1.1, 10.0
LEAST, MOST = -5.0, 1000.0


def registry() -> Registry:
    """Build a registry of one site with dust, humidity and a battery; 77 is a sentinel within the range of fine dust."""
    keys = ("pm2_5", "pm10", "relative_humidity", "battery_level")
    return build_registry(
        list_metrics=[(i + 1, key, "", "", LEAST, MOST) for i, key in enumerate(keys)],
        list_metric_aliases=[],
        list_metric_states=[],
        list_profiles=[],
        list_devices=[],
        list_deployments=[],
        list_series=[(SERIES[i], SITE, i + 1, "") for i in range(len(keys))],
        list_metric_rules=[
            ("pm2_5", MAX_STEP, FLAT_COUNT, FLAT_FOR_US // 1_000_000, SPIKE_LEAST, SENTINELS, DAMP, "pm10", TIMES, None),
            ("pm10", None, None, 0, None, (), None, None, 1.0, None),
            ("relative_humidity", None, None, 0, None, (), None, None, 1.0, None),
            ("battery_level", None, None, 0, None, (), None, None, 1.0, LOW),
        ],
    )


@dataclass
class Slow:
    """The rules, one reading after the other; readings of one batch may be held against each other whatever their order."""

    good: dict[int, list[Row]] = field(default_factory=dict)
    """Measurements so far that others are held against, by series, in the order of their times."""
    said: dict[tuple[int, int], int] = field(default_factory=dict)
    """What neighbours have said of the last reading of a series, by series and time."""
    damp: tuple[int, float] | None = None
    flags: dict[tuple[int, int], int] = field(default_factory=dict)
    """By series and time, spikes that were told later included."""

    def take(self, batch: list[Row]) -> None:
        """Judge a batch."""
        rows = sorted(batch, key=lambda row: (row.series, row.time_us))
        fresh: set[tuple[int, int]] = set()
        for row in rows:
            key = row.series, row.time_us
            told = self._alone(row) | self._beside(row, rows)
            before = self.good.setdefault(row.series, [])
            if not told & (Flag.OUT_OF_RANGE | Flag.SENTINEL):
                if not before or row.time_us > before[-1].time_us:
                    told |= self._after(row, before)
                    before.append(row)
                    self.said = {at: flags for at, flags in self.said.items() if at[0] != row.series}
                    self.said[key] = told & (Flag.STEP | Flag.FLATLINE)
                elif key not in fresh and row.time_us == before[-1].time_us and row.value == before[-1].value:
                    told |= self.said[key]
            fresh.add(key)
            if key not in self.flags:
                self.flags[key] = told
        self._note_damp(rows)

    def _alone(self, row: Row) -> int:
        out = Flag.OUT_OF_RANGE if not LEAST <= row.value <= MOST else 0
        sentinel = Flag.SENTINEL if row.metric == PM2_5 and row.value in SENTINELS else 0
        return out | sentinel | (Flag.BATTERY_LOW if row.metric == BATTERY and row.value < LOW else 0)

    def _after(self, row: Row, before: list[Row]) -> int:
        if row.metric != PM2_5:
            return 0
        told = 0
        jumps = [abs(row.value - old.value) > MAX_STEP * max(1, (row.time_us - old.time_us) / MINUTE_US) for old in before[-2:]]
        if jumps and all(jumps):
            told |= Flag.STEP
        run = 1
        while run <= len(before) and before[-run].value == row.value != 0:
            run += 1
        if run >= FLAT_COUNT and row.time_us - before[1 - run].time_us >= FLAT_FOR_US:
            told |= Flag.FLATLINE
        if len(before) > 1 and row.time_us - before[-2].time_us <= 3 * HOUR_US:
            three = [before[-2].value, before[-1].value, row.value]
            middle, deviations = median(three), [abs(value - median(three)) for value in three]
            lone = abs(before[-1].value - middle)
            if lone > SPIKE_LEAST and lone > 3 * 1.4826 * median(deviations) and before[-1].value in (min(three), max(three)):
                self.flags[row.series, before[-1].time_us] |= Flag.SPIKE
        return told

    def _beside(self, row: Row, rows: list[Row]) -> int:
        if row.metric != PM2_5:
            return 0
        told = 0
        known = [self.damp] if self.damp else []
        known += [(other.time_us, other.value) for other in rows if other.metric == HUMIDITY and not self._alone(other)]
        before = [(at, value) for at, value in known if row.time_us - HOUR_US <= at <= row.time_us]
        if before and max(before, key=lambda one: one[0])[1] > DAMP:
            told |= Flag.HUMIDITY
        if not self._alone(row) & (Flag.OUT_OF_RANGE | Flag.SENTINEL):
            for other in rows:
                if other.metric == PM10 and other.time_us == row.time_us and not self._alone(other):
                    told |= Flag.CROSS_CHECK if row.value > other.value * TIMES else 0
        return told

    def _note_damp(self, rows: list[Row]) -> None:
        for row in rows:
            is_newer = self.damp is None or row.time_us > self.damp[0]
            if row.metric == HUMIDITY and not self._alone(row) and is_newer:
                self.damp = row.time_us, row.value
