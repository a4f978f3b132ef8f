"""The kinds of panel our dashboards are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, dashboardlist, geomap, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    FrameGeometrySourceMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.geomap import MapCenterID, TooltipMode

from grafana import signs, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models.dashboard import DataSourceRef, ValueMapping

POINTS = 500  # most points a line: bounds the answer of the API
_SITE = "/d/hedgerow-site?var-site={}&${{__url_time_range}}"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a panel, and its size on the grid of 24 columns."""

    title: str
    description: str
    width: int = 24
    height: int = 8


class _Asking(Protocol):
    """A panel that asks something."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...


_Panel = TypeVar("_Panel", bound=_Asking)


def number(
    frame: Frame,
    target: targets.Target,
    unit: str,
    limits: dashboard.ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
) -> stat.Panel:
    """Show one value; with `limits` in their colours. Text too."""
    plain = BigValueColorMode.VALUE if limits or mappings else BigValueColorMode.NONE
    everything = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/")
    panel = _framed(stat.Panel(), frame, target).unit(unit).no_value("none").color_mode(plain).mappings(list(mappings))
    panel.graph_mode(BigValueGraphMode.NONE).reduce_options(everything).thresholds(limits or signs.steps(base=signs.BLUE))
    return panel.text_mode(BigValueTextMode.VALUE)


def bars(frame: Frame, target: targets.Target, unit: str, limits: dashboard.ThresholdsConfig | None = None) -> bargauge.Panel:
    """Compare the rows of an answer: a word and a number each."""
    return (
        _framed(bargauge.Panel(), frame, target)
        .unit(unit)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().values(values=True).calcs(["lastNotNull"]).limit(40))
        .thresholds(limits or signs.steps(base=signs.BLUE))
    )


def lines(frame: Frame, target: targets.Target, unit: str, decimals: int = 1, least: str = "1m") -> timeseries.Panel:
    """Draw lines over time; no interval is shorter than `least`."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return (
        _framed(timeseries.Panel(), frame, target)
        .unit(unit)
        .decimals(decimals)
        .interval(least)
        .max_data_points(POINTS)
        .no_value("no readings")
        .line_width(2)
        .legend(legend.show_legend(show_legend=True))
        .tooltip(tooltip)
    )


def site_lines(frame: Frame, target: targets.Target, unit: str, decimals: int = 1, least: str = "1m") -> timeseries.Panel:
    """Draw a line a place, from paler to deeper blue by its last value; a click on it leads to its site."""
    colour = dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_PU)
    return (
        lines(frame, target, unit, decimals, least)
        .display_name("${__field.labels.place}")
        .color_scheme(colour)
        .data_links([_link("Site: ${__field.labels.place}", _SITE.format("${__field.labels.site}"))])
    )


def limited(panel: timeseries.Panel, limit: float) -> timeseries.Panel:
    """Draw a dashed line at a value to look out for."""
    style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(signs.steps((limit, signs.VERMILION), base="transparent")).thresholds_style(style)


def stacked(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw stacked bars in place of lines."""
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).stacking(common.StackingConfig().mode(StackingMode.NORMAL))


def listing(
    frame: Frame, target: targets.Target, columns: Mapping[str, Sequence[DynamicConfigValue]] | None = None
) -> table.Panel:
    """List rows. A column `Site` leads to the site whose code is in the column `Code`, which is hidden."""
    panel = _framed(table.Panel(), frame, target).unit("none").no_value("-").filterable(filterable=True)
    panel.override_by_name("Site", _site_link())
    panel.override_by_name("Code", [DynamicConfigValue("custom.hidden", value=True)])
    panel.override_by_name("State", signs.stated())
    for name, properties in (columns or {}).items():
        panel.override_by_name(name, list(properties))
    return panel


def site_map(frame: Frame, target: targets.Target) -> geomap.Panel:
    """Show sites where they are: the colour of their state, and its word where it is not ok."""
    style = {
        "color": {"field": "State", "fixed": signs.GREY},
        "opacity": 0.9,
        "size": {"fixed": 7, "min": 2, "max": 15},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
        "text": {"mode": "field", "field": "Label", "fixed": ""},
        "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 14, "textAlign": "center", "textBaseline": "middle"},
    }
    place = common.FrameGeometrySource().mode(FrameGeometrySourceMode.COORDS).latitude("Latitude").longitude("Longitude")
    sites = common.MapLayerOptions().type("markers").name("Sites").location(place).tooltip(tooltip=True)
    panel = _framed(geomap.Panel(), frame, target).unit("none").mappings(signs.states())
    panel.override_by_name("Site", _site_link())
    panel.basemap(common.MapLayerOptions().type("default").name("Map")).tooltip(
        geomap.TooltipOptions().mode(TooltipMode.DETAILS)
    )
    panel.view(geomap.MapViewConfig().id(MapCenterID.FIT).all_layers(all_layers=True).padding(5).zoom(12))
    panel.controls(geomap.ControlsOptions().show_zoom(show_zoom=True).show_attribution(show_attribution=True))
    return panel.layers([sites.config({"showLegend": True, "style": style})])


def boards_list(frame: Frame, tag: str) -> dashboardlist.Panel:
    """List our dashboards, with the time kept."""
    panel = dashboardlist.Panel().title(frame.title).description(frame.description).span(frame.width).height(frame.height)
    panel.datasource(targets.DATABASE).tags([tag]).show_search(show_search=True).show_starred(show_starred=False)
    return panel.show_headings(show_headings=False).keep_time(keep_time=True).max_items(20)


def _framed(panel: _Panel, frame: Frame, target: targets.Target) -> _Panel:
    panel.title(frame.title).description(frame.description).datasource(target.source).with_target(target)
    return panel.span(frame.width).height(frame.height)


def _site_link() -> list[DynamicConfigValue]:
    return [DynamicConfigValue("links", [_link("Site", _SITE.format("${__data.fields.Code}")).build()])]


def _link(title: str, address: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(address)
