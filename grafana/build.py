"""Makes the dashboards under `dashboards/`: `python -m grafana.build` after every change here; a test compares them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    RowPanel,
    VariableOption,
    VariableRefresh,
)

from grafana import targets
from grafana.panels import Chart, chosen_metric_chart, count_table, latest_table, metric_chart, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.cog.builder import Builder

FOLDER = Path(__file__).parent / "dashboards"

_TAG = "hedgerow"
_WIDTH = 24  # columns of Grafana's grid


@dataclass(frozen=True, slots=True)
class Domain:
    """What one dashboard is about."""

    uid: str
    title: str
    description: str
    charts: Sequence[Chart]

    @property
    def metrics(self) -> list[str]:
        """The metrics it shows; sites that measure any of them can be chosen."""
        return [chart.metric for chart in self.charts]


_AIR_QUALITY = Domain(
    "hedgerow-air-quality",
    "Air quality",
    "Particles and gases at the county's monitoring points.",
    [
        Chart("pm2_5", "Fine particles (PM2.5)", "Mass of particles up to 2.5 µm.", units.MicrogramPerCubicMeter),
        Chart("pm10", "Particles (PM10)", "Mass of particles up to 10 µm.", units.MicrogramPerCubicMeter),
        Chart("no2", "Nitrogen dioxide", "NO2, at 20 °C and 101.3 kPa; mostly from traffic.", units.MicrogramPerCubicMeter),
        Chart("o3", "Ozone", "O3; highest on sunny afternoons, low beside busy roads.", units.MicrogramPerCubicMeter),
    ],
)

_TRAFFIC = Domain(
    "hedgerow-traffic",
    "Traffic",
    "Flow and speed at the county's counters.",
    [
        Chart(
            "vehicle_count",
            "Vehicles",
            "Vehicles counted in each interval of the chart, all classes. A longer time shown means longer intervals.",
            units.Short,
            statistic="sum",
            decimals=0,
        ),
        Chart("speed_mean_time", "Mean speed", "Arithmetic mean of the speeds of passing vehicles.", units.KilometersPerHour),
        Chart("occupancy", "Occupancy", "Share of the time a vehicle stands over the detector.", units.Percent),
    ],
)

_ASSETS = Domain(
    "hedgerow-assets",
    "Assets",
    "Bins, gullies, rivers and roads: what needs a visit, and the batteries of the sensors there.",
    [
        Chart("fill_level", "Bin fill level", "How full a bin is; 100 % is full.", units.Percent, decimals=0),
        Chart("silt_depth", "Gully silt depth", "Silt at the bottom of a gully.", units.Millimeter, decimals=0),
        Chart("water_level", "Water level", "Level above the datum of the site, positive upwards.", units.Meter, decimals=2),
        Chart(
            "road_surface_temperature",
            "Road surface temperature",
            "Temperature of the road itself; gritting is decided near 0 °C.",
            units.Celsius,
        ),
        Chart("battery_level", "Battery level", "What is left in the batteries of the sensors.", units.Percent, decimals=0),
        Chart("battery_voltage", "Battery voltage", "Voltage of the batteries of the sensors.", units.Volt, decimals=2),
    ],
)

DOMAINS = (_AIR_QUALITY, _TRAFFIC, _ASSETS)


def render(domain: Domain) -> str:
    """Give the JSON text of one dashboard; the same every time."""
    builder = _frame(domain)
    for panel in _panels(domain):
        builder.with_panel(panel)
    built = builder.build()
    _lay_out(built.panels or [])
    return json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def file_of(domain: Domain) -> Path:
    """Tell where the JSON of one dashboard is kept."""
    return FOLDER / f"{domain.uid.removeprefix('hedgerow-').replace('-', '_')}.json"


def write_all() -> None:
    """Write every dashboard into its file."""
    for domain in DOMAINS:
        file_of(domain).write_text(render(domain), encoding="utf-8")


def _frame(domain: Domain) -> dashboard.Dashboard:
    links = (
        dashboard.DashboardLink("Hedgerow")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .as_dropdown(as_dropdown=False)
        .keep_time(keep_time=True)
    )
    return (
        dashboard.Dashboard(domain.title)
        .uid(domain.uid)
        .description(domain.description)
        .tags([_TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-24h", "now")
        .refresh("1m")
        .link(links)
        .with_variable(_site_variable(domain))
        .with_variable(_metric_variable(domain))
    )


def _panels(domain: Domain) -> list[Builder[Panel]]:
    metrics = domain.metrics
    return [
        number("Sites", "Chosen sites that sent something in the time shown.", "count_sites", metrics, units.Short),
        number("Readings", "Readings stored in the time shown.", "count_readings", metrics, units.Short),
        number("Set aside", "Readings that aggregates leave out: doubtful ones.", "share_set_aside", metrics, units.Percent),
        number("Newest reading", "When the newest was measured.", "newest_reading", metrics, units.DateTimeFromNow),
        *_charts(domain.charts),
        chosen_metric_chart(),
        latest_table(metrics),
        count_table(metrics),
    ]


def _charts(charts: Sequence[Chart]) -> list[Builder[Panel]]:
    """Two charts a line; the last of an odd number has a line for itself."""
    alone = len(charts) - 1 if len(charts) % 2 else None
    return [metric_chart(chart, _WIDTH if place == alone else _WIDTH // 2) for place, chart in enumerate(charts)]


def _lay_out(panels: Sequence[Panel | RowPanel]) -> None:
    """Place panels like words on lines, and number them."""
    x = y = tallest = 0
    for number_, panel in enumerate(panels, start=1):
        panel.id_val = number_
        spot = panel.grid_pos
        if spot is None:
            raise ValueError(f"{panel.title} has no size")
        if x + spot.w > _WIDTH:
            x, y, tallest = 0, y + tallest, 0
        spot.x, spot.y = x, y
        x, tallest = x + spot.w, max(tallest, spot.h)


def _site_variable(domain: Domain) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("site")
        .label("Site")
        .description("Which sites are shown.")
        .datasource(targets.DATABASE)
        .query(targets.sql("choose_site", metrics=domain.metrics))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _metric_variable(domain: Domain) -> dashboard.QueryVariable:
    first = domain.metrics[0]
    return (
        dashboard.QueryVariable("metric")
        .label("Chosen metric")
        .description("What the chart of the chosen metric shows.")
        .datasource(targets.DATABASE)
        .query(targets.sql("choose_metric"))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .current(VariableOption(selected=True, text=first, value=first))
    )


if __name__ == "__main__":
    write_all()
