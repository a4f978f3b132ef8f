"""Dashboard: one site in detail, asked of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DynamicConfigValue

from grafana import signs, targets
from grafana.board import Annotation, Board, choice, hidden
from grafana.panels import Frame, lines, listing, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.targets import ColumnType

_CAPTURE = signs.steps(*signs.CAPTURE, base=signs.VERMILION)


def _asked(name: str) -> targets.Target:
    return targets.database(targets.sql(name), "table")


def _aggregate(statistics: Sequence[str], columns: dict[str, tuple[str, ColumnType]]) -> targets.Target:
    chosen = [
        ("site", "${site}"),
        ("metric", "${metric}"),
        ("from", "${__from}"),
        ("to", "${__to}"),
        ("every", "${__interval}"),
    ]
    asked = [*chosen, *[("stat", statistic) for statistic in statistics]]
    return targets.api("/api/v1/aggregate", "timeseries", asked, {"time": ("time", "timestamp"), **columns})


def _latest() -> targets.Target:
    columns: dict[str, tuple[str, ColumnType]] = {
        "metric": ("Metric", "string"),
        "value": ("Value", "number"),
        "unit": ("Unit", "string"),
        "time": ("Measured", "timestamp"),
        "flags": ("Flags", "number"),
    }
    return targets.api("/api/v1/latest", "table", [("site", "${site}")], columns)


def _line(colour: str, width: int) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}),
        DynamicConfigValue("custom.lineWidth", width),
    ]


_CONSOLE = (
    dashboard.DashboardLink("Open in the console")
    .type(DashboardLinkType.LINK)
    .url("${console}/sites/${site}")
    .icon("external link")
    .tooltip("History, sensors, and what can be changed here")
    .target_blank(target_blank=True)
)

BOARD = Board(
    "hedgerow-site",
    "Site detail",
    "One site: what it measures, how much of it counts, and what was done to its sensors.",
    [
        number(
            Frame("State", "How the devices here report.", 6, 4), _asked("site_state"), units.NoUnit, mappings=signs.states()
        ),
        number(Frame("Last heard", "When something last came from here.", 6, 4), _asked("site_heard"), units.DateTimeFromNow),
        number(
            Frame("Data capture, 24 h", "Readings that count, of those expected in the last 24 whole hours. Aim: 90 %.", 6, 4),
            _asked("site_capture"),
            units.PercentUnit,
            _CAPTURE,
        ),
        listing(Frame("Sensors", "The sensors here now.", 6, 4), _asked("site_devices")),
        lines(
            Frame(
                "${metric}",
                "Mean, least and greatest of the metric chosen at the top, in its own unit, from the API. Doubtful readings are"
                " left out. Marks: what was done to the sensors, and alarms.",
                24,
                11,
            ),
            _aggregate(
                ["mean", "min", "max"], {"mean": ("Mean", "number"), "min": ("Least", "number"), "max": ("Greatest", "number")}
            ),
            units.Short,
        )
        .override_by_name("Mean", _line(signs.BLUE, 2))
        .override_by_name("Least", _line(signs.SKY, 1))
        .override_by_name("Greatest", _line(signs.ORANGE, 1)),
        lines(
            Frame("Data capture", "Readings that count, of those expected, in intervals of six hours or more.", 12, 8),
            _aggregate(["mean"], {"data_capture": ("Data capture", "number")}),
            units.PercentUnit,
            decimals=0,
            least="6h",
        )
        .min(0)
        .max(1),
        lines(
            Frame("Readings", "How many readings count in each interval (n), and how many were expected.", 12, 8),
            _aggregate(["mean"], {"n": ("n", "number"), "n_expected": ("expected", "number")}),
            units.Short,
            decimals=0,
            least="1h",
        ).min(0),
        listing(
            Frame("Latest values", "The last reading of each metric here, whatever its flags. 0: nothing is doubtful.", 12, 10),
            _latest(),
            {"Value": [DynamicConfigValue("decimals", 1)], "Measured": [DynamicConfigValue("unit", units.DatetimeLocal)]},
        ),
        listing(
            Frame("History", "What was done to the sensors here, maintenance, and alarms, newest first.", 12, 10),
            _asked("site_history"),
        ),
    ],
    variables=[
        choice("site", "Site", "The site that is shown.", targets.sql("choose_site")),
        choice("metric", "Metric", "What the chart shows.", targets.sql("choose_metric")),
        hidden("console", "Where the console is.", targets.sql("console_address")),
    ],
    annotations=[
        Annotation("Sensors", signs.BLUE, targets.sql("site_marks")),
        Annotation("Alarms", signs.VERMILION, targets.sql("site_alarms")),
    ],
    links=[_CONSOLE],
)
