"""Dashboard: the path of readings, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

from grafana import signs, targets
from grafana.board import Board
from grafana.panels import Frame, bars, lines, listing, number, stacked

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import dashboard, stat

_NEVER = signs.steps((1, signs.VERMILION))


def _asked(name: str) -> targets.Target:
    return targets.database(targets.sql(name), "table")


def _over_time(name: str) -> targets.Target:
    return targets.database(targets.sql(name), "time_series")


def _figure(title: str, description: str, step: str, unit: str, limits: dashboard.ThresholdsConfig | None = None) -> stat.Panel:
    target = targets.database(targets.sql("path_figure", step=step), "table")
    return number(Frame(title, description, 4, 4), target, unit, limits)


BOARD = Board(
    "hedgerow-ingest",
    "Ingest health",
    "The path of readings from the broker to the store, step by step.",
    [
        number(
            Frame("Broker dropped", "Messages the broker says it has dropped. Any increase is an alarm.", 4, 4),
            _asked("broker_dropped"),
            units.Short,
            _NEVER,
            [ValueMap({"-1": ValueMappingResult(text="not told", color=signs.GREY)})],
        ),
        _figure(
            "Sessions lost",
            "How often the broker had forgotten our session, and what waited in it.",
            "session lost",
            units.Short,
            _NEVER,
        ),
        _figure(
            "Waiting",
            "Messages received and not acknowledged yet.",
            "waiting",
            units.Short,
            signs.steps((50_000, signs.ORANGE)),
        ),
        _figure(
            "Lag",
            "From received to committed, of the last batch of the slowest worker.",
            "lag",
            units.Seconds,
            signs.steps((1, signs.ORANGE), (10, signs.VERMILION)),
        ),
        _figure(
            "Ingest silent",
            "Since when the quietest worker has said nothing; it speaks every few seconds.",
            "ingest silent",
            units.Seconds,
            signs.steps((15, signs.ORANGE), (30, signs.VERMILION)),
        ),
        _figure(
            "Rollup lag",
            "Since the end of the last hour that is rolled up; answers are current all the same.",
            "rollup lag",
            units.Seconds,
            signs.steps((7_800, signs.ORANGE), (14_400, signs.VERMILION)),
        ),
        listing(
            Frame(
                "The path",
                "What came of messages and their readings since the database was made, in the order of the steps.",
                8,
                12,
            ),
            _asked("path_steps"),
            {"Count": [DynamicConfigValue("unit", units.Short), DynamicConfigValue("decimals", 0)]},
        ),
        lines(
            Frame("Received and stored", "Messages that came, and readings that were stored, in each interval.", 16, 12),
            _over_time("messages_by_minute"),
            units.Short,
            decimals=0,
        ),
        lines(
            Frame("Lag over time", "From received to committed: the longest of each interval, a line a worker.", 12, 8),
            _over_time("lag_by_minute"),
            units.Seconds,
            decimals=3,
        ),
        lines(
            Frame("Waiting over time", "The most messages received and not acknowledged yet, a line a worker.", 12, 8),
            _over_time("queue_by_minute"),
            units.Short,
            decimals=0,
        ),
        stacked(
            lines(
                Frame("Quarantine over time", "Messages and readings that could not be stored, by reason.", 14, 9),
                _over_time("quarantine_over_time"),
                units.Short,
                decimals=0,
                least="10m",
            )
        ),
        listing(
            Frame("Quarantine by reason", "What stands there; what waits has neither been replayed nor dismissed.", 10, 9),
            _asked("quarantine_reasons"),
        ),
        listing(
            Frame("Workers", "What each worker of ingest last said of itself.", 24, 6),
            _asked("workers"),
            {
                "Lag": [DynamicConfigValue("unit", units.Seconds), DynamicConfigValue("decimals", 3)],
                "Silent for": [DynamicConfigValue("unit", units.Seconds), DynamicConfigValue("decimals", 0)],
            },
        ),
        _figure(
            "Rollup marks",
            "Hours that late readings or corrections have touched, to be aggregated again.",
            "rollup marks",
            units.Short,
            signs.steps((10_000, signs.ORANGE)),
        ),
        number(Frame("Database", "What the whole database takes on the disk.", 4, 4), _asked("database_size"), units.BytesIEC),
        bars(
            Frame("Disk by table", "What takes the most room; chunks and partitions count with their table.", 16, 9),
            _asked("biggest_tables"),
            units.BytesIEC,
        ),
    ],
)
