"""Dashboard: the county at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import signs, targets
from grafana.board import TAG, Board
from grafana.panels import Frame, bars, boards_list, listing, number, site_map

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat

_CAPTURE = signs.steps(*signs.CAPTURE, base=signs.VERMILION)


def _asked(name: str, **values: str) -> targets.Target:
    return targets.database(targets.sql(name, **values), "table")


def _in_state(state: str, title: str, description: str) -> stat.Panel:
    limits = signs.steps(base=signs.GREEN) if state == "ok" else signs.steps((1, signs.STATES[state][1]), base=signs.GREY)
    return number(Frame(title, description, 4, 4), _asked("count_sites_in_state", state=state), units.Short, limits)


BOARD = Board(
    "hedgerow-county",
    "County overview",
    "How the county's sensors report, where, and what needs a look.",
    [
        _in_state("ok", "Sites ok", "Every device there sends as often as expected."),
        _in_state("late", "Sites late", "A device there has missed a message; not yet a reason to go."),
        _in_state("stale", "Sites stale", "A device there has missed several messages: what it showed last is old."),
        _in_state("offline", "Sites offline", "A device there is taken to have failed."),
        number(
            Frame("Data capture, 24 h", "Readings that count, of those expected in the last 24 whole hours. Aim: 90 %.", 4, 4),
            _asked("capture_of_county"),
            units.PercentUnit,
            _CAPTURE,
        ),
        number(
            Frame("Newest reading", "When the newest reading of all was measured.", 4, 4),
            _asked("newest_reading"),
            units.DateTimeFromNow,
        ),
        site_map(
            Frame(
                "Where", "Each site where it is, in the colour of its state; its state as a word where it is not ok.", 14, 16
            ),
            _asked("map_sites"),
        ),
        listing(
            Frame("Alarms", "What the watch over silence or a network server complained of in the time shown.", 10, 16),
            _asked("list_alarms"),
        ),
        boards_list(Frame("More", "The other dashboards; the time shown is kept.", 12, 7), TAG),
        bars(
            Frame("Data capture by domain, 24 h", "Readings that count, of those expected in the last 24 whole hours.", 12, 7),
            _asked("capture_by_domain"),
            units.PercentUnit,
            _CAPTURE,
        ).max(1),
        listing(
            Frame("Sites", "Every site, those that need a look first; a click on a name leads to its detail.", 24, 12),
            _asked("list_sites"),
            {
                "Last value": [DynamicConfigValue("decimals", 1)],
                "Data capture, 24 h": [*signs.coloured(_CAPTURE), DynamicConfigValue("unit", units.PercentUnit)],
            },
        ),
    ],
)
