"""The table of `hedgerow bench ingest`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from hedgerow.bench.report import Report, number, rounded, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hedgerow.bench.flood import Flood
    from hedgerow.bench.ingest import Column, Result

GOALS = {(True, False): 0.8, (False, False): 0.9, (True, True): 0.75, (False, True): 0.75}
"""Ratio to reach, by whether the archive is on and whether commits are slowed."""

_NOTES = (
    (
        "The ratio is readings stored in a second, from the first message sent until the last reading is committed, against"
        " rows a second of raw binary COPY: the same rows in batches of 40,000, sorted and encoded beforehand, into the same"
        " table with the same key. COPY is measured twice before each flood and twice after it."
    ),
    "After each flood every row was compared, to the bit, with what was sent, and the raw messages archived were counted.",
    "The broker alone is what it delivers to a subscriber that counts, acknowledges and does nothing else.",
)


def report(results: Sequence[Result], machine: Mapping[str, str]) -> Report:
    """Lay out results side by side, one column each."""
    return Report(
        "ingest",
        machine,
        ["", *(_heading(result.column) for result in results)],
        [(name, *(write(result) for result in results)) for name, write in _rows(results[0])],
        _NOTES,
        [_figures(result) for result in results],
    )


def goal(column: Column) -> float:
    """Give the ratio to reach."""
    return GOALS[column.archive, bool(column.commit_ms)]


def _heading(column: Column) -> str:
    archive = "everything on" if column.archive else "archive off"
    return f"{archive}\ncommits {f'+{column.commit_ms:g} ms' if column.commit_ms else 'as they are'}"


def _rows(first: Result) -> list[tuple[str, Callable[[Result], str]]]:
    """Name the rows, each with what writes its cells."""
    nothing: tuple[str, Callable[[Result], str]] = ("", lambda _: "")
    return [
        ("ratio to raw COPY", lambda r: number(r.ratio, 2)),
        ("to reach", lambda r: f"\N{GREATER-THAN OR EQUAL TO} {number(goal(r.column), 2)}"),
        nothing,
        ("messages", lambda r: number(r.flood.messages)),
        ("readings stored", lambda r: number(r.flood.readings)),
        ("until all are stored [s]", lambda r: number(r.flood.seconds, 2)),
        ("until all are published [s]", lambda r: number(r.flood.publish_s, 2)),
        ("messages/s", lambda r: number(r.flood.messages_per_s)),
        ("readings/s", lambda r: number(r.flood.readings_per_s)),
        nothing,
        ("raw COPY, rows/s (median)", lambda r: number(r.copy_rows_per_s)),
        ("raw COPY, least \N{EN DASH} most", lambda r: spread([copied.rows_per_s for copied in r.copies])),
        ("broker alone, messages/s", lambda r: number(median(r.delivered_per_s))),
        ("broker alone, least \N{EN DASH} most", lambda r: spread(r.delivered_per_s)),
        ("one small commit [ms]", lambda r: number(r.commit_ms, 3)),
        nothing,
        *_cpu_rows(first),
        nothing,
        ("peak memory of ingest [MiB], 256 at most", lambda r: number(r.ingest_peak_mib)),
    ]


def _cpu_rows(first: Result) -> list[tuple[str, Callable[[Result], str]]]:
    each = [(f"  {name}", lambda r, n=name: _cpu(r.flood, n)) for name in first.flood.cpu_s]
    return [
        ("CPU, \N{MICRO SIGN}s a message (s)", lambda _: ""),
        *each,
        ("  all of these", lambda r: number(r.flood.cpu_us_per_message["all"], 1)),
        ("  cores busy", lambda r: number(r.flood.cores_busy, 2)),
        ("  PostgreSQL for raw COPY alone", lambda r: number(r.copy_cpu_us_per_message, 1)),
    ]


def _cpu(flood: Flood, name: str) -> str:
    used = flood.cpu_s[name]
    return number(None) if used is None else f"{number(flood.cpu_us_per_message[name], 1)} ({number(used, 2)})"


def _figures(result: Result) -> dict[str, object]:
    flood = result.flood
    return {
        "archive": result.column.archive,
        "commit_slowed_ms": result.column.commit_ms,
        "commit_ms": rounded(result.commit_ms),
        "messages": flood.messages,
        "readings_stored": flood.readings,
        "seconds": rounded(flood.seconds),
        "publish_seconds": rounded(flood.publish_s),
        "messages_per_s": rounded(flood.messages_per_s, 0),
        "readings_per_s": rounded(flood.readings_per_s, 0),
        "copy_rows_per_s": rounded(result.copy_rows_per_s, 0),
        "copy_rows_per_s_each": [rounded(copied.rows_per_s, 0) for copied in result.copies],
        "ratio": rounded(result.ratio),
        "ratio_to_reach": goal(result.column),
        "broker_messages_per_s_each": [rounded(rate, 0) for rate in result.delivered_per_s],
        "cpu_s": {name: rounded(used) for name, used in flood.cpu_s.items()},
        "cpu_us_per_message": {name: rounded(used) for name, used in flood.cpu_us_per_message.items()},
        "copy_cpu_us_per_message": rounded(result.copy_cpu_us_per_message),
        "cores_busy": rounded(flood.cores_busy),
        "ingest_peak_mib": rounded(result.ingest_peak_mib, 1),
    }
