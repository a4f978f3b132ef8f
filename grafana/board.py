"""What a dashboard is to us: its words, its variables and annotations, its panels; and how it becomes Grafana's JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    RowPanel,
    VariableHide,
    VariableOption,
    VariableRefresh,
)

from grafana import targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.models.dashboard import DashboardLink, VariableModel

TAG = "hedgerow"
_WIDTH = 24  # columns of Grafana's grid


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    panels: Sequence[Builder[Panel]]
    variables: Sequence[Builder[VariableModel]] = ()
    annotations: Sequence[Annotation] = ()
    links: Sequence[Builder[DashboardLink]] = ()
    metrics: Sequence[str] = ()
    """The metrics whose sites can be chosen."""
    shown: str = "now-24h"
    """From when on, as it opens."""


@dataclass(frozen=True, slots=True)
class Annotation(Builder[AnnotationQuery]):
    """Marks on the charts, asked of the database: columns time, timeEnd, text, tags."""

    name: str
    colour: str
    raw_sql: str

    def build(self) -> AnnotationQuery:
        """Give what the SDK knows of it; what is asked does not fit into its model."""
        return AnnotationQuery(self.name, targets.DATABASE, enable=True, icon_color=self.colour)

    def question(self) -> dict[str, object]:
        """Give what is asked."""
        return targets.database(self.raw_sql, "table").to_json()


def render(board: Board) -> str:
    """Give the JSON text of one dashboard; the same every time."""
    builder = _frame(board)
    for panel in board.panels:
        builder.with_panel(panel)
    built = builder.build()
    _lay_out(built.panels or [])
    plain = json.loads(json.dumps(built, cls=JSONEncoder))
    for made, annotation in zip(plain["annotations"].get("list", []), board.annotations, strict=True):
        made["target"] = json.loads(json.dumps(annotation.question(), cls=JSONEncoder))
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def choice(name: str, label: str, description: str, question: str, chosen: str = "") -> dashboard.QueryVariable:
    """Let one value be chosen, of those a question gives; first `chosen`, or else the first there is."""
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(targets.DATABASE)
        .query(question)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )
    return variable.current(VariableOption(selected=True, text=chosen, value=chosen)) if chosen else variable


def choices(name: str, label: str, description: str, question: str) -> dashboard.QueryVariable:
    """Let several values be chosen; first all."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    return choice(name, label, description, question).multi(multi=True).include_all(include_all=True).current(everything)


def hidden(name: str, description: str, question: str) -> dashboard.QueryVariable:
    """Know a value that nobody chooses."""
    return choice(name, name, description, question).hide(VariableHide.HIDE_VARIABLE)


def _frame(board: Board) -> dashboard.Dashboard:
    all_boards = (
        dashboard.DashboardLink("Hedgerow")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .keep_time(keep_time=True)
    )
    builder = dashboard.Dashboard(board.title).uid(board.uid).description(board.description).tags([TAG]).readonly()
    builder.tooltip(DashboardCursorSync.CROSSHAIR).time(board.shown, "now").refresh("1m")
    builder.links([all_boards, *board.links])
    for variable in board.variables:
        builder.with_variable(variable)
    for annotation in board.annotations:
        builder.annotation(annotation)
    return builder


def _lay_out(panels: Sequence[Panel | RowPanel]) -> None:
    """Place panels like words on lines, and number them."""
    x = y = tallest = 0
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number
        spot = panel.grid_pos
        if spot is None:
            raise ValueError(f"{panel.title} has no size")
        if x + spot.w > _WIDTH:
            x, y, tallest = 0, y + tallest, 0
        spot.x, spot.y = x, y
        x, tallest = x + spot.w, max(tallest, spot.h)
