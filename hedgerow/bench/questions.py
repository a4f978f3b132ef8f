"""What people ask of a stocked store: each question as an address of the API, and as the bare SQL one would write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from simulators.load import uid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.bench.stock import Stock

_SITES = 50
_DAYS = 30
_METRIC = "pm2_5"
_ZONE = "Europe/London"


@dataclass(frozen=True, slots=True)
class Question:
    """One question, asked in both ways."""

    name: str
    address: str
    sql: str
    """A named query."""
    values: Mapping[str, object] = field(default_factory=dict)
    goal_ms: float | None = None
    """The 95th percentile is to be at most this [ms]."""
    is_counted: bool = True
    """Whether both answers have as many rows: an array, or the features of a collection."""


def questions(stock: Stock, series: Mapping[int, int], turn: int) -> list[Question]:
    """Give every question once, of other sites in every turn.

    Parameters
    ----------
    series
        Id of the series of the metric asked for, by number of the site, of those that have a year.
    """
    end = datetime.fromtimestamp(stock.end_s, UTC)
    wanted = stock.wanted
    one = turn % wanted.long_sites
    sites = [uid_of((turn * _SITES + place) % wanted.sites) for place in range(min(_SITES, wanted.sites))]
    year = {"series": series[one], "start": end - timedelta(days=wanted.days), "end": end}
    month = {"start": end - timedelta(days=_DAYS), "end": end}
    of_one = {"series": str(series[one]), "from": _iso(year["start"]), "to": _iso(end), "stat": "mean"}
    of_sites = {"metric": _METRIC, "from": _iso(month["start"]), "to": _iso(end), "every": "1h", "stat": "mean"}
    site = uid_of(turn % wanted.sites)
    return [
        Question(
            f"one series, {wanted.days} days of hours", _aggregate(of_one | {"every": "1h"}), "bench_year_of_hours", year, 15.0
        ),
        Question(
            f"one series, {wanted.days} days",
            _aggregate(of_one | {"every": "1d"}),
            "bench_year_of_days",
            {**year, "zone": _ZONE},
        ),
        Question(
            f"{len(sites)} sites, {_DAYS} days of hours",
            _aggregate(of_sites) + "".join(f"&site={code}" for code in sites),
            "bench_hours_of_sites",
            {**month, "sites": sites, "metric": _METRIC},
            80.0,
        ),
        Question("last values of all series", "/api/v1/latest", "bench_latest", {}, 60.0),
        Question("all sites with their state", "/api/v1/sites.geojson", "bench_sites", {}, 60.0),
        Question("a page of a site", f"/sites/{site}", "bench_site", {"site": site}, is_counted=False),
    ]


def _aggregate(asked: Mapping[str, str]) -> str:
    return f"/api/v1/aggregate?{urlencode(asked)}"


def _iso(moment: object) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(moment, datetime) else str(moment)
