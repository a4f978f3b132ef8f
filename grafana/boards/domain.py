"""What the dashboards of the domains have in common: chosen sites, numbers of all, a chart a metric, last values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from psycopg.sql import Identifier

from grafana import signs, targets
from grafana.board import Board, choices
from grafana.panels import Frame, limited, listing, number, site_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.builders import timeseries
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

_WHOLE = 24


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric over time, hour by hour."""

    metric: str
    title: str
    description: str
    unit: str
    statistic: Literal["mean", "sum"] = "mean"
    decimals: int = 1
    limit: float | None = None
    """A value to look out for, told in the description: a dashed line."""
    is_beside: bool = False
    """Whether it is measured elsewhere too: a site is not one of the domain by this metric."""


def domain_board(uid: str, title: str, description: str, view: str, charts: Sequence[Chart]) -> Board:
    """Make the dashboard of one domain, over its view of hours."""
    metrics = [chart.metric for chart in charts if not chart.is_beside]
    sites = choices("site", "Site", "Which sites are shown.", targets.sql("choose_sites", metrics=metrics))
    panels = [*_numbers(view), *_charts(view, charts), _latest([chart.metric for chart in charts]), _sites(view)]
    return Board(uid, title, description, panels, [sites], metrics=metrics)


def _numbers(view: str) -> list[Builder[Panel]]:
    """Give one line of numbers about all chosen sites."""

    def asked(name: str) -> targets.Target:
        return targets.database(targets.sql(name, view=Identifier(view)), "table")

    capture = signs.steps(*signs.CAPTURE, base=signs.VERMILION)
    limits = signs.steps((0.05, signs.ORANGE), (0.2, signs.VERMILION))
    return [
        number(Frame("Sites", "Chosen sites with readings in the time shown.", 6, 4), asked("count_sites"), units.Short),
        number(
            Frame("Data capture, 24 h", "Readings that count, of those expected in the last 24 whole hours. Aim: 90 %.", 6, 4),
            asked("capture_of_sites"),
            units.PercentUnit,
            capture,
        ),
        number(
            Frame("Set aside", "Readings that statistics leave out because a flag makes them doubtful.", 6, 4),
            asked("share_set_aside"),
            units.PercentUnit,
            limits,
        ),
        number(
            Frame("Newest hour", "The last hour of which there are readings; it may still be going on.", 6, 4),
            asked("newest_hour"),
            units.DateTimeFromNow,
        ),
    ]


def _charts(view: str, charts: Sequence[Chart]) -> list[timeseries.Panel]:
    """Two charts a line; the last of an odd number has a line for itself."""
    alone = len(charts) - 1 if len(charts) % 2 else None
    return [_chart(view, chart, _WHOLE if place == alone else _WHOLE // 2) for place, chart in enumerate(charts)]


def _chart(view: str, chart: Chart, width: int) -> timeseries.Panel:
    asked = targets.sql(f"{chart.statistic}_of_hours", view=Identifier(view), metric=Identifier(chart.metric))
    told = "Sums of hours" if chart.statistic == "sum" else "Means of hours"
    about = f"{chart.description} {told}; of several hours where the time shown is long. Doubtful readings are left out."
    frame = Frame(chart.title, about, width, 8)
    lines = site_lines(frame, targets.database(asked, "time_series"), chart.unit, chart.decimals, least="1h")
    return lines if chart.limit is None else limited(lines, chart.limit)


def _latest(metrics: Sequence[str]) -> Builder[Panel]:
    target = targets.api(
        f"/api/v1/latest?{targets.SITES}",
        "table",
        [("metric", metric) for metric in metrics],
        {
            "site_name": ("Site", "string"),
            "site": ("Code", "string"),
            "metric": ("Metric", "string"),
            "value": ("Value", "number"),
            "unit": ("Unit", "string"),
            "time": ("Measured", "timestamp"),
            "received_at": ("Received", "timestamp"),
            "flags": ("Flags", "number"),
        },
    )
    about = "The last reading of each metric at each site, from the API, whatever its flags. 0 in Flags: nothing is doubtful."
    return listing(
        Frame("Latest values", about, 24, 10),
        target,
        {
            "Value": [DynamicConfigValue("decimals", 1)],
            "Measured": [DynamicConfigValue("unit", units.DatetimeLocal)],
            "Received": [DynamicConfigValue("unit", units.DatetimeLocal)],
        },
    )


def _sites(view: str) -> Builder[Panel]:
    capture = [
        *signs.coloured(signs.steps(*signs.CAPTURE, base=signs.VERMILION)),
        DynamicConfigValue("unit", units.PercentUnit),
    ]
    return listing(
        Frame("Sites", "Each chosen site: how it reports now, and what came of it in the last 24 whole hours.", 24, 10),
        targets.database(targets.sql("list_sites_of_domain", view=Identifier(view)), "table"),
        {"Data capture": [*capture, DynamicConfigValue("decimals", 0)]},
    )
