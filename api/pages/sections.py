"""From buckets to what a site page says of each metric: a sentence, and the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from api.pages.words import bucket_text, count_text, duration_text, iso, metric_label, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from api.pages.ranges import Range

_GAP_WIDTHS = 2.5  # as in the charts: neighbours further apart than this many widths or intervals have a gap between


@dataclass(frozen=True, slots=True)
class Bucket:
    """Statistics of one series in one bucket."""

    series_id: int
    time: datetime
    mean: float
    min: float
    max: float
    sum: float
    n: int


@dataclass(frozen=True, slots=True)
class SiteSeries:
    """One series of a site with its last reading, if it has one."""

    series_id: int
    metric: str
    unit: str
    kind: str
    channel: str
    time: datetime | None
    value: float | None
    flags: int | None

    @property
    def label(self) -> str:
        """The metric as a person reads it."""
        return metric_label(self.metric, self.channel)

    @property
    def unit_shown(self) -> str:
        """The unit as an axis shows it: none for yes and no, and for numbered states."""
        return "" if self.unit in ("bool", "enum") else self.unit


@dataclass(frozen=True, slots=True)
class Section:
    """What a site page shows of one series."""

    series: SiteSeries
    rows: Sequence[Bucket]
    summary: str
    json: str
    csv: str


def make_section(
    series: SiteSeries, rows: Sequence[Bucket], chosen: Range, site: str, *, zone: ZoneInfo, expected_s: int, flagged: bool
) -> Section:
    """Put together what is shown of one series.

    Parameters
    ----------
    rows
        Its buckets of `chosen.table_every_s`, ascending; none where nothing lies in the range.
    expected_s
        How often the site's device is expected to speak [s].
    flagged
        Whether doubtful readings are included.
    """
    question = [
        ("site", site),
        ("metric", series.metric),
        ("from", iso(chosen.start)),
        ("to", iso(chosen.end)),
        ("every", every_text(chosen.chart_every_s)),
        ("include_flagged", str(flagged).lower()),
    ]
    statistics = [("stat", name) for name in ("last" if series.kind == "state" else "mean", "min", "max")]
    return Section(
        series,
        rows,
        summary=summary_text(series.unit, rows, chosen.table_every_s, expected_s, zone) if rows else "",
        json=f"/api/v1/aggregate?{urlencode(question + statistics)}",
        csv=f"/sites/{site}/readings.csv?{urlencode([*question[1:], ('channel', series.channel)])}",
    )


def every_text(seconds: int) -> str:
    """Write a width as the API takes it: `15m`."""
    for width, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % width == 0:
            return f"{seconds // width}{unit}"
    return f"{seconds}s"


def summary_text(unit: str, rows: Sequence[Bucket], every_s: int, expected_s: int, zone: ZoneInfo) -> str:
    """Say in a sentence what the chart shows; `rows` has at least one bucket."""
    count = sum(row.n for row in rows)
    mean = sum(row.sum for row in rows) / count
    lowest = min(rows, key=lambda row: row.min)
    highest = max(rows, key=lambda row: row.max)
    told = f"{count_text(count)} reading{'' if count == 1 else 's'}.{_gap_text(rows, every_s, expected_s)}"
    if lowest.min == highest.max:
        return f"{value_text(mean, unit)} throughout; {told}"
    low_at, high_at = (bucket_text(row.time, zone, every_s) for row in (lowest, highest))
    return (
        f"Mean {value_text(mean, unit)}; lowest {value_text(lowest.min, unit)} (from {low_at}),"
        f" highest {value_text(highest.max, unit)} (from {high_at}); {told}"
    )


def _gap_text(rows: Sequence[Bucket], every_s: int, expected_s: int) -> str:
    distances = [(b.time - a.time).total_seconds() for a, b in pairwise(rows)]
    usual = sorted(distances)[len(distances) // 2] if distances else 0
    widest = _GAP_WIDTHS * max(every_s, expected_s, usual)
    gaps = [distance for distance in distances if distance > widest]
    if not gaps:
        return ""
    counted = "One gap, of" if len(gaps) == 1 else f"{len(gaps)} gaps, the longest"
    return f" {counted} about {duration_text(max(gaps))}."
