"""The kinds of panel our dashboards are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.units import DatetimeLocal

from grafana import targets

if TYPE_CHECKING:
    from collections.abc import Sequence

_POINTS = 500  # most points a line: bounds the answer of the API
_SHORTEST = "1m"  # no device of ours sends more often


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric over time."""

    metric: str
    title: str
    description: str
    unit: str
    statistic: Literal["mean", "sum"] = "mean"
    decimals: int = 1


def metric_chart(chart: Chart, width: int) -> timeseries.Panel:
    """Draw one metric, a line a site, from the database."""
    target = targets.database(targets.sql(f"{chart.statistic}_by_site", metric=chart.metric), "time_series")
    return (
        _chart(chart.title, chart.description, target)
        .datasource(targets.DATABASE)
        .unit(chart.unit)
        .decimals(chart.decimals)
        .span(width)
        .height(8)
    )


def chosen_metric_chart() -> timeseries.Panel:
    """Draw the metric chosen above, a line a site, from the API; the unit stands in the legend."""
    target = targets.api(
        f"/api/v1/aggregate?{targets.SITES}",
        "timeseries",
        [("metric", "${metric}"), ("from", "${__from}"), ("to", "${__to}"), ("every", "${__interval}"), ("stat", "mean")],
        {
            "time": ("time", "timestamp"),
            "site": ("site", "string"),
            "unit": ("unit", "string"),
            "mean": ("mean", "number"),
        },
    )
    description = "Means of the metric chosen at the top, from the API. Readings with an excluding flag are left out."
    return (
        _chart("Chosen metric: ${metric}", description, target)
        .datasource(targets.API)
        .display_name("${__field.labels.site} [${__field.labels.unit}]")
        .unit("short")
        .span(24)
        .height(9)
    )


def number(title: str, description: str, query: str, metrics: Sequence[str], unit: str) -> stat.Panel:
    """Show one number from the database."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(targets.DATABASE)
        .with_target(targets.database(targets.sql(query, metrics=metrics), "table"))
        .unit(unit)
        .no_value("none")
        .color_mode(BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(6)
        .height(4)
    )


def latest_table(metrics: Sequence[str]) -> table.Panel:
    """List the last value of every metric at the chosen sites, from the API."""
    target = targets.api(
        f"/api/v1/latest?{targets.SITES}",
        "table",
        [("metric", metric) for metric in metrics],
        {
            "site_name": ("Site", "string"),
            "metric": ("Metric", "string"),
            "value": ("Value", "number"),
            "unit": ("Unit", "string"),
            "time": ("Measured", "timestamp"),
            "received_at": ("Received", "timestamp"),
            "flags": ("Flags", "number"),
        },
    )
    return (
        table.Panel()
        .title("Latest values")
        .description("The last reading of each metric at each site, whatever its flags. 0 in Flags: nothing is doubtful.")
        .datasource(targets.API)
        .with_target(target)
        .filterable(filterable=True)
        .unit("none")
        .override_by_name("Value", [DynamicConfigValue("decimals", 1)])
        .override_by_regexp("/^(Measured|Received)$/", [DynamicConfigValue("unit", DatetimeLocal)])
        .span(24)
        .height(10)
    )


def count_table(metrics: Sequence[str]) -> table.Panel:
    """Count the readings of each metric, from the database."""
    return (
        table.Panel()
        .title("Readings by metric")
        .description("What was stored in the time shown, and how much of it aggregates leave out because it is doubtful.")
        .datasource(targets.DATABASE)
        .with_target(targets.database(targets.sql("count_by_metric", metrics=metrics), "table"))
        .unit("none")
        .override_by_regexp("/^(First|Last)$/", [DynamicConfigValue("unit", DatetimeLocal)])
        .span(24)
        .height(8)
    )


def _chart(title: str, description: str, target: targets.Target) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .with_target(target)
        .interval(_SHORTEST)
        .max_data_points(_POINTS)
        .no_value("no readings")
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(legend.show_legend(show_legend=True))
        .tooltip(tooltip)
    )
